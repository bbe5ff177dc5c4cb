"""The sample's figures, computed from its raw lines in another way.

Records are read by the strict parser; everything after that is plain Python. Nothing is shared with the
stages, nor with what invented the sample but where its addresses are.
"""

import csv
import gzip
import re
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote

from include.s3logs.parsing.strict import Record, parse_line
from include.s3logs.sample import BOGON_BLOCKS, MONITOR_IP, MONITOR_REGION, REGION_BLOCKS

_NAME = re.compile(r"(?:^|/)([0-9]{4}-[0-9]{2}-[0-9]{2})-[0-9]{2}-[0-9]{2}-[0-9]{2}-[^/.]+$")
_BLOCKS = {ip_network(block): region for block, region in REGION_BLOCKS.items()}
_BLOCKS |= {ip_network(block): "bogon" for block in BOGON_BLOCKS} | {ip_network(MONITOR_IP): MONITOR_REGION}


class Request(NamedTuple):
    """A counted request; `versions` holds (version, path) once for each version with its object."""

    log_day: date
    time: datetime
    ip: str | None
    region: str
    dataset: str
    path: str
    versions: tuple[tuple[str, str], ...]
    sent: int
    status: int
    share: Fraction

    @property
    def day(self):
        return self.time.date()

    @property
    def week(self):
        return self.day - timedelta(days=self.day.isoweekday() - 1)


def raw_lines(folder):
    """Yield (log day, line) of all log objects below `logs/`, each line once for each log day."""
    seen = set()
    for path in sorted((folder / "logs").rglob("*")):
        name = _NAME.search(path.as_posix())
        if not (name and path.is_file()):
            continue
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        for line in data.split(b"\n"):
            found = (date.fromisoformat(name[1]), line.removesuffix(b"\r"))
            if found[1] and found not in seen:
                seen.add(found)
                yield found


def records(folder):
    """Yield (log day, record)."""
    for day, line in raw_lines(folder):
        record = parse_line(line)
        if isinstance(record, Record):
            yield day, record


def requests(folder):
    """Return all counted requests of a sample."""
    held = defaultdict(list)
    with (folder / "catalog.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            held[row["object_key"].removesuffix("/")].append(row)
    return [
        _request(day, record, held)
        for day, record in records(folder)
        if record.operation == "REST.GET.OBJECT" and record.http_status in range(200, 300)
    ]


def _request(day, record, held):
    key = unquote(unquote(record.key))
    parts = key.split("/")
    key = "/".join(parts[:2]) if parts[0] == "zarr" else key
    rows = held.get(key, [])
    paths = defaultdict(list)
    for row in rows:
        paths[row["version"]].append(row["asset_path"])
    versions = sorted(paths, key=_age)
    sent, size = record.bytes_sent or 0, record.object_size or 0
    return Request(
        log_day=day,
        time=datetime.fromtimestamp(record.time, UTC),
        ip=record.remote_ip,
        region=_region(record.remote_ip),
        dataset=rows[0]["dataset"] if rows else "unassociated",
        path=min(paths[versions[-1]]) if rows else key,
        versions=tuple((version, min(paths[version])) for version in versions),
        sent=sent,
        status=record.http_status,
        share=Fraction(sent, size) if size else Fraction(0),
    )


def _age(version):
    return (version == "draft", [int(part) for part in version.split(".") if part.isdigit()])


def _region(ip):
    if ip is None:
        return "unknown"
    return next(region for block, region in _BLOCKS.items() if ip_address(ip) in block)


def measures(requests, key):
    """Return {key: (bytes, requests, downloads, normalized downloads)}; `key` is of a request."""
    sums = defaultdict(lambda: [0, 0, 0, Fraction(0)])
    for request in requests:
        found = sums[key(request)]
        found[0] += request.sent
        found[1] += 1
        found[2] += request.status == 200
        found[3] += request.share
    return {name: tuple(found) for name, found in sums.items()}


def tables(requests):
    """Return every table of measures that is to be published, by its key below `usage/` without ending."""
    found = {}
    of = {name: [r for r in requests if r.dataset == name] for name in {r.dataset for r in requests}}
    for name, own in of.items():
        found[f"{name}/by_day"] = measures(own, lambda r: str(r.day))
        found[f"{name}/by_asset"] = measures(own, lambda r: r.path)
        found[f"{name}/by_region"] = measures(own, lambda r: r.region)
        for version in {version for r in own for version, _ in r.versions}:
            holding = [r._replace(path=dict(r.versions)[version]) for r in own if version in dict(r.versions)]
            found[f"{name}/{version}/by_day"] = measures(holding, lambda r: str(r.day))
            found[f"{name}/{version}/by_asset"] = measures(holding, lambda r: r.path)
            found[f"{name}/{version}/by_region"] = measures(holding, lambda r: r.region)
    found["archive/by_day"] = measures(requests, lambda r: str(r.day))
    found["archive/by_region"] = measures(requests, lambda r: r.region)
    found["archive/by_dataset"] = measures(requests, lambda r: r.dataset)
    return found


def requesters(requests):
    """Return how many different addresses there are; what has none is nobody."""
    return len({ip_address(request.ip) for request in requests if request.ip})
