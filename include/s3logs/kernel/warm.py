"""Compile the kernels now, so that no task has to: python -m include.s3logs.kernel.warm.

Numba keeps the result beside the source files (or where NUMBA_CACHE_DIR points) and compiles anew by itself
when a source file, Numba or the processor is another one. `make .venv` and the image build call this.
"""

import sys
import time

from include.s3logs.kernel.repeats import Seen
from include.s3logs.parse import parse, select
from include.s3logs.selection import Filter

_LINE = (
    b"0a bucket [12/May/2026:08:09:10 +0000] 192.0.2.10 - ID REST.GET.OBJECT a.txt "
    b'"GET /a.txt HTTP/1.1" 200 - 1 1 1 1 "-" "-" - host\n'
)


def warm() -> float:
    """Call everything that is compiled and return how long that took, in seconds."""
    before = time.perf_counter()
    many = _LINE.replace(b" ID ", b" ID%d ") * 20_000  # enough for the table of lines to grow
    data = many % tuple(range(20_000))
    wanted = Filter(frozenset(["REST.GET.OBJECT"]), range(200, 300))
    found = sum(part.rows.num_rows for part in select([data], wanted, ("key",), Seen()))
    if found != parse(data).records.num_rows:
        raise AssertionError("the compiled kernels disagree with each other")
    return time.perf_counter() - before


if __name__ == "__main__":
    sys.stdout.write(f"Compiled kernels ready after {warm():.1f} s\n")
