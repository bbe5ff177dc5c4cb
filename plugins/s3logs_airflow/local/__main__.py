"""The commands behind `make run`, `make web`, `make retry` and `make backfill`.

python -m s3logs_airflow.local run [--days 2024-06-01:2024-06-07 | --days 2024-06-01,2024-06-03]
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from datetime import date
from typing import Any

from rich.console import Console

from include.s3logs.errors import S3LogsError
from s3logs_airflow.local import commands
from s3logs_airflow.local.console import say
from s3logs_airflow.local.errors import LocalError
from s3logs_airflow.local.home import USER

INTERRUPTED = 130


def parse_days(text: str) -> dict[str, Any]:
    """Return the run's parameters for `A:B` (either end may be left out) or `A,B,C`."""
    if ":" in text:
        first, last = (_day(part) if part.strip() else None for part in text.split(":", 1))
        if first and last and first > last:
            raise argparse.ArgumentTypeError(f"{first} is after {last}.")
        if not first and not last:
            raise argparse.ArgumentTypeError("a range needs at least one end: 2024-06-01:2024-06-07")
        ends = {"first_day": first, "last_day": last}
        return {name: day for name, day in ends.items() if day}
    days = sorted({_day(part) for part in text.split(",") if part.strip()})
    if not days:
        raise argparse.ArgumentTypeError("name at least one day: 2024-06-01,2024-06-03")
    return {"days": days}


def _day(text: str) -> str:
    try:
        return str(date.fromisoformat(text.strip()))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text.strip()!r} is no date; write it as 2024-06-01.") from error


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m s3logs_airflow.local", description=__doc__.split("\n")[0])
    subcommands = top.add_subparsers(dest="command", required=True)
    run = subcommands.add_parser("run", help="start Airflow, do the log days, show the figures")
    run.add_argument("--days", type=parse_days, metavar="A:B | A,B,C", help="only these log days")
    subcommands.add_parser("web", help="start Airflow and keep it up")
    retry = subcommands.add_parser("retry", help="do one failed log day again")
    retry.add_argument("day", type=_day, metavar="YYYY-MM-DD")
    retry.add_argument("--url", help="another Airflow; its password is in S3LOGS_AIRFLOW_PASSWORD")
    retry.add_argument("--user", default=USER)
    backfill = subcommands.add_parser("backfill", help="one run for each day, oldest first")
    backfill.add_argument("first", type=_day, metavar="FROM")
    backfill.add_argument("last", type=_day, metavar="TO")
    backfill.add_argument("--backwards", action="store_true", help="newest first")
    backfill.add_argument(
        "--reprocess",
        choices=("none", "completed", "failed"),
        default="none",
        help="which days that already had a run get another one",
    )
    subcommands.add_parser("status", help="say whether Airflow of this checkout runs")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    chosen = parser().parse_args(arguments)
    _end_on_signals()
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a bar is no reason to fail
    console = Console(highlight=False)
    try:
        return _run(chosen, console)
    except (LocalError, S3LogsError) as error:
        say(console, str(error), style="red")
        return 1
    except BrokenPipeError:  # whoever read the output has gone; Airflow is stopped by now
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        say(console, "\nStopped. What is finished stays finished; the next run goes on from there.")
        return INTERRUPTED


def _run(chosen: argparse.Namespace, console: Console) -> int:
    if chosen.command == "run":
        return commands.run(console, chosen.days)
    if chosen.command == "retry" and chosen.url:
        password = os.environ.get("S3LOGS_AIRFLOW_PASSWORD", "")
        return commands.retry_elsewhere(console, chosen.day, chosen.url, chosen.user, password)
    if chosen.command == "retry":
        return commands.retry(console, chosen.day)
    if chosen.command == "backfill":
        how = {"backwards": chosen.backwards, "reprocess": chosen.reprocess}
        return commands.backfill(console, chosen.first, chosen.last, **how)
    return {"web": commands.web, "status": commands.status}[chosen.command](console)


def _end_on_signals() -> None:
    """Leave in an orderly way, Airflow included, also when the terminal is closed or `make` is ended."""

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, leave)


if __name__ == "__main__":
    sys.exit(main())
