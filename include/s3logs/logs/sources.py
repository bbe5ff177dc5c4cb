"""Find the log objects of some log days in a source, without listing years of others."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from include.s3logs.errors import CorruptRollUpError
from include.s3logs.logs.names import LogObject, parse_key
from include.s3logs.logs.rolled_up.levels import Interval, interval_of_file
from include.s3logs.logs.rolled_up.manifest import Member
from include.s3logs.logs.rolled_up.members import Place, overlaps, read_manifests
from include.s3logs.logs.rolled_up.origins import address
from include.s3logs.logs.walk import Walk
from include.s3logs.stores.store import ObjectInfo, Store

_EXAMPLES = 1000  # how many foreign objects are listed by name
_A_DATE = re.compile(r"(?<![0-9])([0-9]{4})([-/])([0-9]{2})(?:\2([0-9]{2}))?(?![0-9])")


@dataclass
class Foreign:
    """Objects that are no access logs: how many there are, and the addresses of the first of them."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, others: "Foreign") -> None:
        """Add others."""
        self.count += others.count
        self.examples += others.examples[: _EXAMPLES - len(self.examples)]


@dataclass
class Listing:
    """What one or more sources hold: log objects by log day, and what is no log object.

    `places` are those of log objects that are only in a roll-up any more. A roll-up of which no manifest can
    be read is a log object of each day it may be of; instead of its place stands why. `others` are the
    objects that are no access logs, by the last date in their key: a day, a month, or "".
    """

    by_day: dict[date, list[LogObject]] = field(default_factory=lambda: defaultdict(list))
    places: dict[LogObject, Place | CorruptRollUpError] = field(default_factory=dict)
    others: dict[str, Foreign] = field(default_factory=lambda: defaultdict(Foreign))

    def of(self, day: date) -> list[LogObject]:
        """Return the log objects of one day in a fixed order."""
        return sorted(self.by_day.get(day, ()))

    def foreign_of(self, day: date) -> Foreign:
        """Return what is no access log and may have been meant for this day: all without another date.

        So a day has the same ones, whatever other days were listed with it.
        """
        found = Foreign()
        for when in ("", f"{day:%Y-%m}", str(day)):
            if when in self.others:
                found.add(self.others[when])
        return found

    @property
    def foreign(self) -> Foreign:
        """All that is no access log."""
        found = Foreign()
        for _, others in sorted(self.others.items()):
            found.add(others)
        return found


def find_log_objects(
    stores: Mapping[str, Store], first: date | None = None, last: date | None = None
) -> Listing:
    """List the log objects of the days `first` to `last` (inclusive; None: no bound) in all `stores`.

    Those that were rolled up, and are gone since, are found in the roll-ups' manifests. Foreign objects are
    counted where the listing comes across them. What several of the stores hold, because one lies in another,
    is of the first of them.
    """
    listing, first, last = Listing(), first or date.min, last or date.max
    rolled_up: dict[str, dict[Interval, dict[str, ObjectInfo]]] = defaultdict(lambda: defaultdict(dict))
    for uri, info, day in _scan_all(stores, first, last):
        if day is not None:
            listing.by_day[day].append(LogObject(uri, info.key, info.size, info.etag))
        elif (interval := interval_of_file(info.key)) is None:
            _add_foreign(listing, stores[uri], info.key)
        elif overlaps(interval, first, last):
            rolled_up[uri][interval][info.key] = info
    for uri, intervals in rolled_up.items():
        for interval, told in read_manifests(stores[uri], intervals):
            for info in told.foreign:
                _add_foreign(listing, stores[uri], info.key)
            days = [day for day in interval.days if first <= day <= last]
            for info, why in told.unreadable.items():
                _add_unreadable(listing, stores, LogObject(uri, info.key, info.size, info.etag), days, why)
            if told.manifest is not None:
                places = (Place(uri, told.manifest, member) for member in told.manifest.objects)
                _add_rolled_up(listing, stores, places, first, last)
    return listing


def _add_foreign(listing: Listing, store: Store, key: str) -> None:
    dates = ["-".join(filter(None, (year, month, day))) for year, _, month, day in _A_DATE.findall(key)]
    listing.others[dates[-1] if dates else ""].add(Foreign(1, [store.uri(key)]))


def _add_rolled_up(
    listing: Listing, stores: Mapping[str, Store], places: Iterator[Place], first: date, last: date
) -> None:
    """Add the log objects of a roll-up that are of the days and gone from the sources."""
    present = {day: set(objects) for day, objects in listing.by_day.items()}
    for place in places:
        name = parse_key(place.member.key)
        if name is None or not first <= name.day <= last:
            continue
        log_object = _original(place.member, stores, place.store)
        if log_object not in present.setdefault(name.day, set()):
            present[name.day].add(log_object)
            listing.by_day[name.day].append(log_object)
            listing.places[log_object] = place


def _add_unreadable(
    listing: Listing,
    stores: Mapping[str, Store],
    rollup: LogObject,
    days: list[date],
    why: CorruptRollUpError,
) -> None:
    """Add a roll-up that may hold log objects of the days; once, also where one source lies in another."""

    def uri(log_object: LogObject) -> str:
        return stores[log_object.source].uri(log_object.key)

    unreadable = (known for known, place in listing.places.items() if isinstance(place, CorruptRollUpError))
    if uri(rollup) not in map(uri, unreadable):
        listing.places[rollup] = why
        for day in days:
            listing.by_day[day].append(rollup)


def _original(member: Member, stores: Mapping[str, Store], otherwise: str) -> LogObject:
    """Return the log object as it was listed in its source, or would be where its roll-up is."""
    own = address(member.source, member.key)
    for uri, store in stores.items():
        source = address(store.uri(), "")
        if own.startswith(source):
            return LogObject(uri, own.removeprefix(source), member.size, member.etag)
    return LogObject(otherwise, member.key, member.size, member.etag)


def _scan_all(
    stores: Mapping[str, Store], first: date, last: date
) -> Iterator[tuple[str, ObjectInfo, date | None]]:
    """Walk the stores. What one before had already, because one lies in the other, is left out.

    But for roll-ups: years that are jumped over in one may hold those of another's folder.
    """
    earlier: tuple[str, ...] = ()
    for uri, store in stores.items():
        for info, day in Walk(store, first, last).below():
            is_new = not earlier or not address(store.uri(), info.key).startswith(earlier)
            if is_new or (day is None and interval_of_file(info.key)):
                yield uri, info, day
        earlier += (address(store.uri(), ""),)
