"""The names of log objects: which key is a log object at all, and to which log day it belongs.

Sources: S3 user guide, ServerLogs ("Log object key format") and PartitionedPrefix. A target prefix is put in
front as it is, so it may end in anything, digits included: `s3` + `2018-03-01-…`. The unique part has no
meaning and no promised length. With event time as the partition's date source the time reads `00-00-00`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal, NamedTuple

Layout = Literal["simple", "partitioned", "date-folders", "day-file"]


@dataclass(frozen=True, slots=True)
class LogObjectName:
    """What the key of a log object says.

    `simple`        [prefix]2026-10-21-11-16-03-B2C3D4E5F6A7B8C9
    `partitioned`   [prefix]account/region/bucket/2026/10/21/2026-10-21-11-16-03-B2C3D4E5F6A7B8C9
    `date-folders`  [prefix]2026/10/21/2026-10-21-11-16-03-B2C3D4E5F6A7B8C9
    `day-file`      [prefix]2026/10/21.log, also .log.gz, .log.bz2, .log.zst: a day that somebody put together
    """

    layout: Layout
    prefix: str
    day: date
    """The log day, from the object's own name; the folders' date only where there is no other."""
    time: datetime | None = None
    """In UTC; None for a day file."""
    unique: str | None = None
    """None for a day file."""
    account: str | None = None
    region: str | None = None
    bucket: str | None = None


_DELIVERED = re.compile(
    r"(?P<folders>.*)(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{2}-[0-9]{2}-[0-9]{2})-(?P<unique>[0-9A-Za-z]+)",
    re.DOTALL,
)
_DATE_FOLDERS = re.compile(r"(?P<prefix>.*)[0-9]{4}/(?:0[1-9]|1[0-2])/(?:0[1-9]|[12][0-9]|3[01])/", re.DOTALL)
_PARTITION = re.compile(
    r"(?P<prefix>.*)(?P<account>[0-9]{12})/(?P<region>[a-z]{2,}(?:-[a-z]+)+-[0-9]+)/(?P<bucket>[A-Za-z0-9._-]+)/",
    re.DOTALL,
)
_DAY_FILE = re.compile(
    r"(?P<prefix>.*)(?P<day>[0-9]{4}/[0-9]{2}/[0-9]{2})\.log(?:\.gz|\.bz2|\.zst)?", re.DOTALL
)
_MOMENT = re.compile(r"[0-9]{4}(?:-[0-9]{2}){2}-(?:[01][0-9]|2[0-3])-[0-5][0-9]-[0-5][0-9]")
_MOMENT_LENGTH = len("2026-10-21-11-16-03")
_DAY_LENGTH = len("2026-10-21")


def parse_key(key: str) -> LogObjectName | None:
    """Read the key of an object; None if it is not a log object, or names a time that never was."""
    try:
        if delivered := _DELIVERED.fullmatch(key):
            return _delivered(**delivered.groupdict())
        if day_file := _DAY_FILE.fullmatch(key):
            day = date.fromisoformat(day_file["day"].replace("/", "-"))
            return LogObjectName("day-file", day_file["prefix"], day)
    except ValueError:
        pass  # an impossible date
    return None


def log_day(key: str) -> date | None:
    """Return the log day of the object with this key; None if `parse_key` finds no log object.

    In a fraction of its time: a listing asks this of every key.
    """
    before, dash, unique = key.rpartition("-")
    if dash and unique.isalnum() and unique.isascii():
        moment = before[-_MOMENT_LENGTH:]
        return _day(moment[:_DAY_LENGTH]) if _MOMENT.fullmatch(moment) else None
    day_file = _DAY_FILE.fullmatch(key) if ".log" in key else None
    return _day(day_file["day"].replace("/", "-")) if day_file else None


@lru_cache(maxsize=1000)
def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:  # an impossible date
        return None


def _delivered(folders: str, time: str, unique: str) -> LogObjectName:
    year, month, day, hour, minute, second = map(int, time.split("-"))
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    dated = _DATE_FOLDERS.fullmatch(folders)
    if dated is None:
        return LogObjectName("simple", folders, moment.date(), moment, unique)
    partition = _PARTITION.fullmatch(dated["prefix"])
    if partition is None:
        return LogObjectName("date-folders", dated["prefix"], moment.date(), moment, unique)
    return LogObjectName(
        "partitioned", day=moment.date(), time=moment, unique=unique, **partition.groupdict()
    )


class LogObject(NamedTuple):
    """One delivered log object: the source (its URI) and key, `size` in bytes, and the version's ETag."""

    source: str
    key: str
    size: int
    etag: str
