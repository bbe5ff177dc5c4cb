"""What the IP service said, kept in the lake by keyed hash: no address, and none to be found from it.

    regions/cache/_checkpoint.json       which base counts, with its digest
    regions/cache/base-<token>.parquet   the merged entries
    regions/cache/new/<token>.parquet    entries added since, one file for each writer

The protocol is that of the stages: files are written under names that nobody used before and the checkpoint
last; nothing is renamed. Writers never touch each other's files, so any number of them work at once, and the
one merger deletes only what its checkpoint already holds.
"""

import hashlib
import json
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.s3logs.errors import ChangedObjectError, CorruptLakeError, NotFoundError
from include.s3logs.lake.checkpoint import CHECKPOINT
from include.s3logs.regions.salt import HASH_BYTES
from include.s3logs.stores.store import Store, read_all
from include.s3logs.tables.parquet import from_parquet, to_parquet

log = logging.getLogger(__name__)

FOLDER = "regions/cache"
FORMAT = 1
SCHEMA = pa.schema([("hash", pa.binary(HASH_BYTES)), ("region", pa.string()), ("checked", pa.date32())])
"""Keyed hash of the address, the label that the service gave, the UTC day it said so."""
SLICES = 90
"""Each day one of so many slices of the entries becomes due, and is asked about again."""
KEEP_DAYS = 365
"""Entries that nobody looked up for so long (days) go when the files are merged."""
_READ_ATTEMPTS = 20
_ORPHAN_AGE = timedelta(days=1)
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class CacheState:
    """What a merge found: entries now, files merged, entries too old, and the day of the oldest left."""

    entries: int
    merged_files: int
    pruned: int
    oldest: date | None


class RegionCache:
    """The entries as they were when they were read; `find` them, `add` new ones."""

    def __init__(self, lake: Store) -> None:
        self.lake = lake
        self.reload()

    def reload(self) -> None:
        """Read the entries anew: those that were added since, by anybody."""
        self.entries = _read_entries(self.lake)[0]

    def find(self, hashes: Sequence[bytes], today: date) -> tuple[list[str | None], NDArray[np.bool_]]:
        """Return the label of each hash (None: not in the cache), and which are due to be asked again."""
        at = pc.index_in(pa.array(hashes, SCHEMA.field("hash").type), value_set=self.entries["hash"])
        found = self.entries.take(at)
        known = pc.is_valid(at).to_numpy(zero_copy_only=False)
        return found["region"].to_pylist(), known & is_due(hashes, _days(found), today)

    def due(self, today: date) -> dict[bytes, str]:
        """Return the entries that are due to be asked again, by hash."""
        hashes = self.entries["hash"].to_pylist()
        found = self.entries.filter(pa.array(is_due(hashes, _days(self.entries), today)))
        return dict(zip(found["hash"].to_pylist(), found["region"].to_pylist(), strict=True))

    def add(self, hashes: Sequence[bytes], regions: Sequence[str], today: date) -> None:
        """Keep the answers, in a file of their own."""
        if hashes:
            columns = [list(hashes), list(regions), [today] * len(hashes)]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
            table = pa.Table.from_arrays(arrays, schema=SCHEMA).sort_by("hash")
            self.lake.write(f"{FOLDER}/new/{secrets.token_hex(16)}.parquet", to_parquet(table))


def _days(entries: pa.Table) -> NDArray[np.int32]:
    """Return the day ordinals on which the entries were checked."""
    checked = entries["checked"].combine_chunks().cast(pa.int32())
    days: NDArray[np.int32] = pc.fill_null(checked, 0).to_numpy(zero_copy_only=False) + _EPOCH
    return days


def is_due(hashes: Sequence[bytes], checked: NDArray[np.integer], today: date) -> NDArray[np.bool_]:
    """Tell which entries were checked (day ordinals) before the last day on which their slice was due.

    A hash belongs to the slice `first two bytes mod 90`, which is due on each day whose ordinal has that
    remainder. So every day 1/90 of the entries becomes due, and none that is used gets older than 90 days.
    """
    starts = np.frombuffer(b"".join(hashes), ">u2")[:: HASH_BYTES // 2].astype(np.int64)
    last_due = today.toordinal() - (today.toordinal() - starts % SLICES) % SLICES
    return np.asarray(checked < last_due)


def merge_cache(lake: Store, today: date) -> CacheState:
    """Put all entries into one base, without those that are too old; nothing new: nothing written.

    Two merges at once would be safe for the lake and could lose entries; the DAG lets only one run.
    """
    entries, new, base = _read_entries(lake)
    kept = entries.filter(pc.greater_equal(entries["checked"], pa.scalar(today - timedelta(days=KEEP_DAYS))))
    state = CacheState(
        kept.num_rows, len(new), entries.num_rows - kept.num_rows, pc.min(kept["checked"]).as_py()
    )
    if not new and not state.pruned:
        return state
    data = to_parquet(kept)
    key = f"{FOLDER}/base-{secrets.token_hex(16)}.parquet"
    lake.write(key, data)
    named = {"format": FORMAT, "key": key, "sha256": hashlib.sha256(data).hexdigest(), "rows": kept.num_rows}
    lake.write(f"{FOLDER}/{CHECKPOINT}", json.dumps(named, indent=1, sort_keys=True).encode() + b"\n")
    lake.delete(new)
    # The earlier base may be being read, so it goes with a later merge.
    before = datetime.now(UTC) - _ORPHAN_AGE
    bases = [info for info in lake.list(f"{FOLDER}/base-") if info.key not in (key, base)]
    lake.delete([info.key for info in bases if info.modified < before])
    return state


def cached_regions(lake: Store) -> set[str]:
    """Return all labels in the cache."""
    return set(pc.unique(_read_entries(lake)[0]["region"]).to_pylist())


def _read_entries(lake: Store) -> tuple[pa.Table, list[str], str | None]:
    """Return the newest entry of each hash, the new files it comes from, and the base.

    The new files are listed before the checkpoint is read: one that a merge deletes in between is then in
    the base; one that vanishes later means that there is a newer checkpoint, so all is read again.
    """
    for _ in range(_READ_ATTEMPTS):
        try:
            new = [info.key for info in lake.list(f"{FOLDER}/new/")]
            base, entries = _read_base(lake)
            parts = [_parsed(lake, key, data) for key, data in zip(new, read_all(lake, new), strict=True)]
        except (NotFoundError, FileNotFoundError):  # the latter while a folder is listed
            continue
        return _newest(pa.concat_tables([entries, *parts])), new, base
    raise ChangedObjectError(f"{lake.uri(FOLDER)} changes faster than it can be read.")


def _read_base(lake: Store) -> tuple[str | None, pa.Table]:
    try:
        checkpoint = lake.read(f"{FOLDER}/{CHECKPOINT}")
    except NotFoundError:
        return None, SCHEMA.empty_table()
    try:
        named = json.loads(checkpoint)
        key, digest = named["key"], named["sha256"]
        data = lake.read(key) if named["format"] == FORMAT else b""
    except (ValueError, KeyError, TypeError, NotFoundError):
        raise _corrupt(lake, f"{FOLDER}/{CHECKPOINT}") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise _corrupt(lake, key)
    return key, _parsed(lake, key, data)


def _parsed(lake: Store, key: str, data: bytes) -> pa.Table:
    try:
        table = from_parquet(data)
    except pa.ArrowInvalid:
        raise _corrupt(lake, key) from None
    if not table.schema.equals(SCHEMA):
        raise _corrupt(lake, key)
    return table


def _corrupt(lake: Store, key: str) -> CorruptLakeError:
    return CorruptLakeError(
        f"{lake.uri(key)} is no part of the region cache. Delete {lake.uri(FOLDER)}; it fills up again."
    )


def _newest(entries: pa.Table) -> pa.Table:
    """Return one row for each hash, sorted by it: the one checked last."""
    entries = entries.sort_by([("hash", "ascending"), ("checked", "descending"), ("region", "ascending")])
    firsts = entries.group_by("hash", use_threads=False).aggregate(
        [("region", "first"), ("checked", "first")]
    )
    return firsts.rename_columns(["hash", "region", "checked"]).cast(SCHEMA)
