"""Find the log objects of some log days in a source, without listing years of others."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from include.s3logs.log_objects import parse_key
from include.s3logs.store import ObjectInfo, Store

_EXAMPLES = 1000  # how many foreign objects are listed by name
_AFTER_DIGITS = ":"  # the character that sorts right after "9"


class LogObject(NamedTuple):
    """One delivered log object: the source (its URI) and key, `size` in bytes, and the version's ETag."""

    source: str
    key: str
    size: int
    etag: str


@dataclass
class Listing:
    """What one or more sources hold: log objects by log day, and what is no log object."""

    by_day: dict[date, list[LogObject]] = field(default_factory=lambda: defaultdict(list))
    foreign: int = 0
    foreign_examples: list[str] = field(default_factory=list)

    def of(self, day: date) -> list[LogObject]:
        """Return the log objects of one day in a fixed order."""
        return sorted(self.by_day.get(day, ()))


def find_log_objects(
    stores: Mapping[str, Store], first: date | None = None, last: date | None = None
) -> Listing:
    """List the log objects of the days `first` to `last` (inclusive; None: no bound) in all `stores`.

    Foreign objects are counted where the listing comes across them.
    """
    listing = Listing()
    for uri, store in stores.items():
        for info, day in _scan(store, first or date.min, last or date.max):
            if day is None:
                listing.foreign += 1
                if len(listing.foreign_examples) < _EXAMPLES:
                    listing.foreign_examples.append(store.uri(info.key))
            else:
                listing.by_day[day].append(LogObject(uri, info.key, info.size, info.etag))
    return listing


def _scan(store: Store, first: date, last: date) -> Iterator[tuple[ObjectInfo, date | None]]:
    """Walk the store in key order; where the days are outside the window, jump instead of walking."""
    start_after: str | None = ""
    while start_after is not None:
        listed, start_after = store.list(start_after=start_after), None
        for info in listed:
            name = parse_key(info.key)
            if name is None:
                yield info, None
            elif first <= name.day <= last:
                yield info, name.day
            else:
                start_after = _jump(info.key, name.day, first)
                break


def _jump(key: str, day: date, first: date) -> str:
    """Return the key after which the listing should go on when `day` is outside the window.

    Keys with the same text before their date sort by date. Days before the window in its first year are
    skipped up to the window; otherwise the rest of that year is. The key returned is never the name of a
    folder, which some servers would take for visited. No more is skipped: between `…2023-12-31` and
    `…2024-01-01` there may be other folders, such as an account id that starts with 2023.
    """
    start, separator = min(
        (position, separator)
        for separator in "/-"
        if (position := key.find(day.strftime(f"%Y{separator}%m{separator}%d"))) >= 0
    )
    base = key[:start]
    if day < first and day.year == first.year:
        before = first - timedelta(days=1)
        return base + before.strftime(f"%Y{separator}%m{separator}%d{_AFTER_DIGITS}")
    return f"{base}{day:%Y}{separator}{_AFTER_DIGITS}"
