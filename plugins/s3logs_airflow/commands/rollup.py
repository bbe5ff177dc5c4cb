"""The command behind `make rollup`: shows what rolling up would do; with --do does it.

python -m s3logs_airflow.commands.rollup [--level day] [--codec zstd] [--originals keep] [--do]
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import Progress

from include.s3logs.errors import S3LogsError
from include.s3logs.logs.rolled_up.codecs import CODECS
from include.s3logs.logs.rolled_up.levels import LEVELS
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.planning import Plan, describe, plan
from include.s3logs.settings import load_settings
from include.s3logs.stores.store import Store
from s3logs_airflow.connections.deployment import open_deployment
from s3logs_airflow.local.console import say
from s3logs_airflow.local.environment import use_connections_of
from s3logs_airflow.local.home import Home
from s3logs_airflow.operators.rollup import options_of


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m s3logs_airflow.commands.rollup", description=__doc__.split("\n")[0]
    )
    top.add_argument("--level", choices=LEVELS, help="default: S3LOGS_ROLLUP_LEVEL")
    top.add_argument("--codec", choices=CODECS, help="default: S3LOGS_ROLLUP_CODEC")
    top.add_argument(
        "--originals",
        choices=("keep", "delete", "tag"),
        help="what becomes of log objects in verified roll-ups; default: S3LOGS_ROLLUP_ORIGINALS",
    )
    top.add_argument("--include-open", action="store_true", help="also intervals that are not settled")
    top.add_argument("--overwrite", action="store_true", help="make roll-ups anew from what still exists")
    top.add_argument("--delete-forbidden", action="store_true", help="also delete what may not be read")
    top.add_argument("--do", action="store_true", help="do it; otherwise nothing is written or deleted")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    chosen = parser().parse_args(arguments)
    console = Console(highlight=False)
    try:
        settings = load_settings()
        if any("://" in address for address in (*settings.sources, settings.rollup_destination)):
            use_connections_of(Home.of_checkout())
        options = options_of(settings, vars(chosen), dry_run=not chosen.do)
        destination, sources = open_deployment(settings).rollups()
        options.check(sources)
        planned = plan(destination, sources, options, datetime.now(UTC))
        say(console, describe(planned, options))
        if not chosen.do:
            say(console, "This is only the plan; nothing was written or deleted. DO=1 (or --do) does it.")
            return 0
        return _roll_up_all(console, planned, destination, sources, options)
    except S3LogsError as error:
        say(console, str(error), style="red")
        return 1


def _roll_up_all(
    console: Console, planned: Plan, destination: Store, sources: dict[str, Store], options: RollUpOptions
) -> int:
    """Roll up the intervals, go on after one that fails, and say what was done."""
    failed, results = 0, list[dict[str, Any]]()
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Rolling up", total=len(planned.intervals))
        for one in planned.intervals:
            try:
                results.append(roll_up(destination, sources, one.interval, options, datetime.now(UTC)))
            except S3LogsError as error:
                failed += 1
                say(progress.console, f"{one.interval.base}: {error}", style="red")
            progress.advance(task)
    sums = {
        name: sum(result[name] for result in results)
        for name in ("added", "lines", "bytes", "size", "deleted", "tagged", "unreadable", "refused")
    }
    for result in results:
        for where, reason in result["examples"].items():
            say(console, f"{where}: {reason}", style="yellow")
    say(
        console,
        f"{len(results):,} intervals: {sums['added']:,} log objects added; the roll-ups hold "
        f"{sums['lines']:,} lines, {sums['bytes']:,} bytes in {sums['size']:,}. "
        f"Deleted {sums['deleted']:,}, tagged {sums['tagged']:,}, unreadable {sums['unreadable']:,}, "
        f"refused {sums['refused']:,}, failed intervals {failed:,}.",
    )
    return 1 if failed or sums["refused"] else 0


if __name__ == "__main__":
    sys.exit(main())
