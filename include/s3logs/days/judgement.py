"""Is what a run leaves good enough? What fails it, and what is only said."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from include.s3logs.days.salts import salts_by_month
from include.s3logs.days.states import (
    OTHER_SALT,
    OTHER_SETTINGS,
    PARTIAL,
    UPGRADE,
    LogDay,
    silent_since,
    unfinished,
)
from include.s3logs.settings import Settings

_MOST = 10  # days that are named


@dataclass(frozen=True, slots=True)
class Judgement:
    """Sentences for people: why a run fails, and what else they should know."""

    failures: Sequence[str]
    warnings: Sequence[str]


NOTHING = Judgement((), ())


def judge(days: Sequence[LogDay], settings: Settings, own: Collection[str] | None = None) -> Judgement:
    """Judge the log days of the lake.

    `own` are the days that the run was to do (None: all). Others are not its fault, as another run may be at
    work on them: they are warnings.
    """
    failures, warnings = list[str](), list[str]()
    lacking = unfinished(days, partial=settings.partial == "fail")
    mine = [day for day in lacking if own is None or day.log_day in own]
    if mine:
        failures.append(f"Not complete: {_named(mine)}.")
    if others := [day for day in lacking if day not in mine]:
        warnings.append(f"Not complete, and not of this run: {_named(others)}.")
    if accepted := [day for day in days if day.state == PARTIAL and day not in lacking]:
        warnings.append(f"Accepted without their unreadable log objects: {_named(accepted)}.")
    if silence := silent_since(days):
        since, count = silence
        told = (
            f"No log objects since {since}: {count} log days in a row. Does the bucket still log, and here?"
        )
        (failures if 0 < settings.expect_logs <= count else warnings).append(told)
    if waiting := [day.log_day for day in days if day.reason == UPGRADE]:
        warnings.append(
            f"{len(waiting)} log days, {waiting[0]} to {waiting[-1]}, wait to be computed by newer rules; "
            "daily runs do that, and until then usage/ stays as it was published."
        )
    if differ := [day.log_day for day in days if day.reason == OTHER_SETTINGS]:
        warnings.append(
            f"{len(differ)} log days were made with other settings than today's; a run of {differ[0]} to "
            f"{differ[-1]} makes them alike."
        )
    of_salts = _judge_salts(days)
    return Judgement([*failures, *of_salts.failures], [*warnings, *of_salts.warnings])


def _judge_salts(days: Sequence[LogDay]) -> Judgement:
    """Days with another salt fail whichever run sees them: nothing but a run of them makes them alike."""
    failures, warnings = list[str](), list[str]()
    differ = [day for day in days if day.reason == OTHER_SALT]
    if again := [day.log_day for day in differ if day.mappable]:
        failures.append(
            f"{len(again)} log days, {_span(again)}, were mapped with another salt than today's. Give all "
            f"workers the same IP_HASH_SALT; a run of {_span(again)} maps them again."
        )
    if lost := [day.log_day for day in differ if not day.mappable]:
        warnings.append(
            f"{len(lost)} log days, {_span(lost)}, were mapped with another salt than today's and cannot be "
            "mapped again: their rows with addresses are gone from the lake."
        )
    months = salts_by_month(day.mapped for day in days if day.mapped)
    if len(salts := set[str]().union(*months.values())) > 1:
        mixed = [month for month, names in months.items() if len(names) > 1]
        where = f", mixed in {_span(mixed)}" if mixed else ""
        warnings.append(
            f"Log days were mapped with {len(salts)} salts{where}: the numbers of requesters of the archive, "
            "and of datasets with requests in months of different ones, are published empty."
        )
    return Judgement(failures, warnings)


def _span(named: Sequence[str]) -> str:
    return named[0] if named[0] == named[-1] else f"{named[0]} to {named[-1]}"


def _named(days: Sequence[LogDay]) -> str:
    more = f" and {len(days) - _MOST} more" if len(days) > _MOST else ""
    return ", ".join(map(str, days[:_MOST])) + more
