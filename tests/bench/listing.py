"""What it costs to find a few log days among years of others: python -m tests.bench.listing

Requests to S3 and seconds of the processor. S3 is a stub below boto3, which answers at once; what it takes
itself is left out. Then a folder, beside the least that any reader has to do: its entries and their sizes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from include.s3logs.logs.sources import Listing, find_log_objects
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.store import Store
from tests.bench.table import render

RUNS = 5
FILES = 48_120
_DAY = date(2026, 6, 2)
_SECONDS = 24 * 3600
_MOST = 1000  # entries of an answer, as S3 gives them
_LAST = "\U0010ffff"  # sorts after whatever begins with a common prefix
_ENTRY = (
    "<Contents><Key>{}</Key><LastModified>2026-10-21T11:16:03.000Z</LastModified>"
    "<ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
    "<ChecksumType>FULL_OBJECT</ChecksumType><Size>5123</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
_ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Name>logs</Name><Prefix>{prefix}</Prefix><KeyCount>{count}</KeyCount><MaxKeys>1000</MaxKeys>"
    "<EncodingType>url</EncodingType><IsTruncated>{more}</IsTruncated>{token}{entries}</ListBucketResult>"
)


class Body:
    """The body of an answer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._data


class Stub:
    """Answers as S3 does to who lists these keys, which are sorted; counts requests and its own seconds."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys, self.requests, self.seconds = keys, 0, 0.0

    def __call__(self, request: Any, **_: Any) -> AWSResponse:
        began = process_time()
        self.requests += 1
        answer, status = "", 404  # to who asks for one object: there is none of the names that are asked for
        if request.method == "GET":
            answer, status = self._answer(dict(parse_qsl(urlsplit(request.url).query))), 200
        headers = {"Content-Type": "application/xml"}
        response = AWSResponse(request.url, status, headers, Body(answer.encode()))
        self.seconds += process_time() - began
        return response

    def _answer(self, asked: dict[str, str]) -> str:
        keys, prefix = self._keys, asked.get("prefix", "")
        after = asked.get("continuation-token") or asked.get("start-after", "")
        entries, last = list[str](), ""
        at = max(bisect_left(keys, prefix), bisect_right(keys, after) if after else 0)
        while at < len(keys) and keys[at].startswith(prefix) and len(entries) < _MOST:
            key = keys[at]
            end = key.find("/", len(prefix)) if "delimiter" in asked else -1
            if end < 0:
                entries.append(_ENTRY.format(quote(key)))
                last, at = key, at + 1
                continue
            folder = key[: end + 1]
            entries.append(f"<CommonPrefixes><Prefix>{quote(folder)}</Prefix></CommonPrefixes>")
            last = folder + _LAST
            at = bisect_left(keys, last)
        more = at < len(keys) and keys[at].startswith(prefix)
        return _ANSWER.format(
            prefix=quote(prefix),
            count=len(entries),
            more=str(more).lower(),
            token=f"<NextContinuationToken>{quote(last)}</NextContinuationToken>" if more else "",
            entries="".join(entries),
        )


class Case(NamedTuple):
    """A bucket, made when it is needed, and the log days that are looked for."""

    name: str
    keys: Callable[[], list[str]]
    first: date
    last: date


def simple(number: int, days: int) -> list[str]:
    """Return keys of the simple form, as many a day."""
    unique = count()
    return [
        f"logs/{_name(_DAY + timedelta(day), second)}-{next(unique):016X}"
        for day in range(days)
        for second in range(0, _SECONDS, _SECONDS * days // number)
    ]


def partitioned(buckets: int, years: int) -> list[str]:
    """Return a key a day of each bucket."""
    days = [_DAY + timedelta(day) for day in range(365 * years)]
    return sorted(
        f"logs/123456789012/us-east-1/bucket-{bucket:03}/{day:%Y/%m/%d}/{_name(day, 0)}-0123456789ABCDEF"
        for bucket in range(buckets)
        for day in days
    )


def foreign(number: int) -> list[str]:
    """Return keys of other files, which sort before the logs, and some of these."""
    return [f"data/part-{n:07}.parquet" for n in range(number)] + simple(20_000, 20)


def _name(day: date, second: int) -> str:
    return f"{day}-{second // 3600:02}-{second // 60 % 60:02}-{second % 60:02}"


_SOON = _DAY + timedelta(5)
_LATER = _DAY + timedelta(500)
CASES = (
    Case("200 buckets, 10 years, partitioned; 1 day", lambda: partitioned(200, 10), _LATER, _LATER),
    Case("1 M simple keys; 11 days", lambda: simple(1_000_000, 730), _LATER, _LATER + timedelta(10)),
    Case("10 M simple keys; 11 days", lambda: simple(10_000_000, 730), _LATER, _LATER + timedelta(10)),
    Case("1 M foreign keys beside; 11 days", lambda: foreign(1_000_000), _SOON, _SOON + timedelta(10)),
)


def on_s3(case: Case, runs: int) -> list[str]:
    """Return the row of a bucket."""
    client = boto3.client(
        "s3",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
        region_name="us-east-1",
        endpoint_url="http://s3.invalid",
        config=Config(s3={"addressing_style": "path"}),
    )
    stub = Stub(case.keys())
    client.meta.events.register("before-send.s3", stub)
    store, seconds = S3Store(client, "logs"), list[float]()
    for _ in range(runs + 1):  # the first loads what boto3 loads late
        stub.requests, stub.seconds = 0, 0.0
        listing, took = _found(store, case.first, case.last)
        seconds.append(took - stub.seconds)
    objects = sum(map(len, listing.by_day.values()))
    return [case.name, f"{objects:,}", f"{stub.requests:,}", _shown(seconds[1:])]


def in_folder(folder: Path, runs: int) -> list[list[str]]:
    """Return the rows of a folder with a day of log objects."""
    for n in range(FILES):
        (folder / f"{_name(_DAY, n * _SECONDS // FILES)}-{n:016X}").write_bytes(b"x")
    store = LocalStore(folder)
    least, found = list[float](), list[float]()
    for _ in range(runs):
        began = process_time()
        with os.scandir(folder) as entries:
            total = sum(entry.stat().st_size for entry in entries)
        least.append(process_time() - began)
        listing, took = _found(store, _DAY, _DAY)
        assert total == len(listing.of(_DAY)) == FILES
        found.append(took)
    name = f"a folder of {FILES:,} log objects; 1 day"
    return [
        [name, f"{FILES:,}", "", _shown(found)],
        ["the same, entries and sizes alone", "", "", _shown(least)],
    ]


def _found(store: Store, first: date, last: date) -> tuple[Listing, float]:
    began = process_time()
    listing = find_log_objects({"source": store}, first, last)
    return listing, process_time() - began


def _shown(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} … {max(values):.2f})"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.listing", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=RUNS, help="measured rounds")
    runs = parser.parse_args().runs
    rows = [on_s3(case, runs) for case in CASES]
    with tempfile.TemporaryDirectory(prefix="s3logs-bench-") as folder:
        rows += in_folder(Path(folder), runs)
    print(f"Finding log days, s of CPU, median (min … max) of {runs} runs\n")
    print(render(["what there is; what is looked for", "log objects", "requests", "s"], rows))


if __name__ == "__main__":
    main()
