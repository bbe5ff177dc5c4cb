"""One contestant in a process of its own, told through stdin to run, and at last what to compare with."""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from tests.bench.contestants import CONTESTANTS
from tests.bench.stages import measure_stages

STAGES = "stages"
TURN = 2.0  # seconds
_NOTHING = np.zeros(0, np.int64)


def peak_megabytes() -> float:
    """Return the most memory this process ever used.

    On Linux `getrusage` would also count the parent's memory at the moment of the fork.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def compare(found: np.ndarray, expected: np.ndarray) -> tuple[int, int]:
    """Return how many rows are missing and how many invented; a row is known by its bytes."""
    values, which = np.unique(np.concatenate([expected, found]), return_inverse=True)
    surplus = np.bincount(which[len(expected) :], minlength=len(values))
    surplus = surplus - np.bincount(which[: len(expected)], minlength=len(values))
    return int(-surplus[surplus < 0].sum()), int(surplus[surplus > 0].sum())


def main() -> None:
    """Answer each `run` with the seconds that one took, and the end of the input with the result."""
    name, argument = sys.argv[1:]
    if name == STAGES:
        print(json.dumps(measure_stages(int(argument))))
        return
    contestant, path = CONTESTANTS[name], Path(argument)
    sent = _NOTHING
    for _ in sys.stdin:
        start, runs = perf_counter(), 0
        while not runs or perf_counter() - start < TURN:
            sent = _NOTHING  # let go of that of the run before
            sent = contestant.run(path)
            runs += 1
        print(json.dumps((perf_counter() - start) / runs), flush=True)
    peak = peak_megabytes()
    missing, invented = compare(sent, np.load(path.with_suffix(".npy")))
    print(json.dumps({"rows": len(sent), "missing": missing, "invented": invented, "peak": peak}))


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    main()
