"""Which keys of a store are looked at for the log objects of some days, without years of others.

A listing goes on in key order and jumps where it comes across a day outside the window. Where S3 delivers to
partitions, it lists what lies right in each of them, its years and roll-ups, and then the days of the window.
So a partition costs two requests, however many years it has.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain

from include.s3logs.logs.names import LogObjectName, log_day, parse_key
from include.s3logs.logs.rolled_up.levels import interval_of_file, sub_prefix
from include.s3logs.stores.store import ObjectInfo, Store

_AFTER_DIGITS = ":"  # the character that sorts right after "9"
_AFTER_NAMES = "~"  # sorts after all that names of buckets are made of
_REGION = re.compile(r"[0-9]{12}/[a-z]{2,}(?:-[a-z]+)+-[0-9]+/")
_YEAR = re.compile(r"([0-9]{4})/")
_DAY = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}")
_DAY_LENGTH = len("2026/10/21")

Found = tuple[ObjectInfo, date | None]
"""An object and the log day it is of; None for what is no log object."""


class Walk:
    """One way through a store, for the days `first` to `last`."""

    def __init__(self, store: Store, first: date, last: date) -> None:
        self._store, self._first, self._last = store, first, last
        self._have_day_folders: set[str] = set()  # what stands before their dates

    def below(self, folder: str = "") -> Iterator[Found]:
        """Yield the log objects of the days, and all else that is come across, below a folder."""
        start_after: str | None = ""
        parent = region = ""
        is_done = False
        while start_after is not None:
            listed, start_after = self._store.list(folder, start_after=start_after), None
            for info in listed:
                key = info.key
                if (inside := key[: key.rfind("/") + 1]) != parent:
                    parent, before = inside, region
                    region = _region_of(parent, len(folder))
                    if region != before:
                        is_done = region != "" and _is_in_partition(key[len(region) :].partition("/")[2])
                        if is_done:
                            yield from self._partitions(region)
                            start_after = region + _AFTER_NAMES
                            break
                if is_done:
                    continue
                day = log_day(key)
                if day is None or self._first <= day <= self._last:
                    yield info, day
                elif name := parse_key(key):
                    base, separator = self._before_date(key, name, listed)
                    start_after = _jump(base, separator, day, self._first, self._last)
                    month = _month_jumped_over(base, separator, day, self._first)
                    if month and (found := self._store.find(month)):
                        yield found, None
                    break

    def _partitions(self, region: str) -> Iterator[Found]:
        """Do as `below` for the folder of a region, which holds one of each bucket."""
        for found in self._store.list_folder(region):
            if isinstance(found, ObjectInfo):
                yield from self._told(found)
                continue
            entries = self._store.list_folder(found)
            for entry in entries:
                key = entry.key if isinstance(entry, ObjectInfo) else entry
                if _is_in_partition(key[len(found) :]):
                    yield from self._partition(found, chain([entry], entries))
                else:
                    yield from self.below(found)
                break

    def _partition(self, folder: str, entries: Iterator[ObjectInfo | str]) -> Iterator[Found]:
        """Do as `below` for the folder of a bucket, of which `entries` are what lies right in it.

        Its years are taken for what S3 makes of them, folders of days. What somebody else put into a year
        beside those, or into another day than its own, is not looked for.
        """
        has_days = False
        for entry in entries:
            if isinstance(entry, ObjectInfo):
                yield from self._told(entry)
            elif year := _YEAR.fullmatch(entry, len(folder)):
                has_days |= self._first.year <= int(year[1]) <= self._last.year
            else:
                yield from self.below(entry)
        if has_days:
            yield from self._days(folder)

    def _days(self, folder: str) -> Iterator[Found]:
        """Yield what is in the days' folders of a partition.

        What is no log object counts only there: else it would depend on the window whether it does.
        """
        first, last = _folders(self._first), _folders(self._last)
        before = "" if self._first == date.min else _folders(self._first - timedelta(days=1))
        for info in self._store.list(folder, start_after=before and folder + before + _AFTER_DIGITS):
            inside = info.key[len(folder) :]
            if _YEAR.match(inside):
                if inside[:_DAY_LENGTH] > last:
                    break
                if (first <= inside[:_DAY_LENGTH] and _DAY.match(inside)) or log_day(info.key) is not None:
                    yield from self._told(info)

    def _told(self, info: ObjectInfo) -> Iterator[Found]:
        day = log_day(info.key)
        if day is None or self._first <= day <= self._last:
            yield info, day

    def _before_date(self, key: str, name: LogObjectName, following: Iterator[ObjectInfo]) -> tuple[str, str]:
        """Return what stands before the own date of a log object, and what separates the parts of that date.

        The own date is the last one in the key, or that of the folders right before it if it is the same and
        theirs. Dates further in front belong to a prefix, a bucket or a folder with a name of its own: they
        sort nothing.
        """
        if name.time is None:
            return name.prefix, "/"
        folders = sub_prefix(name)
        has_its_date = name.layout != "simple" and key.startswith(f"{folders}{_folders(name.day)}/")
        if has_its_date and self._is_day_folder(folders, key, name.day, following):
            return folders, "/"
        return key[: -len("2026-10-21-11-16-03-") - len(name.unique or "")], "-"

    def _is_day_folder(self, base: str, key: str, day: date, following: Iterator[ObjectInfo]) -> bool:
        """Tell whether the folder of a log object is of its day; else a prefix ends in that date by chance.

        `following` is what the listing has behind it: if that is in another folder, it takes no request.
        """
        folder = key.rpartition("/")[0] + "/"
        behind = next(following, None)
        if behind is None or not behind.key.startswith(folder):
            return True
        if log_day(behind.key) not in {None, day}:
            return False
        if base not in self._have_day_folders:
            others = self._store.list(folder, start_after=f"{folder}{day}-{_AFTER_DIGITS}")
            if any(log_day(info.key) not in {None, day} for info in others):
                return False
            self._have_day_folders.add(base)
        return True


def _region_of(parent: str, start: int) -> str:
    """Return the first folder of a region's partitions, behind `start`, that a folder is or is in, or ""."""
    found = _REGION.search(parent, start)
    return parent[: found.end()] if found else ""


def _is_in_partition(inside: str) -> bool:
    """Tell whether S3 or a roll-up put this into the folder of a bucket; also of that folder itself."""
    return not inside or _YEAR.match(inside) is not None or _is_rolled_up(inside)


def _is_rolled_up(inside: str) -> bool:
    interval = interval_of_file(inside)
    return interval is not None and not interval.prefix


def _folders(day: date) -> str:
    return day.isoformat().replace("-", "/")


def _jump(base: str, separator: str, day: date, first: date, last: date) -> str:
    """Return the key after which the listing should go on when a day is outside the window.

    Keys with the same text before their own date sort by date. Days before the window in its first year are
    skipped up to the window; days after it in its last month are up to the month's end, behind which its
    roll-up may be; otherwise the rest of that year is. The key returned is never the name of a folder, which
    some servers would take for visited. No more is skipped: between `…2023-12-31` and `…2024-01-01` there may
    be other folders, such as an account id that starts with 2023. What is not found is another kind of prefix
    that begins like a name beside it: `…2024-06-01/` beside `…2024-05-31-00-00-00-A`.
    """
    if day < first and day.year == first.year:
        before = first - timedelta(days=1)
        return base + before.isoformat().replace("-", separator) + _AFTER_DIGITS
    year, month, _ = day.isoformat().split("-")
    if (day.year, day.month) == (last.year, last.month):
        return f"{base}{year}{separator}{month}{separator}{_AFTER_DIGITS}"
    return f"{base}{year}{separator}{_AFTER_DIGITS}"


def _month_jumped_over(base: str, separator: str, day: date, first: date) -> str:
    """Return the key of an unpacked roll-up of the first month that the jump leaves out, or ""."""
    is_before = day.year == first.year and day.month < first.month
    return f"{base}{first:%Y-%m}" if is_before and separator == "-" and first.day > 1 else ""
