"""Measure s3logs against named alternatives, one core, all in the same run: make bench.

Every contestant has a process of its own and runs in turn with the others, round by round: a machine that is
slow for a while is so for all of them, and the ratios, which are taken within a round, stay true. A turn
lasts some seconds, for short jobs too: the first run after a pause is slower than those after it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from tests.bench.contestants import ALL_FIELDS, CONTESTANTS, LIMIT, PRODUCT, Contestant
from tests.bench.corpus import MB, CorpusTruth, write_corpus
from tests.bench.stages import stage_rows
from tests.bench.startup import startup_rows
from tests.bench.table import ratio, render, speed
from tests.bench.worker import STAGES
from tests.support.paths import PROJECT

ROOT = PROJECT
FOLDER = ROOT / ".data/bench"
FEWEST_RUNS = 5
MUCH_NASTY = 0.05


class ContestantError(Exception):
    """A contestant's process ended before its time."""


class Runner:
    """The process of one contestant."""

    def __init__(self, name: str, corpus: Path, truth: CorpusTruth) -> None:
        self.name, self.truth = name, truth
        self.process = start(name, str(corpus))
        self.speeds: list[float] = []

    def run(self) -> float:
        """Let it have a turn, and return MB/s."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        seconds = self.process.stdout.readline()
        if not seconds:
            raise ContestantError(f"{self.name} failed with exit status {self.process.wait()}")
        return self.truth.size / MB / float(json.loads(seconds))

    def finish(self) -> dict[str, float]:
        """End the process and return what it found."""
        out, _ = self.process.communicate()
        found: dict[str, float] = json.loads(out)
        return found


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a worker: one thread each, and no setting of the machine."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("S3LOGS_")}
    clean |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS"), "1")
    clean |= {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.worker", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean,
        cwd=ROOT,
    )


def row(runner: Runner, contestant: Contestant, all_speeds: dict[str, list[float]]) -> list[str]:
    """Return a contestant's row of the table; ends its process."""
    found, speeds = runner.finish(), all_speeds[runner.name]
    ratios = [
        ratio(median(own / other for own, other in zip(speeds, all_speeds[name], strict=True)))
        for name in (LIMIT, PRODUCT)
    ]
    wrong = [f"{found['missing']:,.0f}", f"{found['invented']:,.0f}"] if contestant.counts else ["", ""]
    shown = f"{speed(median(speeds))} ({speed(min(speeds))} … {speed(max(speeds))})"
    return [runner.name, shown, *ratios, *wrong, f"{found['peak']:,.0f}"]


def measure(names: Iterable[str], megabytes: int, nasty: float, runs: int) -> None:
    """Let the contestants run in turn over a corpus, and print what is in it and the table."""
    path = FOLDER / f"corpus-{megabytes}-{nasty:g}.log"
    truth = write_corpus(path, megabytes, nasty)
    print(
        f"{truth.size / MB:.1f} MB, {truth.lines:,} lines, {nasty:.1%} of them nasty, {truth.rejections:,} "
        f"no record, {truth.reduced_rows:,} rows to find with {truth.bytes_sent:,} bytes\n"
        f"Python {platform.python_version()}, 1 of {os.cpu_count()} cores, medians of {runs} runs\n",
        flush=True,
    )
    runners = [Runner(name, path, truth) for name in names]
    try:
        print(table_of(runners, runs), flush=True)
    except ContestantError as error:
        sys.exit(str(error))
    finally:
        for runner in runners:
            runner.process.kill()


def table_of(runners: list[Runner], runs: int) -> str:
    """Let them run in turn, and return the table."""
    for runner in runners:
        runner.run()  # imports, page cache
    speeds: dict[str, list[float]] = {runner.name: [] for runner in runners}
    for _ in range(runs):
        for runner in runners:
            speeds[runner.name].append(runner.run())
    figures = "MB/s, median (min … max)", "÷ limit", f"÷ {PRODUCT}", "rows missing", "invented", "peak MB"
    return render(["", *figures], [row(runner, CONTESTANTS[runner.name], speeds) for runner in runners])


def main() -> None:
    """Measure and print four tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure s3logs.")
    parser.add_argument("--megabytes", type=int, default=256, help="size of the corpus (default 256)")
    parser.add_argument("--runs", type=int, default=5, help=f"measured rounds, at least {FEWEST_RUNS}")
    parser.add_argument("--nasty", type=float, default=0.001, help="share of nasty lines (default 0.001)")
    asked = parser.parse_args()
    if asked.megabytes < 1 or asked.runs < FEWEST_RUNS or not 0 <= asked.nasty <= 1:
        parser.error(f"at least 1 MB and {FEWEST_RUNS} runs, and a share from 0 to 1")
    measure(CONTESTANTS, asked.megabytes, asked.nasty, asked.runs)
    print("\nThe same with many nasty lines\n")
    measure([LIMIT, PRODUCT, ALL_FIELDS], asked.megabytes, MUCH_NASTY, asked.runs)

    times, _ = start(STAGES, str(asked.runs)).communicate()
    print(
        "\nThe 7 days of the sample (200 log objects, 5,000 lines, 2.6 MB each), median (min … max) of\n"
        "milliseconds a day, but for publish of all days together\n"
    )
    print(render(["stage", "computed", "reused"], stage_rows(json.loads(times))))
    print("\nUntil a process has read its first line, median (min … max) of milliseconds\n")
    print(render(["process", "ms"], startup_rows(asked.runs)))


if __name__ == "__main__":
    main()
