"""With which salt was a log day mapped? The same requester has another hash under another one.

Such hashes must not be counted together: each requester would count once for each salt.
"""

from collections.abc import Iterable
from datetime import date

from include.s3logs.lake.checkpoint import Checkpoint, intact_checkpoint
from include.s3logs.lake.stages import BINNED, REDUCED
from include.s3logs.regions.salt import salt_named_in
from include.s3logs.stores.store import Store


def salt_of(mapped: Checkpoint) -> str:
    """Return the name of the salt of a day's requesters; "" for a day without requests, which has none."""
    return salt_named_in(mapped.inputs.get("regions", "")) if mapped.counts["rows"] else ""


def salts_by_month(mapped: Iterable[Checkpoint]) -> dict[str, set[str]]:
    """Return the different salts of the log days of each month: {YYYY-MM: names}."""
    found: dict[str, set[str]] = {}
    for day in mapped:
        found.setdefault(day.log_day[: len("YYYY-MM")], set()).update({salt_of(day)} - {""})
    return found


def can_be_mapped_again(lake: Store, day: date) -> bool:
    """Tell whether the lake has rows with addresses, of which map makes hashes with the salt of today."""
    return any(intact_checkpoint(lake, stage.name, day) for stage in (BINNED, REDUCED))
