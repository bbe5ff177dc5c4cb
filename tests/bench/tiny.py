"""What a log day of five lines costs, and sixty of them: python -m tests.bench.tiny

Seconds of the processor, Python's and all imports counted. Each task has a process of its own that has loaded
Airflow and the operators, as a worker's has; an empty task does nothing more. Over a lake in a folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from time import process_time

from tests.bench.table import render
from tests.support.paths import PROJECT

FEWEST_RUNS = 5
FIRST, DAYS = date(2026, 5, 1), 60
LINES = 5
EMPTY, MANY = "empty", "days"
_SHOWN = {MANY: f"{DAYS} days and publish in one process"}
STAGES = ("reduced", "binned", "mapped")
_LINE = (
    "owner bucket [{day:%d/%b/%Y}:08:09:1{n} +0000] {ip} - R{n} REST.GET.OBJECT reef/{n}.txt "
    '"GET /x HTTP/1.1" 200 - 1 1 9 8 "-" "curl/8" -\n'
)
_NETWORKS = "lake/regions/networks"
_ADDRESSES = ("8.8.8.8", "52.94.76.1", "2a02:8100::1", "193.0.6.139", "10.0.0.1")


def deliver(folder: Path) -> None:
    """Write the log objects of all days, one each."""
    (folder / "source").mkdir(parents=True)
    for number in range(DAYS):
        day = FIRST + timedelta(number)
        lines = [_LINE.format(day=day, n=n, ip=_ADDRESSES[n]) for n in range(LINES)]
        (folder / f"source/{day}-11-00-00-A").write_text("".join(lines))


def work(what: str, folder: Path) -> float:
    """Do it here, and return the seconds that the process took from its beginning."""
    import s3logs_airflow.operators.stage  # noqa: F401

    if what == EMPTY:
        return process_time()
    from include.s3logs.deployment import Deployment, access_from_environment
    from include.s3logs.settings import Settings

    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        sources=(str(folder / "source"),),
        lake=str(folder / "lake"),
        catalog="prefix:1",
    )
    if what in STAGES:
        from include.s3logs.lake.stages import by_name
        from include.s3logs.stages.work import run_stage_of

        stage = by_name(what)
        assert stage
        deployment = Deployment(settings, access_from_environment())
        if run_stage_of(stage, deployment.work(FIRST, token="the benchmark", force=True)).reused:
            raise AssertionError("nothing was computed")
    else:
        from include.s3logs.pipeline import run

        report = run(settings)
        if report.exit_status:
            raise AssertionError(report)
    return process_time()


def measured(what: str, folder: Path) -> float:
    """Do it in a process of its own; Airflow's home is beside the folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("S3LOGS_", "IPINFO_"))}
    clean |= {"PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}"}
    clean |= {"AIRFLOW_HOME": str(folder.parent / "airflow"), "IP_HASH_SALT": "the salt of the benchmark"}
    command = [sys.executable, "-m", "tests.bench.tiny", "--work", what, "--folder", str(folder)]
    done = subprocess.run(command, cwd=PROJECT, env=clean, stdout=subprocess.PIPE, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def rows(runs: int) -> list[list[str]]:
    """Return the rows of the table: each task, and all days in one process."""
    times: dict[str, list[float]] = {what: [] for what in (EMPTY, *STAGES, MANY)}
    with tempfile.TemporaryDirectory(prefix="s3logs-bench-") as folder:
        tasks = Path(folder) / "tasks"
        deliver(tasks)
        for run in range(runs + 1):  # the first is for the page cache, and for what is made once
            for what in (EMPTY, *STAGES):
                times[what].append(measured(what, tasks))
            days = Path(folder) / str(run)
            deliver(days)
            if (tasks / _NETWORKS).is_dir():
                shutil.copytree(tasks / _NETWORKS, days / _NETWORKS)
            times[MANY].append(measured(MANY, days))
    times = {what: found[1:] for what, found in times.items()}
    empty = times[EMPTY]
    return [[_SHOWN.get(what, what), _shown(found), *_beyond(found, empty)] for what, found in times.items()]


def _beyond(times: Sequence[float], empty: Sequence[float]) -> tuple[str, str]:
    """Return what is on top of the empty task of the same round, and how many times that is the task."""
    extra = median(own - other for own, other in zip(times, empty, strict=True))
    ratio = median(own / other for own, other in zip(times, empty, strict=True))
    return f"{extra:.2f}", f"{ratio:.2f}"


def _shown(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} … {max(values):.2f})"


def main() -> None:
    """Measure and print a table; or do one work and print its seconds."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.tiny", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--runs", type=int, default=FEWEST_RUNS, help=f"measured rounds, at least {FEWEST_RUNS}"
    )
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        print(work(asked.work, asked.folder))
        return
    if asked.runs < FEWEST_RUNS:
        parser.error(f"at least {FEWEST_RUNS} runs")
    print(f"A log day of {LINES} lines, s of CPU, median (min … max) of {asked.runs} runs\n")
    print(render(["task", "s", "beyond an empty one", "÷ an empty one"], rows(asked.runs)))


if __name__ == "__main__":
    main()
