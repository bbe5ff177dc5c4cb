"""The pipeline in one visible sequence, without Airflow: discover, stages of each log day, publish, retain.

For scripts, tests, benchmarks and debugging; production runs on Airflow, which retries, schedules and shows.
Beside an Airflow that works on the same lake this is one more attempt: of two at the same day one is the
first, and the lake says which.

    from include.s3logs.pipeline import run
    report = run(load_settings())
"""

import logging
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from typing import NamedTuple, TypeVar

from include.s3logs.catalogs.claims import EmptyCatalog
from include.s3logs.days.discover import Plan, Request, discover, look
from include.s3logs.days.judgement import NOTHING, Judgement, judge
from include.s3logs.days.retention import Retention, retain
from include.s3logs.days.unmatched import unmatched
from include.s3logs.deployment import Access, Deployment, access_from_environment
from include.s3logs.errors import CatalogError, ChangedObjectError, S3LogsError
from include.s3logs.lake import stages
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.most_datasets import most_datasets
from include.s3logs.publishing.publish import Publication, publish
from include.s3logs.regions import RegionSource
from include.s3logs.settings import Settings
from include.s3logs.stages.work import Work, run_stage_of

log = logging.getLogger(__name__)

Result = TypeVar("Result")
_TRIES = 3  # of what another run may be faster at


class DayRange(NamedTuple):
    """Every log day found from `first` to `last`, both included; None leaves an end open."""

    first: date | None = None
    last: date | None = None


Days = Sequence[date] | DayRange


@dataclass(frozen=True, slots=True)
class DayReport:
    """What became of one log day: `computed` or `reused` for each stage that got through, by its task.

    `counts` are those of all its stages, `seconds` all its work; `error` says why it ended early.
    """

    day: date
    outcomes: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""

    def __str__(self) -> str:
        """Return the line that people see."""
        told = ", ".join(f"{task} {outcome}" for task, outcome in self.outcomes.items())
        if self.error:
            told = f"{told}, " * bool(told) + f"FAILED: {self.error}"
        return f"{self.day}  {told}  ({self.seconds:.1f} s)"


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did: its log days, and what was published (None: that failed, `error` says why).

    `judgement` says whether what stands in the lake now is good enough, and `retained` of which log days
    addresses went (None: they are kept for ever).
    """

    days: Sequence[DayReport]
    published: Publication | None
    error: str = ""
    judgement: Judgement = NOTHING
    retained: Retention | None = None

    @property
    def exit_status(self) -> int:
        """Return 0 when every log day of the lake is complete and nothing failed, else 1."""
        if self.published is None or any(day.error for day in self.days):
            return 1
        if self.retained and self.retained.problems:
            return 1
        return 0 if self.published.days and not self.judgement.failures else 1


Progress = Callable[[DayReport], object]


def run(
    settings: Settings,
    *,
    days: Days | None = None,
    force: bool = False,
    now: datetime | None = None,
    progress: Progress | None = None,
    access: Access | None = None,
) -> Report:
    """Do the log days (all that are found, if none are given) and publish.

    `progress` is told of each day when it is done. A day that fails stops no other. `now` (UTC) decides which
    days lie in the future, and how long ago others are; `access` is how S3 and the IP service are reached
    (the environment says it, if it is not given). Raises SettingsError, CatalogError and what stores raise
    before any day is begun.
    """
    deployment = _opened(settings, access)
    token, request = f"run {secrets.token_hex(8)}", request_for(days, now)
    deployment.refresh_catalog()
    catalog, regions = deployment.catalog(), deployment.regions()
    regions = RegionSource(regions.version, cache(regions.open))  # loaded once, when the first day needs them
    plan = discover(
        *(deployment.lake, deployment.sources(), settings, catalog, request),
        limit=sys.maxsize,
        token=token,
        force=force,
        salt=deployment.salt_name(),
    )
    reports = []
    for day in plan.days:
        work = deployment.work(day, token=token, force=force, carried=plan.listings.get(day))
        reports.append(do_day(replace(work, catalog=lambda: catalog, regions=lambda: regions)))
        if progress:
            progress(reports[-1])
    masking = Masking(settings.mask_below, settings.round_to)
    published, error = None, ""
    try:
        published = unless_overtaken(
            lambda: publish(
                *(deployment.lake, masking, plan.days),
                force=force,
                today=deployment.today(),
                most_datasets=most_datasets(settings),
            )
        )
    except S3LogsError as problem:
        error = str(problem)
    judgement = NOTHING
    if published:
        done = [day for day in published.days if date.fromisoformat(day.log_day) in plan.days]
        judgement = judge(published.days, settings, unmatched=unmatched(done, settings, lambda: catalog))
    return Report(reports, published, error, judgement, _retain(deployment, regions, now))


def do_day(work: Work) -> DayReport:
    """Do the stages of one log day, one after the other, until one fails."""
    began, outcomes, counts = time.monotonic(), dict[str, str](), dict[str, int]()
    error = ""
    for stage in stages.STAGES:
        try:
            outcome = unless_overtaken(partial(run_stage_of, stage, work))
        except S3LogsError as problem:
            log.debug("%s of %s failed.", stage.task, work.day, exc_info=True)
            error = f"{stage.task}: {problem}"
            break
        outcomes[stage.task] = "reused" if outcome.reused else "computed"
        counts |= outcome.checkpoint.counts
    return DayReport(work.day, outcomes, counts, time.monotonic() - began, error)


def _retain(deployment: Deployment, regions: RegionSource, now: datetime | None) -> Retention | None:
    """Take addresses out of the lake that may be kept no longer; None when they are kept for ever."""
    keep_days = deployment.settings.keep_addresses_days
    if keep_days is None:
        return None
    try:
        return retain(deployment.lake, regions, keep_days, _today(now))
    except S3LogsError as error:
        return Retention(problems=[str(error)])


def unless_overtaken(attempt: Callable[[], Result]) -> Result:
    """Do it, and again when another run at the same was faster; what that left is then the beginning."""
    for _ in range(_TRIES - 1):
        try:
            return attempt()
        except ChangedObjectError as error:
            log.info("%s", error)
    return attempt()


def preview(
    settings: Settings,
    *,
    days: Days | None = None,
    force: bool = False,
    now: datetime | None = None,
    access: Access | None = None,
) -> Plan:
    """Return what `run` would do with the same arguments, and write nothing.

    A catalog behind an API is taken as it was last fetched.
    """
    deployment = _opened(settings, access)
    try:
        catalog = deployment.catalog()
    except CatalogError:
        if settings.catalog and deployment.is_fetched_catalog:
            log.warning("The catalog was never fetched; which days it would touch is not known.")
            catalog = EmptyCatalog()
        else:
            raise
    given = (deployment.lake, deployment.sources(), settings, catalog, request_for(days, now))
    return look(*given, limit=sys.maxsize, force=force, salt=deployment.salt_name())


def request_for(days: Days | None, now: datetime | None = None) -> Request:
    """Return the request for the days; SettingsError for one that makes no sense."""
    today = _today(now)
    own_day = today - timedelta(days=1)
    if days is None:
        days = DayRange(last=today)
    if isinstance(days, DayRange):
        request = Request(own_day, first_day=days.first, last_day=days.last)
    else:
        request = Request(own_day, days=tuple(days))
    request.check(today)
    return request


def _today(now: datetime | None) -> date:
    return (now or datetime.now(UTC)).date()


def _opened(settings: Settings, access: Access | None) -> Deployment:
    deployment = Deployment(settings, access or access_from_environment())
    deployment.check()
    return deployment
