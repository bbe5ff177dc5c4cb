"""Which finished log days, of all times, have other work than new log objects, and why?"""

import logging
from collections.abc import Collection, Mapping
from datetime import date

from include.s3logs.catalogs.claims import Catalog
from include.s3logs.days.catalog_changes import touched_days
from include.s3logs.days.healing import healed_days
from include.s3logs.days.states import can_be_determined, finished_days, is_partial, unmapped_days
from include.s3logs.lake.checkpoint import Checkpoint
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)

UPGRADE = "a stage has a newer version"
CATALOG_CHANGED = "the catalog changed"
UNMAPPED = "begun, and without figures"
READABLE = "log objects answer that could not be read"
UNDETERMINED = "regions could not be asked for"
"""Why a finished log day has work to do; of several reasons the first."""

ASKED_AGAIN = 100  # log days; while the quota is used up, they are mapped in vain


def stale_days(
    lake: Store,
    stores: Mapping[str, Store],
    catalog: Catalog,
    today: date,
    settling_days: int,
    *,
    asked_again: int,
    writes: bool,
) -> dict[date, str]:
    """Return the log days of all times that have to be looked at again, and why, in their turn.

    Of each reason the day that was mapped the longest ago comes first. Not more are asked again for regions,
    and for log objects, than a run should do in vain. Without `writes` nothing is noted.
    """
    finished = finished_days(lake)
    partial = [day for day, mapped in finished.items() if is_partial(mapped)]
    by_reason = {
        UPGRADE: [day for day, mapped in finished.items() if mapped.is_behind()],
        CATALOG_CHANGED: touched_days(lake, catalog, notes=writes),
        UNMAPPED: unmapped_days(lake),
        READABLE: healed_days(lake, stores, partial, today, settling_days, writes=writes),
        UNDETERMINED: _to_determine(lake, finished, asked_again),
    }
    found: dict[date, str] = {}
    for reason, days in by_reason.items():
        for day in days:
            found.setdefault(day, reason)
    return found


def stale_among(lake: Store, catalog: Catalog, days: Collection[date], *, writes: bool) -> dict[date, str]:
    """Return those of the log days that the catalog touches."""
    return dict.fromkeys(touched_days(lake, catalog, among=days, notes=writes), CATALOG_CHANGED)


def _to_determine(lake: Store, finished: Mapping[date, Checkpoint], most: int) -> list[date]:
    found = [day for day, mapped in finished.items() if can_be_determined(lake, mapped)]
    if len(found) > most:
        log.info("%d log days have undetermined regions; one run does %d of them.", len(found), most)
    return found[:most]
