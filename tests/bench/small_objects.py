"""What reduce takes for a day of small log objects in a folder: python -m tests.bench.small_objects.

The corpus is cut at line ends, as S3 delivers it: into thousands of objects. Beside reduce, which writes its
outputs, stands the least that any reader has to do: open the same files, read them and count their newlines.
Both take turns in one process after a round that does not count; shown are seconds of the processor, apart
from listing, and the ratio within a round.
"""

from __future__ import annotations

import argparse
import gzip
import os
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import NamedTuple

from include.s3logs.logs.sources import Listing, find_log_objects
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.bench.corpus import MB, write_corpus
from tests.bench.table import ratio, render
from tests.support.one_day import reduce_day
from tests.support.paths import PROJECT

DAY = date(2026, 9, 21)


class Case(NamedTuple):
    """A day cut into objects of at least so many bytes, of which no more than `most` are there."""

    name: str
    size: int
    pack: Callable[[bytes], bytes] = bytes
    most: int = 1 << 30


CASES = [
    Case("5 kB", 5_000),
    Case("57 kB", 57_000),
    Case("5 kB, then gzip", 5_000, partial(gzip.compress, compresslevel=6), 5_000),
    Case("all", 1 << 40),
]


def cut(corpus: Path, size: int) -> Iterator[bytes]:
    """Yield the lines of the corpus, some together."""
    with corpus.open("rb") as file:
        while content := file.read(min(size, corpus.stat().st_size)):
            yield content + file.readline()


def deliver(corpus: Path, folder: Path, case: Case) -> tuple[int, int]:
    """Write the objects; return how many there are and their bytes as they were cut."""
    count = size = 0
    for content in cut(corpus, case.size):
        second = count % 86_400
        time = f"{second // 3600:02}-{second // 60 % 60:02}-{second % 60:02}"
        (folder / f"{DAY}-{time}-{count:016X}").write_bytes(case.pack(content))
        count, size = count + 1, size + len(content)
        if count == case.most:
            break
    return count, size


def newlines(folder: Path, names: list[str]) -> int:
    """Open, read and count."""
    found = 0
    for name in names:
        descriptor = os.open(folder / name, os.O_RDONLY)
        found += os.read(descriptor, os.fstat(descriptor).st_size + 1).count(b"\n")
        os.close(descriptor)
    return found


def reduced(stores: dict[str, LocalStore], listing: Listing) -> int:
    """Reduce into an empty lake; return the number of lines."""
    with TemporaryDirectory(prefix="s3logs-bench-") as lake:
        settings = Settings(_env_file=None, rejection_limit=1)  # type: ignore[call-arg]
        lines: int = reduce_day(LocalStore(lake), stores, DAY, listing, settings).checkpoint.counts["lines"]
        return lines


def seconds(work: Callable[[], int]) -> float:
    """Return what it takes of the processor, whatever else the machine does."""
    began = process_time()
    work()
    return process_time() - began


def measured(corpus: Path, case: Case, runs: int) -> list[str]:
    """Return a row of the table."""
    with TemporaryDirectory(prefix="s3logs-bench-") as root:
        folder = Path(root)
        count, size = deliver(corpus, folder, case)
        stores = {"logs": LocalStore(folder)}
        listing = find_log_objects(stores, DAY, DAY)
        names = [log_object.key for log_object in listing.of(DAY)]
        both = partial(newlines, folder, names), partial(reduced, stores, listing)
        _, *rounds = [[seconds(work) for work in both] for _ in range(runs + 1)]
    limits, reduces = zip(*rounds, strict=True)
    return [
        f"{count:,} of {case.name}",
        f"{size / MB:.0f}",
        *(f"{median(times):.2f} ({min(times):.2f} … {max(times):.2f})" for times in (limits, reduces)),
        ratio(median(own / limit for limit, own in rounds)),
        f"{size / MB / median(reduces):,.0f}",
    ]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.small_objects", description="Small objects.")
    parser.add_argument("--megabytes", type=int, default=256, help="size of the day (default 256)")
    parser.add_argument("--runs", type=int, default=5, help="measured rounds (default 5)")
    asked = parser.parse_args()
    corpus = PROJECT / f".data/bench/corpus-{asked.megabytes}-0.001.log"
    write_corpus(corpus, asked.megabytes)
    header = ["log objects", "MB", "newline count, s", "reduce, s", "÷ newline count", "reduce, MB/s"]
    print(render(header, [measured(corpus, case, asked.runs) for case in CASES]))


if __name__ == "__main__":
    main()
