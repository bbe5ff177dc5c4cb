"""Publish mapped days with very many requests; print how much memory that took beyond what was there.

    python -m tests.support.publish_memory_run FOLDER

FOLDER/lake holds the mapped days. A small lake is published first: that loads what is loaded late.
"""

import json
import sys
from datetime import date
from pathlib import Path

from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import publish
from include.s3logs.stores.folder import LocalStore
from tests.bench.publishing import map_invented_day
from tests.support.memory_run import PROC


def _status(name):
    """A figure of this process in bytes."""
    lines = (PROC / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def main(folder):
    """Publish the small lake, then the large one."""
    small = LocalStore(Path(folder) / "small")
    map_invented_day(small, date(2024, 6, 1), 2, 100)
    publish(small, Masking(50, 20))
    (PROC / "clear_refs").write_text("5")  # the peak counts from here on
    before = _status("VmRSS")
    totals = publish(LocalStore(Path(folder) / "lake"), Masking(0, 1)).totals
    growth = _status("VmHWM") - before
    print(json.dumps({"growth": growth, "requests": totals["total_number_of_requests"]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
