"""Discover: which log days are new, grown, late, stale or asked for?"""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from include.s3logs.catalogs.claims import Catalog
from include.s3logs.days.stale import ASKED_AGAIN, UNDETERMINED, stale_among, stale_days
from include.s3logs.days.states import can_be_determined, days_of_other_salt
from include.s3logs.errors import SettingsError
from include.s3logs.lake.checkpoint import fingerprint_of, load_checkpoint
from include.s3logs.lake.open_days import claim_day, notes, open_days
from include.s3logs.lake.stages import MAPPED, REDUCED
from include.s3logs.logs.listings import Carried, carry
from include.s3logs.logs.sources import Listing, find_log_objects
from include.s3logs.secrets import masked
from include.s3logs.settings import Settings
from include.s3logs.stages import reduce
from include.s3logs.stores.store import ABSENT, PARALLEL_READS, Store

log = logging.getLogger(__name__)

NEW = "new"
CHANGED = "log objects or settings changed"
UNFINISHED = "not finished"
OTHER_SALT = "mapped with another salt"
"""Why a log day has work to do; `stale` has more reasons."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which log days a run is asked to do.

    Named `days`, or every log day found in a range (either end may be open), or else its `own_day`, with the
    changed days of the settling window before it unless `only_own_day` (a backfill run). A run with
    `other_sources` than the settings name leaves alone what it was not asked for: the days to map anew.
    """

    own_day: date
    days: tuple[date, ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    only_own_day: bool = False
    other_sources: bool = False

    def check(self, today: date) -> None:
        """Raise SettingsError for a request that makes no sense."""
        if self.days and self.is_range:
            raise SettingsError("Give either `days` or a range (`first_day`, `last_day`), not both.")
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise SettingsError(f"first_day {self.first_day} is after last_day {self.last_day}.")
        for day in (self.own_day, *self.days, self.first_day, self.last_day):
            if day and day > today:
                raise SettingsError(f"The log day {day} lies in the future (today is {today} UTC).")

    @property
    def is_range(self) -> bool:
        """Tell whether every log day found between two dates is asked for."""
        return self.first_day is not None or self.last_day is not None

    @property
    def is_daily(self) -> bool:
        """Tell whether the run does its own day and what changed in the settling window."""
        return not (self.days or self.is_range or self.only_own_day)

    @property
    def looks_back(self) -> bool:
        """Tell whether the run also does the days of all times that have other work than new log objects."""
        is_all = self.is_range and self.first_day is None and (self.last_day or self.own_day) >= self.own_day
        return (self.is_daily or is_all) and not self.other_sources

    def window(self, settling_days: int) -> tuple[date | None, date | None]:
        """Return the first and last log day to list."""
        if self.is_range:
            return self.first_day, self.last_day
        if self.days:
            return min(self.days), max(self.days)
        return self.own_day - timedelta(days=settling_days if self.is_daily else 0), self.own_day

    def covers(self, day: date, settling_days: int) -> bool:
        """Tell whether the log day is among those that are listed."""
        first, last = self.window(settling_days)
        return (first or day) <= day <= (last or day)


@dataclass(frozen=True, slots=True)
class Plan:
    """The log days a run does, oldest first, those it leaves to the next run, and why there is work.

    `work` says so for each day that changed; others are done because they were asked for. `objects` counts
    the log objects of the days to do, and `listings` are what the tasks of the run are handed of them; of
    days that are only to be mapped anew nothing was listed.
    """

    days: list[date]
    left_over: list[date]
    work: Mapping[date, str]
    objects: Mapping[date, int]
    listings: Mapping[date, Carried] = field(default_factory=dict)


def discover(
    lake: Store,
    stores: Mapping[str, Store],
    settings: Settings,
    catalog: Catalog,
    request: Request,
    *,
    limit: int,
    token: str,
    force: bool = False,
    asked_again: int = ASKED_AGAIN,
    salt: str = "",
) -> Plan:
    """Return what `look` does; open the days with work by the run's `token`, and carry their listings."""
    before = notes(lake)
    listing, plan = _look(
        *(lake, stores, settings, catalog, request),
        limit=limit,
        force=force,
        asked_again=asked_again,
        writes=True,
        salt=salt,
    )
    for day in plan.days:
        if day in plan.work:
            claim_day(lake, day, token, over=before.get(str(day), ABSENT))
    listed = [day for day in plan.days if request.covers(day, settings.settling_days)]
    return replace(plan, listings=carry(lake, token, listing, listed))


def look(
    lake: Store,
    stores: Mapping[str, Store],
    settings: Settings,
    catalog: Catalog,
    request: Request,
    *,
    limit: int,
    force: bool = False,
    asked_again: int = ASKED_AGAIN,
    salt: str = "",
) -> Plan:
    """Return at most `limit` log days to do. Nothing is written.

    A daily run, and one of all days, also does `stale_days`, as far as there is room. With `force` it does
    not: they would be reduced again, too, from logs that may be gone. When there are more days, those that
    are up to date are passed over first, then the newest ones wait; of stale days those mapped the longest
    ago go first, so that each has its turn.

    Days with another salt than `salt`, the name of today's, are mapped again only when the request names them
    or a range around them, with or without log objects. Else workers that have different ones would map each
    other's days again.
    """
    given = (lake, stores, settings, catalog, request)
    return _look(*given, limit=limit, force=force, asked_again=asked_again, writes=False, salt=salt)[1]


def _look(
    lake: Store,
    stores: Mapping[str, Store],
    settings: Settings,
    catalog: Catalog,
    request: Request,
    *,
    limit: int,
    force: bool,
    asked_again: int,
    writes: bool,
    salt: str,
) -> tuple[Listing, Plan]:
    looks_back = request.looks_back and not force
    listing = find_log_objects(stores, *request.window(settings.settling_days))
    named = _named(request, listing)
    salted = set() if force else _with_other_salt(lake, request, settings, salt)
    if request.is_range:
        named |= salted
        if not named:
            raise SettingsError(_nothing_found(request, listing, stores))
    work = _changed_days(lake, listing, {*listing.by_day, *named}, settings)
    changed = set(work)
    work = dict.fromkeys(salted & named, OTHER_SALT) | work
    if looks_back:
        given = (lake, stores, catalog, request.own_day + timedelta(days=1), settings.settling_days)
        stale = stale_days(*given, asked_again=asked_again, writes=writes)
    else:
        stale = stale_among(lake, catalog, named, writes=writes)
    wanted = sorted({*named, *changed} if request.is_daily else named)
    others = [day for day in stale if day not in wanted]
    work = stale | work
    if len(wanted) + len(others) > limit and not force:
        wanted = [day for day in wanted if day in work]
    in_turn = wanted + others
    objects = {day: len(listing.of(day)) for day in in_turn[:limit]}
    plan = Plan(sorted(in_turn[:limit]), sorted(in_turn[limit:]), work, objects)
    _report(plan, listing, others, limit)
    return listing, plan


def _named(request: Request, listing: Listing) -> set[date]:
    """Return the days that the request itself names, whether they changed or not."""
    if request.is_range:
        return set(listing.by_day)
    return set(request.days) or {request.own_day}


def _with_other_salt(lake: Store, request: Request, settings: Settings, salt: str) -> set[date]:
    """Return the finished days of the request's span that have another salt and can be mapped again."""
    if not salt or request.is_daily or request.other_sources:
        return set()
    return days_of_other_salt(lake, salt, *request.window(settings.settling_days))


def _changed_days(lake: Store, listing: Listing, days: set[date], settings: Settings) -> dict[date, str]:
    """Return those of the log days whose figures do not cover exactly the log objects there are now, and why.

    A day that has figures and no log objects any more is not changed: its figures stay.
    """
    unfinished = open_days(lake)

    def change(day: date) -> str:
        checkpoint = load_checkpoint(lake, MAPPED.name, day)
        if checkpoint is None:
            return NEW
        if str(day) in unfinished:
            return UNFINISHED
        if can_be_determined(lake, checkpoint):
            return UNDETERMINED
        if day not in listing.by_day:
            return ""
        inputs = reduce.reduce_inputs(listing.of(day), settings)
        made_by = checkpoint.upstream[REDUCED.name]["fingerprint"]
        if made_by == fingerprint_of(inputs):
            return ""
        reduced = load_checkpoint(lake, REDUCED.name, day)  # earlier releases may have other fingerprints
        same = reduced and reduced.fingerprint == made_by and reduced.is_made_from(inputs)
        return "" if same else CHANGED

    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        return {day: why for day, why in zip(days, pool.map(change, days), strict=True) if why}


def _nothing_found(request: Request, listing: Listing, stores: Mapping[str, Store]) -> str:
    span = f"from {request.first_day or 'the beginning'} to {request.last_day or 'now'}"
    others = ""
    if (foreign := listing.foreign).count:
        others = f" {foreign.count} other objects are there, such as {foreign.examples[0]}."
    return f"No log objects {span} in {', '.join(stores)}.{others} Check S3LOGS_SOURCES and the dates."


def _report(plan: Plan, listing: Listing, others: list[date], limit: int) -> None:
    objects, changed = sum(plan.objects.values()), len(plan.work)
    log.info("%d log days to do with %d log objects; %d days changed.", len(plan.days), objects, changed)
    if (foreign := listing.foreign).count:
        examples = [masked(uri) for uri in foreign.examples[:3]]
        log.info("%d objects are no access logs, such as %s", foreign.count, examples)
    if absent := [day for day in plan.days if day not in listing.by_day and day not in others]:
        log.warning("No log objects for %s", ", ".join(map(str, absent)))
    if plan.left_over:
        log.warning(
            "One run does at most %d days (max_map_length): %d days from %s on wait for the next run.",
            limit,
            len(plan.left_over),
            plan.left_over[0],
        )
