"""The command behind `make quarantine-export`: the unreadable lines, anonymised, for a bug report.

python -m s3logs_airflow.commands.quarantine_export [--days 2024-06-01:2024-06-07] [--output FILE]
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console

from include.s3logs.errors import S3LogsError
from include.s3logs.quarantine.export import export, without_lines
from include.s3logs.settings import load_settings, require
from include.s3logs.stores.store import Store
from s3logs_airflow.connections.deployment import open_deployment
from s3logs_airflow.local.__main__ import parse_days
from s3logs_airflow.local.console import say
from s3logs_airflow.local.environment import use_connections_of
from s3logs_airflow.local.home import Home
from s3logs_airflow.local.session import last_settings

OUTPUT = Path("quarantine-export.jsonl")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m s3logs_airflow.commands.quarantine_export", description=__doc__.split("\n")[0]
    )
    top.add_argument("--days", type=parse_days, default={}, metavar="A:B | A,B,C", help="only these log days")
    top.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE", help=f"default: {OUTPUT}")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    chosen = parser().parse_args(arguments)
    console = Console(highlight=False)
    try:
        lake = _lake()
        counts = export(lake, chosen.output, lambda day: _is_asked(day, chosen.days))
        gone = without_lines(lake, lambda day: _is_asked(day, chosen.days))
    except S3LogsError as error:
        say(console, str(error), style="red")
        return 1
    if gone:
        first, when = next(iter(gone.items()))
        say(
            console,
            f"Those of {len(gone)} log days went with their addresses (S3LOGS_KEEP_ADDRESSES_DAYS): first of "
            f"{first}, retained on {when}.",
        )
    if not counts:
        say(console, f"No unreadable line of these log days is in {lake.uri()}; nothing was written.")
        return 0
    say(console, f"{counts.total()} unreadable lines of {lake.uri()} are in {chosen.output}:")
    for reason, number in counts.most_common():
        say(console, f"  {number:>8,}  {reason}")
    say(
        console,
        "Addresses, ids, names and keys in it are invented; where the lines came from is left out. "
        "Look at it all the same before you send it to anybody.",
    )
    return 0


def _is_asked(day: date, asked: dict[str, Any]) -> bool:
    """Tell whether a log day is among those of the command line; without any, each is."""
    name = str(day)
    if chosen := asked.get("days"):
        return name in chosen
    first: str = asked.get("first_day", name)
    last: str = asked.get("last_day", name)
    return first <= name <= last


def _lake() -> Store:
    """Open the lake of the settings, else that of the local Airflow's last start, with its connections."""
    home = Home.of_checkout()
    if not load_settings().lake:
        os.environ |= {"S3LOGS_LAKE": last_settings(home).get("S3LOGS_LAKE", "")}
    settings = load_settings()
    require(settings, "lake")
    if settings.lake.startswith("s3://"):
        use_connections_of(home)
    return open_deployment(settings).lake


if __name__ == "__main__":
    sys.exit(main())
