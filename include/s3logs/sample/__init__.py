"""Seven days of invented S3 access logs, and beside them the exact answer that a pipeline must find.

`write_sample(folder)` writes `logs/` (the log objects), `catalog.csv` (which dataset claims which key) and
`truth.json`. The truth is counted while the requests are invented, never by reading a log back: whoever
reads the logs and finds the same figures has read them right. Every call gives the same bytes and file times.

| module | answers |
|---|---|
| `traffic.py` | who requests, what there is to request, what S3 writes down |
| `nasty.py` | how a line is written, and how lines and values turn nasty |

    python -m include.s3logs.sample <folder>
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from io import StringIO
from pathlib import Path

from include.s3logs.sample.nasty import BREAKERS, FOREIGN_OBJECTS, NASTY_AGENTS, Entry, format_line, gzipped
from include.s3logs.sample.traffic import (
    BOGON_BLOCKS,
    KELP,
    MONITOR_IP,
    MONITOR_REGION,
    REEF,
    REGION_BLOCKS,
    Random,
    Traffic,
    invent_catalog,
)

__all__ = [
    "BOGON_BLOCKS",
    "LOG_DAYS",
    "MONITOR_IP",
    "MONITOR_REGION",
    "REGION_BLOCKS",
    "SAMPLE_VERSION",
    "SampleTruth",
    "write_sample",
]

SAMPLE_VERSION = 1  # raise it with any change of the output: a folder of another version is written anew
LOG_DAYS = tuple(date(2024, 6, day) for day in range(1, 8))

_DAYS_LATE = {"a day late": 1, "two days late": 2}
# What a log object can be like. Every day has one of each, but more under gzip.
_ROLES = ("empty", "CRLF", "open end", "blank line", "twice", *_DAYS_LATE, *["gzip"] * 6)
_COUNTS = ("objects", "lines", "records", "rejections", "exact_duplicates", "reduced_rows", "bytes_sent")

Table = dict[str, list[int]]


@dataclass(frozen=True)
class SampleTruth:
    """What is in the sample, exactly and unmasked.

    `days` holds the counts of each log day. `usage` holds, for each dataset, `unassociated` and `archive`,
    tables such as `by_day`, whose cells are `[bytes_sent, number_of_requests, number_of_downloads]`.
    """

    version: int
    days: dict[str, dict[str, int]]
    usage: dict[str, dict[str, Table]]


class _Tally:
    """Counts what was invented."""

    def __init__(self) -> None:
        self.days = {str(day): dict.fromkeys(_COUNTS, 0) for day in LOG_DAYS}
        self.usage: dict[str, dict[str, Table]] = {}

    def add(self, log_day: date, **counts: int) -> None:
        """Add to the counts of a log day."""
        for name, count in counts.items():
            self.days[str(log_day)][name] += count

    def record(self, log_day: date, entry: Entry) -> None:
        """Count a new record and, if it is a successful GET of an object, its traffic."""
        self.add(log_day, lines=1, records=1)
        if entry.operation != "REST.GET.OBJECT" or entry.status not in range(200, 300):
            return
        self.add(log_day, reduced_rows=1, bytes_sent=entry.sent)
        shared = {"by_day": str(entry.time.date()), "by_region": entry.region}
        for name, rows in (
            (entry.dataset, shared | {"by_asset": entry.asset}),
            ("archive", shared | {"by_dataset": entry.dataset}),
        ):
            for table, row in rows.items():
                cell = self.usage.setdefault(name, {}).setdefault(table, {}).setdefault(row, [0, 0, 0])
                cell[:] = (cell[0] + entry.sent, cell[1] + 1, cell[2] + (entry.status == HTTPStatus.OK))


class _Logs:
    """Packs the lines into log objects, as untidy as S3 delivers them."""

    def __init__(self, folder: Path, rng: Random, traffic: Traffic) -> None:
        self.folder, self.rng, self.traffic, self.tally = folder, rng, traffic, _Tally()

    def write_day(self, day: date) -> None:
        """Write the log objects of one log day, about 200."""
        rng, tally = self.rng, self.tally
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        seconds = rng.sample(range(86_400), rng.randrange(190, 211))
        places = iter(seconds)
        roles = {next(places): role for role in _ROLES}
        agents = {next(places): agent for agent in NASTY_AGENTS}
        breakers = {next(places): breaker for breaker in rng.sample(BREAKERS, rng.randrange(4, 7))}
        earlier: dict[str, list[bytes]] = {REEF: [], KELP: []}
        for second in sorted(seconds):
            role, bucket = roles.get(second, ""), rng.draw({REEF: 65, KELP: 35})
            delivered = midnight + timedelta(seconds=second)
            lines = [] if role == "empty" else self._lines(day, bucket, delivered, _DAYS_LATE.get(role, 0))
            if lines and role != "CRLF":  # whether CR LF makes it another line is open: no repeats of these
                earlier[bucket] += lines
                repeats = [rng.choice(pool) for pool in (lines, earlier[bucket]) if rng.chance(0.08)]
                tally.add(day, lines=len(repeats), records=len(repeats), exact_duplicates=len(repeats))
                lines += repeats
            if second in agents:
                agent, status = agents[second]
                entry = replace(self.traffic.blank(bucket, delivered), agent=agent)
                lines.append(self._record(day, self.traffic.get(entry, status)))
            if second in breakers:
                blanks = [self.traffic.blank(bucket, delivered) for _ in range(2)]
                lines.append(breakers[second](*(format_line(self.traffic.get(blank)) for blank in blanks)))
                tally.add(day, lines=1, rejections=1)
            rng.shuffle(lines)
            body = _pack(lines, role)
            self._deliver(bucket, delivered, body)
            tally.add(day, objects=1)
            if role == "twice":
                self._deliver(bucket, delivered, body)
                again = len(lines)
                tally.add(day, objects=1, lines=again, records=again, exact_duplicates=again)

    def _lines(self, day: date, bucket: str, delivered: datetime, days_late: int) -> list[bytes]:
        """Invent the records of one log object, which happened in the hour and a half before its delivery."""
        lines: list[bytes] = []
        wanted = self.rng.triangular(2, 60, 15) * (0.85 if day.isoweekday() in (6, 7) else 1)
        while len(lines) < wanted:
            happened = delivered - timedelta(days=days_late, seconds=self.rng.randrange(30, 5400))
            lines += [self._record(day, entry) for entry in self.traffic.records(bucket, happened)]
        return lines

    def _record(self, day: date, entry: Entry) -> bytes:
        self.tally.record(day, entry)
        return format_line(entry)

    def _deliver(self, bucket: str, at: datetime, body: bytes) -> None:
        """Write a log object under either layout: the reef's logs are being moved to the partitioned one."""
        folder = f"111122223333/us-east-2/{bucket}/{at:%Y/%m/%d}"
        if bucket == REEF and self.rng.chance(0.4):
            folder = "reef"
        _put(self.folder / f"logs/{folder}/{at:%Y-%m-%d-%H-%M-%S}-{self.rng.getrandbits(64):016X}", body, at)


def _pack(lines: list[bytes], role: str) -> bytes:
    end = b"\r\n" if role == "CRLF" else b"\n"
    body = b"".join(line + end for line in lines)
    match role:
        case "gzip":
            return gzipped(body)
        case "open end":
            return body.removesuffix(end)
        case "blank line":
            return body.replace(end, end + end, 1)
    return body


def _put(path: Path, body: bytes, at: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    os.utime(path, (at.timestamp(), at.timestamp()))


def write_sample(folder: Path) -> SampleTruth:
    """Write the sample into a folder, or find that it is there, and return what is in it."""
    logs, truth_file, marker = folder / "logs", folder / "truth.json", folder / ".sample"
    known = marker.read_text() if marker.exists() else None
    if known == str(SAMPLE_VERSION):
        return SampleTruth(**json.loads(truth_file.read_text()))
    if logs.is_dir() and any(logs.iterdir()):
        if known is None:
            raise FileExistsError(f"{logs} holds logs that are no sample: choose another folder")
        shutil.rmtree(logs)  # of an older version, or of a call that was interrupted
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text("incomplete")

    rng = Random(f"s3logs sample {SAMPLE_VERSION}")
    assets, rows = invent_catalog(rng)
    writer = _Logs(folder, rng, Traffic(rng, assets))
    for day in LOG_DAYS:
        writer.write_day(day)
    truth = SampleTruth(SAMPLE_VERSION, writer.tally.days, writer.tally.usage)

    end = datetime(2024, 6, 8, tzinfo=UTC)
    for key, body in FOREIGN_OBJECTS.items():
        _put(folder / key, body, end)
    csv.writer(catalog := StringIO(), lineterminator="\n").writerows(rows)
    _put(folder / "catalog.csv", catalog.getvalue().encode(), end)
    _put(truth_file, json.dumps(asdict(truth), indent=1, sort_keys=True).encode(), end)
    _put(marker, str(SAMPLE_VERSION).encode(), end)  # last: from here on the folder is complete
    return truth
