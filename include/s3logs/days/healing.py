"""Which finished log days had to do without log objects that may be read by now?

What was denied, archived or gone is not remembered as done: it is asked for again, but not every day.

    <lake>/unreadable/_asked.json    by log day how often that was, and the day of the next time (null: never)
"""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import NamedTuple

from include.s3logs.errors import ChangedObjectError, NotFoundError
from include.s3logs.lake.checkpoint import OBJECTS, load_checkpoint
from include.s3logs.lake.stages import REDUCED
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.stages.never_less import Before, read_list
from include.s3logs.stages.object_list import GONE
from include.s3logs.stages.second_chance import may_be_read_now
from include.s3logs.stores.store import ABSENT, Store

log = logging.getLogger(__name__)

NOTE = "unreadable/_asked.json"
MOST = 20  # log days that one run asks for
_LONGEST = 32  # days; the wait begins with one and doubles


class _Asked(NamedTuple):
    """How often it was asked, and the first day on which it is again; None: what is gone stays so."""

    times: int = 0
    next: str | None = ""


def healed_days(
    lake: Store,
    stores: Mapping[str, Store],
    partial: Sequence[date],
    today: date,
    settling_days: int,
    *,
    writes: bool = True,
    most: int = MOST,
) -> list[date]:
    """Return those of the partial days of which a log object answers that could not be read.

    At most so many are asked, those that wait the longest first, each after a wait of 1, 2, 4 … 32 days. What
    is gone for longer than the settling window and in no roll-up is not asked for again. Without `writes`
    nothing is noted.
    """
    if not partial:
        return []
    version, noted = _noted(lake)
    asked = {str(day): noted.get(str(day), _Asked()) for day in partial}
    due = [day for day in partial if (waits := asked[str(day)].next) is not None and waits <= str(today)]
    due.sort(key=lambda day: (asked[str(day)].next or "", day))
    healed = []
    for day in due[:most]:
        before = _before(lake, day)
        listing = find_log_objects(stores, day, day)
        if before and may_be_read_now(stores, listing, day, before):
            healed.append(day)
        times = asked[str(day)].times + 1
        wait = timedelta(days=min(2 ** (times - 1), _LONGEST))
        is_settled = day + timedelta(days=settling_days) < today
        is_final = is_settled and day not in healed and (before is None or _all_gone(before))
        asked[str(day)] = _Asked(times, None if is_final else str(today + wait))
    if due:
        log.info(
            "%d log days are without log objects that could not be read; %d of them were asked for these, "
            "and %d have some that answer now.",
            *(len(partial), len(due[:most]), len(healed)),
        )
    if writes and asked != noted:
        with suppress(ChangedObjectError):  # another run has asked meanwhile
            lake.write(NOTE, json.dumps(asked, indent=1, sort_keys=True).encode() + b"\n", over=version)
    return healed


def _before(lake: Store, day: date) -> Before | None:
    reduced = load_checkpoint(lake, REDUCED.name, day)
    if reduced is None:
        return None
    return Before(reduced.counts, read_list(lake, reduced.files[OBJECTS]), reduced)


def _all_gone(before: Before) -> bool:
    return all(row.unreadable == GONE for row in before.unreadable())


def _noted(lake: Store) -> tuple[str, dict[str, _Asked]]:
    """Return the note's version and what it says; nothing where that makes no sense: then all are asked."""
    found = lake.find(NOTE)
    if found is None:
        return ABSENT, {}
    try:
        content = json.loads(lake.read(NOTE))
        return found.etag, {day: _Asked(int(times), after) for day, (times, after) in content.items()}
    except NotFoundError:
        return ABSENT, {}
    except (ValueError, TypeError, AttributeError):
        log.warning("%s is no such note; it is made anew.", lake.uri(NOTE))
        return found.etag, {}
