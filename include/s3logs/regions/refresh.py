"""The daily refresh of the region cache: what is due is asked about again.

The cache holds no address to ask about, but `binned/` does: the addresses of its newest log days are hashed,
and those asked about whose entry is due. No address leaves this module but to the file or service of ipinfo.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.s3logs.errors import ChangedObjectError, CorruptLakeError, NotFoundError
from include.s3logs.lake.checkpoint import Checkpoint, load_checkpoint
from include.s3logs.lake.pointer import MENDED_BY_REPAIR
from include.s3logs.lake.stages import BINNED
from include.s3logs.lake.stored_file import StoredFile
from include.s3logs.regions.addresses import Addresses, pack
from include.s3logs.regions.ipinfo import Entry
from include.s3logs.regions.look_up import Regions
from include.s3logs.regions.networks import NOTHING
from include.s3logs.regions.salt import hash_address
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)

SPAN_DAYS = 90
"""How many log days, today's the newest, are searched for the addresses of entries that are due."""
_COLUMN = "remote_ip"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Counts of entries: `due` = `found`, those to ask about, + `not_found`.

    `asked`, `answered` and `changed` are of those found; `undetermined` are the ones without an answer, which
    stay due. So does what is not found: no log day of the span holds it (any more), or a source that goes
    before the cache knows it by now.
    """

    due: int = 0
    found: int = 0
    not_found: int = 0
    asked: int = 0
    answered: int = 0
    changed: int = 0
    undetermined: int = 0


def refresh_cache(lake: Store, regions: Regions) -> Refreshed:
    """Ask ipinfo anew about the due entries whose addresses the newest log days hold, and keep the answers.

    What was answered is not due any more: after a crash, and when it runs again, only the rest is asked.
    Raises AccessDeniedError when the service refuses the token, and CorruptLakeError naming a broken file.
    """
    due = regions.ipinfo.due()
    found = _found(regions, due, requesters(lake, regions.ipinfo.today))
    log.info("%d entries are due; log days of the last %d days hold %d.", len(due), SPAN_DAYS, len(found))
    answers = regions.ipinfo.ask(found)
    return Refreshed(
        due=len(due),
        found=len(found),
        not_found=len(due) - len(found),
        asked=answers.asked,
        answered=len(answers.labels),
        changed=answers.changed,
        undetermined=len(found) - len(answers.labels),
    )


def requesters(lake: Store, newest: date) -> Iterator[list[str]]:
    """Yield the distinct addresses of each log day of the span, the newest first; none is read ahead.

    Days whose addresses went have none.
    """
    for days in range(SPAN_DAYS):
        binned = load_checkpoint(lake, BINNED.name, newest - timedelta(days=days))
        if binned is not None and not binned.retained:
            yield _distinct_addresses(lake, binned).to_pylist()


def _found(regions: Regions, due: dict[bytes, str], groups: Iterable[list[str]]) -> dict[bytes, Entry]:
    """Return the entries that are due by the address they are of (4 or 16 bytes), as far as it is found."""
    left, found, groups = dict(due), dict[bytes, Entry](), iter(groups)
    while left and (addresses := next(groups, None)) is not None:
        for packed in map(pack, addresses):
            digest = hash_address(regions.salt, packed)
            label = left.pop(digest, None)
            if label is not None:
                found[packed] = Entry(digest, label, due=True)
    codes = regions.table.find(Addresses.of(list(found)))
    return {key: entry for (key, entry), code in zip(found.items(), codes, strict=True) if code == NOTHING}


def _distinct_addresses(lake: Store, binned: Checkpoint) -> pa.Array:
    """Read the one column of the day's rows, one row group after the other."""
    file = binned.files["rows"]
    found = pa.array([], pa.string())
    try:
        with pq.ParquetFile(StoredFile(lake, file.key, file.size)) as rows:
            for group in range(rows.num_row_groups):
                column = rows.read_row_group(group, columns=[_COLUMN])[_COLUMN]
                found = pc.unique(pa.chunked_array([found, *column.chunks]))
    except (NotFoundError, ChangedObjectError, pa.ArrowException, OSError, KeyError) as error:
        raise CorruptLakeError(
            f"{lake.uri(file.key)} does not have the content that the lake promises. {MENDED_BY_REPAIR}"
        ) from error
    return found.drop_null()
