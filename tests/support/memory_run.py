"""Reduce one log day, or roll it up, and print how much memory that took, the seconds, and the counts.

    python -m tests.support.memory_run FOLDER [roll_up]

`peak` is the most that the process ever had (bytes), `growth` what came on top of what it had before.
FOLDER/source holds the log objects of `DAY`; the lake is made beside it.
"""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter

import pyarrow as pa

from include.s3logs.logs.rolled_up.levels import interval_of
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.support.one_day import reduce_day

DAY = date(2024, 6, 1)
KEY = f"{DAY}-00-00-00-A"
LINE = (
    b"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be reef [01/Jun/2024:10:00:00 +0000] "
    b"192.0.2.10 - %016X REST.GET.OBJECT a/key/of/a/usual/length.zarr/0.0.%d "
    b'"GET /a/key/of/a/usual/length.zarr/0.0.0 HTTP/1.1" 200 - 1000 50000 9 8 '
    b'"https://archive.example.org/datasets/" "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101" - '
    b"s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 "
    b"ECDHE-RSA-AES128-GCM-SHA256 AuthHeader reef.s3.us-west-2.amazonaws.com TLSv1.2 - -\n"
)
GARBAGE = b"this is no record " * 25 + b"%d\n"
PROC = Path("/proc/self")
MEGABYTE = 1_000_000


def put(folder, line, megabytes, pack):
    """Write one object of that many bytes; no two of its lines are the same. Returns how many there are."""
    path = folder / "source" / KEY
    path.parent.mkdir()
    lines = megabytes * MEGABYTE // len(line)
    values = line.count(b"%")
    file = pa.OSFile(str(path), "wb")
    with pa.CompressedOutputStream(file, "zstd") if pack else file as sink:
        for first in range(0, lines, 1000):
            sink.write(b"".join(line % ((n,) * values) for n in range(first, first + 1000)))
    return len(range(0, lines, 1000)) * 1000


def status(name):
    """A figure of this process in bytes."""
    lines = (PROC / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def count_peak_from_here():
    """Forget the peak so far; return what the process has now."""
    (PROC / "clear_refs").write_text("5")
    return status("VmRSS")


def _reduce(folder):
    stores = {"source": LocalStore(folder / "source")}
    listing = find_log_objects(stores, DAY, DAY)
    settings = Settings(_env_file=None, rejection_limit=1)
    return reduce_day(LocalStore(folder / "lake"), stores, DAY, listing, settings).checkpoint


def _roll_up(folder):
    """Roll up, and extend the roll-up."""
    source, destination = LocalStore(folder / "source"), LocalStore(folder / "destination")
    interval, options = interval_of(KEY, "day"), RollUpOptions(originals="delete")
    roll_up(destination, {"": source}, interval, options, datetime.now(UTC))
    source.write(f"{KEY}1", LINE % (1, 1))
    return roll_up(destination, {"": source}, interval, options, datetime.now(UTC))


def main(folder, job="reduce"):
    """Do a small day first: it loads what is loaded late."""
    folder = Path(folder)
    work = _roll_up if job == "roll_up" else lambda folder: _reduce(folder).counts
    LocalStore(folder / "first/source").write(KEY, LINE % (1, 1) + GARBAGE % 1)
    work(folder / "first")
    before = count_peak_from_here()
    start = perf_counter()
    counts = work(folder)
    seconds, peak = perf_counter() - start, status("VmHWM")
    print(json.dumps({**counts, "seconds": seconds, "peak": peak, "growth": peak - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
