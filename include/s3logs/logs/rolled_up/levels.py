"""Which interval of a level a log object belongs to, and what the files of an interval are called.

    <sub-prefix>2026-10-21.zst                    the roll-up of a day; `…-21-11.zst` of an hour
    <sub-prefix>2026-10-21.manifest.json          which log objects it holds
    <sub-prefix>2026-10-21.manifest-<token>.json  of an attempt that is not finished

The sub-prefix is what stands before the date in the log objects' keys: before the name's own date in the
simple form, before `YYYY/MM/DD/` in the partitioned one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, get_args

from include.s3logs.logs.names import LogObjectName, parse_key
from include.s3logs.logs.rolled_up.codecs import SUFFIXES, Codec
from include.s3logs.stores.store import ObjectInfo, Store

Level = Literal["10min", "hour", "day", "month"]
LEVELS: tuple[Level, ...] = get_args(Level)

_NAME_LENGTH: dict[Level, int] = {
    "month": len("2026-10"),
    "day": len("2026-10-21"),
    "hour": len("2026-10-21-11"),
    "10min": len("2026-10-21-11-10"),
}
_LONGEST_MONTH = 31
_FILE = re.compile(
    r"(?P<prefix>.*?)(?P<name>[0-9]{4}-[0-9]{2}(?:-[0-9]{2}(?:-[0-9]{2}(?:-[0-5]0)?)?)?)"
    r"(?P<rest>|\.gz|\.bz2|\.zst|\.manifest(?:-[0-9a-f]{16})?\.json)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A span of time in UTC of one sub-prefix: `name` is its date part, as in the name of its roll-up."""

    prefix: str
    level: Level
    name: str

    @property
    def base(self) -> str:
        """The key of the roll-up without the suffix of its codec."""
        return self.prefix + self.name

    @property
    def manifest_key(self) -> str:
        """The key of the manifest."""
        return f"{self.base}.manifest.json"

    def attempt_key(self, token: str) -> str:
        """Return the key of an attempt's own manifest."""
        return f"{self.base}.manifest-{token}.json"

    def rollup_key(self, codec: Codec) -> str:
        """Return the key of the roll-up when it is packed with `codec`."""
        return self.base + SUFFIXES[codec]

    @property
    def start(self) -> datetime:
        """Its first moment; ValueError when there is no such date or time."""
        year, month, *rest = map(int, self.name.split("-"))
        day, hour, minute = rest + [1, 0, 0][len(rest) :]
        return datetime(year, month, day, hour, minute, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The moment after its last one."""
        start = self.start
        if self.level == "month":
            return (start + timedelta(days=_LONGEST_MONTH)).replace(day=1)
        return start + {"day": timedelta(days=1), "hour": timedelta(hours=1)}.get(
            self.level, timedelta(minutes=10)
        )

    @property
    def days(self) -> list[date]:
        """The days of a month, or the one day that anything shorter is of."""
        first, length = self.start.date(), max(1, (self.end - self.start).days)
        return [first + timedelta(days=n) for n in range(length)]

    def listing_prefixes(self) -> tuple[str, str]:
        """Return the two beginnings that the keys of its log objects have: simple form, and with folders."""
        beginning = self.name[:-1] if self.level == "10min" else f"{self.name}-"
        folders = self.name[: _NAME_LENGTH["day"]].replace("-", "/") + "/"
        return self.prefix + beginning, self.prefix + folders + ("" if self.level == "month" else beginning)

    def list(self, store: Store) -> Iterator[ObjectInfo]:
        """Yield its log objects in a store."""
        for prefix in self.listing_prefixes():
            for info in store.list(prefix):
                if interval_of(info.key, self.level) == self:
                    yield info


def interval_of(key: str, level: Level) -> Interval | None:
    """Return the interval of a delivered log object; None for any other object.

    A day that somebody put together (`2026/10/21.log`) is another object, too: it has no time. So is one in
    the folder of another day than its own, and one of the last moments that there are.
    """
    name = parse_key(key)
    if name is None or name.time is None:
        return None
    moment = re.sub("[T:]", "-", name.time.replace(tzinfo=None).isoformat())[: _NAME_LENGTH[level]]
    interval = Interval(sub_prefix(name), level, moment[:-1] + "0" if level == "10min" else moment)
    return interval if key.startswith(interval.listing_prefixes()) and _has_end(interval) else None


def interval_of_file(key: str) -> Interval | None:
    """Return the interval whose roll-up or manifest, of whatever state, has this key; None for other keys.

    A name with a date or time that never was is none of ours.
    """
    file = _FILE.fullmatch(key)
    if file is None:
        return None
    level = next(level for level, length in _NAME_LENGTH.items() if length == len(file["name"]))
    interval = Interval(file["prefix"], level, file["name"])
    return interval if _has_end(interval) else None


@lru_cache(maxsize=1000)  # asked about every log object
def _has_end(interval: Interval) -> bool:
    try:
        _ = interval.end
    except (ValueError, OverflowError):  # no such date or time, or none after it
        return False
    return True


def sub_prefix(name: LogObjectName) -> str:
    """Return what stands before the date in the key of a log object, before its folders where it has such."""
    if name.layout == "partitioned":
        return f"{name.prefix}{name.account}/{name.region}/{name.bucket}/"
    return name.prefix
