"""Show how much memory the stages of a day take, however large it is: python -m tests.bench.memory

Each stage has a process of its own; peaks are of that process, Python and its libraries included. Reduce gets
one log object of different lines, bin and map a day of so many rows.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from include.s3logs.stores.folder import LocalStore
from tests.bench.table import render
from tests.support.large_day import invent, run
from tests.support.memory_run import LINE, put

MEBIBYTE = 1 << 20


def measured(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module in a process of its own and return what it prints."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(stage: str, what: str, found: dict[str, Any]) -> list[str]:
    """Return a row of the table."""
    return [stage, what, f"{found['seconds']:.1f}", f"{found['peak'] / MEBIBYTE:,.0f}"]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=__doc__.split("\n")[0])
    parser.add_argument("--gigabytes", type=int, nargs="*", default=[1, 10], help="sizes of the log object")
    parser.add_argument("--millions", type=int, nargs="*", default=[1, 10], help="numbers of rows")
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="s3logs-bench-") as folder:
        for gigabytes in asked.gigabytes:
            own = Path(folder) / f"{gigabytes}"
            own.mkdir()
            lines = put(own, LINE, gigabytes * 1000, pack=False)
            what = f"{gigabytes} GB, {lines / 1e6:.1f} million lines"
            rows.append(row("reduce", what, measured("tests.support.memory_run", str(own))))
            shutil.rmtree(own)
        for millions in asked.millions:
            lake = LocalStore(Path(folder) / "lake")
            keys, addresses = millions * 100_000, min(millions * 20_000, 1 << 23)
            invent(lake, millions * 1_000_000, keys, addresses)
            run("bin", lake)
            what = f"{millions} million rows, up to {keys:,} keys and {addresses:,} addresses"
            for stage in ("bin", "map"):
                found = measured("tests.support.large_day", stage, str(lake.root))
                rows.append(row(stage, what, found))
            shutil.rmtree(lake.root)
    print(render(["stage", "of", "s", "peak MiB"], rows))


if __name__ == "__main__":
    main()
