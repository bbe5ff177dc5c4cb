"""Retention: which log days are older than addresses may be kept, and taking these out of the lake."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from include.s3logs.errors import ChangedObjectError, CorruptLakeError, NotFoundError
from include.s3logs.lake.checkpoint import load_checkpoint
from include.s3logs.lake.open_days import is_open
from include.s3logs.lake.retained import with_addresses
from include.s3logs.lake.stages import closing
from include.s3logs.regions import RegionSource
from include.s3logs.stages.limits import LIMITS, Limits
from include.s3logs.stages.retention import retain_day
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)

MOST = 200
"""Log days of one run: what is switched on for a long history is done over some runs."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What became of the log days that are older than addresses are kept.

    Of `days` the addresses went; `left_over` wait for the next run, and `unfinished` until they are finished.
    `problems` are sentences that say why those of other days stay.
    """

    days: Sequence[date] = ()
    left_over: Sequence[date] = ()
    unfinished: Sequence[date] = ()
    problems: Sequence[str] = ()


def retain(
    lake: Store,
    regions: RegionSource,
    keep_days: int,
    today: date,
    *,
    most: int = MOST,
    limits: Limits = LIMITS,
) -> Retention:
    """Take the addresses out of at most so many finished log days that are more than `keep_days` ago.

    The oldest goes first. A day that cannot be done stops no other. A day's regions are asked for once more;
    what nobody can say now stays `undetermined`, as what was promised of addresses goes before. Raises what
    stores raise, and AccessDeniedError when the IP service refuses the token.
    """
    regions = RegionSource(regions.version, cache(regions.open))  # loaded once, if at all
    oldest_kept = today - timedelta(days=keep_days)
    due = sorted(day for day in with_addresses(lake) if day < oldest_kept)
    done, unfinished, problems = list[date](), list[date](), list[str]()
    while due and len(done) < most:
        day = due.pop(0)
        figures = load_checkpoint(lake, closing().name, day)
        if figures is None or figures.is_behind() or is_open(lake, day):
            unfinished.append(day)
            continue
        try:
            retain_day(lake, day, regions, today, limits=limits)
            done.append(day)
        except ChangedObjectError as error:
            log.info("%s", error)
            unfinished.append(day)
        except (CorruptLakeError, NotFoundError) as error:
            problems.append(f"{day}: {error}")
    if unfinished:
        log.warning(
            "%d log days are older than addresses are kept, and not finished; theirs stay: %s",
            *(len(unfinished), ", ".join(map(str, unfinished))),
        )
    if due:
        log.info("%d log days from %s on wait for the next run.", len(due), due[0])
    return Retention(tuple(done), tuple(due), tuple(unfinished), tuple(problems))
