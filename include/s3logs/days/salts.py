"""With which salt was a log day mapped? The same requester has another hash under another one.

Such hashes must not be counted together: each requester would count once for each salt.
"""

from collections.abc import Iterable
from datetime import date

from include.s3logs.lake.checkpoint import REGIONS, Checkpoint, intact_checkpoint
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


def can_be_mapped_again(lake: Store, day: date, salt: str) -> bool:
    """Tell whether map would give a day hashes of this salt.

    It makes them of rows with addresses; rows whose addresses went have those of the salt of that moment.
    """
    if binned := intact_checkpoint(lake, BINNED.name, day):
        return not binned.retained or salt_named_in(str(binned.marks.get(REGIONS))) == salt
    reduced = intact_checkpoint(lake, REDUCED.name, day)
    return reduced is not None and not reduced.retained
