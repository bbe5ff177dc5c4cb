"""The pipeline without Airflow, for debugging and scripts, with the settings of the environment and `.env`.

python -m include.s3logs run [--days 2024-06-01:2024-06-07] [--force]
python -m include.s3logs discover [--days 2024-06-01,2024-06-03]   what that would do
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import date

from dotenv import load_dotenv

from include.s3logs.errors import S3LogsError
from include.s3logs.pipeline import DayRange, Days, preview, run
from include.s3logs.settings import PROJECT, read_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 when every log day is complete."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO if chosen.verbose else logging.WARNING, format="%(message)s")
    load_dotenv(PROJECT / ".env")  # the secrets among the settings; what the environment has goes before
    try:
        return {"run": _run, "discover": _discover}[chosen.command](chosen.days, chosen.force)
    except S3LogsError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _run(days: Days | None, force: bool) -> int:
    settings = read_settings()
    report = run(settings, days=days, force=force, progress=_say)
    if report.published is None:
        _say(f"publish  FAILED: {report.error}")
    else:
        told = "reused" if report.published.reused else "computed"
        _say(f"publish     {told}, {report.published.files} files below {settings.lake.rstrip('/')}/usage/")
    if report.retained:
        for problem in report.retained.problems:
            _say(f"retain  FAILED: {problem}")
        _say(f"retain      addresses of {len(report.retained.days)} log days went")
    for sentence in (*report.judgement.failures, *report.judgement.warnings):
        _say(sentence)
    return report.exit_status


def _discover(days: Days | None, force: bool) -> int:
    plan = preview(read_settings(), days=days, force=force)
    for day in plan.days:
        _say(f"{day}  {plan.objects[day]:>7,} log objects  {plan.work.get(day, 'up to date')}")
    work = sum(day in plan.work for day in plan.days)
    _say(f"{len(plan.days)} log days, {work} with work; nothing was done.")
    return 0


def _say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _days(text: str) -> Days:
    """Read `A:B` (either end may be left out) or `A,B,C`."""
    try:
        if ":" in text:
            first, last = (date.fromisoformat(part) if part.strip() else None for part in text.split(":", 1))
            if first is None and last is None:
                raise argparse.ArgumentTypeError("a range needs at least one end: 2024-06-01:2024-06-07")
            return DayRange(first, last)
        return sorted({date.fromisoformat(part.strip()) for part in text.split(",") if part.strip()})
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; write days as 2024-06-01") from error


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m include.s3logs", description=__doc__.split("\n")[0])
    top.add_argument("command", choices=("run", "discover"), help="do it, or only say what would be done")
    top.add_argument("--days", type=_days, metavar="A:B | A,B,C", help="only these log days")
    top.add_argument("--force", action="store_true", help="compute again what did not change")
    top.add_argument("--verbose", action="store_true", help="show the log")
    return top


if __name__ == "__main__":
    sys.exit(main())
