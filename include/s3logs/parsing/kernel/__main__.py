"""Compile the kernels ahead, so that no task has to: python -m include.s3logs.parsing.kernel"""

import sys
import time

from include.s3logs.parsing.kernel.compiled import build

began = time.perf_counter()
build()
sys.stdout.write(f"Compiled kernels ready after {time.perf_counter() - began:.1f} s\n")
