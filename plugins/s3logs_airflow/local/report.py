"""What the person is told at the end: figures, what failed, and what to type next."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.console import Console

from include.s3logs.errors import S3LogsError
from s3logs_airflow.local.console import say
from s3logs_airflow.local.figures import Figures, load_figures, show
from s3logs_airflow.local.progress import Snapshot
from s3logs_airflow.local.runs import Runs

MOST_ERRORS = 10
MOST_DAYS = 10
SETTLE_SECONDS = 120


def report(
    console: Console,
    runs: Runs,
    snapshot: Snapshot,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
) -> bool:
    """Show figures, errors and what else is to be known; return whether every log day is complete."""
    complete = not settings or _tell_figures(console, runs, snapshot, settings, environment)
    _tell_errors(console, runs, snapshot)
    for sentence in dict.fromkeys(told for run in snapshot.states for told in runs.warnings(run)):
        say(console, f"\n{sentence}", style="yellow")
    return complete


def _tell_figures(
    console: Console,
    runs: Runs,
    snapshot: Snapshot,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
) -> bool:
    try:
        figures = _settled(runs, settings, environment)
    except S3LogsError as error:
        say(console, f"\nThe figures in {settings['S3LOGS_LAKE']} cannot be read: {error}", style="red")
        return False
    show(figures, console)
    if snapshot.succeeded and all(runs.changed_nothing(run) for run in snapshot.states):
        say(console, "\nNothing had changed since the last run: every file is as it was.")
    if figures.unfinished:
        days = [f"{day['log_day']} ({day['state']})" for day in figures.unfinished]
        more = f" and {len(days) - MOST_DAYS} more" if len(days) > MOST_DAYS else ""
        say(console, f"\nNot complete: {', '.join(days[:MOST_DAYS])}{more}", style="bold red")
    return figures.complete


def _settled(runs: Runs, settings: Mapping[str, str], environment: Mapping[str, str]) -> Figures:
    """Read the figures; while a run of Airflow's own schedule is at work on a day, wait for it."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        working = bool(runs.active())
        figures = load_figures(settings, environment)
        if figures.complete or not working or time.monotonic() > deadline:
            return figures
        time.sleep(1)


def _tell_errors(console: Console, runs: Runs, snapshot: Snapshot) -> None:
    """Say why each task failed, and how to do its day again."""
    failed = snapshot.failed()
    for run, step in failed[:MOST_ERRORS]:
        what = f"{step.day} {step.stage}".strip()
        say(console, f"\n{what} failed: {runs.error(run, step)}", style="red")
        if step.day:
            say(console, f"  When its cause is mended: make retry DAY={step.day}")
    if len(failed) > MOST_ERRORS:
        say(console, f"\n… and {len(failed) - MOST_ERRORS} more; the web UI shows them all.")
