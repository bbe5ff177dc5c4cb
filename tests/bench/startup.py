"""What a process pays before it has read its first line: Python, imports, loading the kernels."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median
from time import perf_counter

from tests.support.paths import PROJECT

ROOT = PROJECT
_LINE = (
    b"0a bucket [12/May/2026:08:09:10 +0000] 192.0.2.10 - ID REST.GET.OBJECT a.txt "
    b'"GET /a.txt HTTP/1.1" 200 - 1 1 1 1 "-" "-" - host\n'
)
PROGRAMS = {
    "Python alone": "pass",
    "and pyarrow": "import pyarrow.compute",
    "and s3logs, one line read": (
        f"from include.s3logs.parsing import parse; assert parse({_LINE!r}).records.num_rows == 1"
    ),
    "and Numba instead of kept kernels": (
        "import pyarrow.compute, numba; numba.njit('i8(i8)', cache=False)(lambda n: n)(1)"
    ),
}


def startup_rows(runs: int) -> list[list[str]]:
    """Return the rows of the table: a program and the milliseconds that its whole process takes."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for run in range(runs + 1):  # the first is for the page cache
        for name, program in PROGRAMS.items():
            start = perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, env=_environment())
            if run:
                times[name].append(1000 * (perf_counter() - start))
    return [
        [name, f"{median(each):,.0f} ({min(each):,.0f} … {max(each):,.0f})"] for name, each in times.items()
    ]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
