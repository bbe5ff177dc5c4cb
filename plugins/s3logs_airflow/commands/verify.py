"""The command behind `make verify`: is all of the lake what was written? With --repair it is mended.

python -m s3logs_airflow.commands.verify [--repair]
"""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console
from rich.progress import Progress

from include.s3logs.errors import S3LogsError
from include.s3logs.settings import load_settings
from include.s3logs.verification.check import Progress as HowFar
from include.s3logs.verification.run import look_and_mend
from s3logs_airflow.connections.deployment import open_deployment
from s3logs_airflow.local.console import say
from s3logs_airflow.local.environment import use_connections_of
from s3logs_airflow.local.home import Home
from s3logs_airflow.local.session import last_settings


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m s3logs_airflow.commands.verify", description=__doc__.split("\n")[0]
    )
    top.add_argument("--repair", action="store_true", help="mend what can be mended, and verify again")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0 when nothing is wrong (any more)."""
    chosen = parser().parse_args(arguments)
    console = Console(highlight=False)
    try:
        home = Home.of_checkout()
        if not load_settings().lake:
            os.environ |= last_settings(home)
        settings = load_settings()
        if any("://" in address for address in (*settings.sources, settings.lake)):
            use_connections_of(home)
        with Progress(console=console, disable=not console.is_terminal, transient=True) as shown:
            bar = shown.add_task("Verifying", total=None)

            def tell(how_far: HowFar) -> None:
                shown.update(bar, completed=how_far.done, total=how_far.total)

            result = look_and_mend(
                open_deployment(settings),
                mends=chosen.repair,
                say=lambda line: say(shown.console, line, style=_style(line)),
                progress=tell,
            )
    except S3LogsError as error:
        say(console, str(error), style="red")
        return 1
    if result.remedies.mended and not chosen.repair:
        say(console, "make verify REPAIR=1 mends what can be mended; nothing was changed yet.")
    return 0 if result.verified.is_sound else 1


def _style(line: str) -> str:
    return "red" if line.startswith(("!!", "FAILED")) else ""


if __name__ == "__main__":
    sys.exit(main())
