"""What the IP service said, kept in the lake by keyed hash: no address, and none to be found from it.

    regions/cache/_checkpoint.json       which base counts, with its digest
    regions/cache/base-<token>.parquet   the merged entries
    regions/cache/new/<digest>.parquet   entries added since, one file for each writer, by its SHA-256

A pointer (`lake/pointer.py`) names the base. Writers never touch each other's files, so any number of them
work at once, and the one merger deletes only what its checkpoint already holds.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from include.s3logs.errors import ChangedObjectError, CorruptLakeError, NotFoundError
from include.s3logs.lake.pointer import (
    MENDED_BY_REPAIR,
    ORPHAN_AGE,
    Attempt,
    Json,
    Kind,
    NotAPointerError,
    Pointer,
    read_file,
    sweep,
    without_checksum,
)
from include.s3logs.regions.salt import HASH_BYTES
from include.s3logs.stores.store import Store, read_all
from include.s3logs.tables.arrays import empty_table
from include.s3logs.tables.parquet import from_parquet, to_parquet
from include.s3logs.tables.schemas import Column, schema_of_columns

log = logging.getLogger(__name__)

FOLDER = "regions/cache"
POINTER = f"{FOLDER}/_checkpoint.json"
BASE = "base"
NEW = f"{FOLDER}/new/"
BASES = f"{FOLDER}/{BASE}-"
"""Beginnings of the keys of new entries and of bases."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
COLUMNS = (
    Column("hash", "hash", "the keyed hash of the address"),
    Column("region", "text", "the label that the IP service gave"),
    Column("checked", "date", "when it said so"),
)
SCHEMA = schema_of_columns(COLUMNS)
SLICES = 90
"""Each day one of so many slices of the entries becomes due, and is asked about again."""
KEEP_DAYS = 365
"""Entries that nobody looked up for so long (days) go when the files are merged."""
_READ_ATTEMPTS = 20
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
            data = to_parquet(table)
            self.lake.write(f"{NEW}{hashlib.sha256(data).hexdigest()}.parquet", data)


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


def _from_1(content: Json, lake: Store) -> Json:
    """The base stood by itself, without its size."""
    base = lake.find(content["key"])
    named = {"key": content.pop("key"), "sha256": content.pop("sha256"), "size": base.size if base else 0}
    return {**content, "files": {BASE: named}}


KIND = Kind(
    "checkpoint of the region cache",
    3,
    {1: _from_1, 2: without_checksum},
    says={"rows": "how many entries the base has"},
)


def merge_cache(lake: Store, today: date, *, sweep_age: timedelta = ORPHAN_AGE) -> CacheState:
    """Put all entries into one base, without those that are too old; nothing new: nothing written.

    Of two merges at once one is the first; the other leaves everything as it is: ChangedObjectError.
    """
    version = Pointer(lake, POINTER, KIND).version()
    entries, new, base = _read_entries(lake)
    kept = entries.filter(pc.greater_equal(entries["checked"], pa.scalar(today - timedelta(days=KEEP_DAYS))))
    state = CacheState(
        kept.num_rows, len(new), entries.num_rows - kept.num_rows, pc.min(kept["checked"]).as_py()
    )
    if not new and not state.pruned:
        return state
    attempt = Attempt(lake, FOLDER)
    attempt.write(BASE, "parquet", to_parquet(kept))
    try:
        Pointer(lake, POINTER, KIND).put(attempt.files, {"rows": kept.num_rows}, over=version)
    except ChangedObjectError:
        attempt.abandon()
        raise
    lake.delete(new)
    # The earlier base may be being read, so it goes with a later merge.
    sweep(lake, BASES, {attempt.files[BASE].key, *([base] if base else [])}, sweep_age)
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
            new = [info.key for info in lake.list(NEW)]
            base, entries = _read_base(lake)
            parts = [parsed(lake, key, data) for key, data in zip(new, read_all(lake, new), strict=True)]
        except (NotFoundError, FileNotFoundError):  # the latter while a folder is listed
            continue
        return newest(pa.concat_tables([entries, *parts])), new, base
    raise ChangedObjectError(f"{lake.uri(FOLDER)} changes faster than it can be read.")


def _read_base(lake: Store) -> tuple[str | None, pa.Table]:
    try:
        found = Pointer(lake, POINTER, KIND).read()
        if found is None:
            return None, _without_checkpoint(lake)
        base = found.files[BASE]
    except (NotAPointerError, KeyError, TypeError):
        raise _corrupt(lake, POINTER) from None
    try:
        data = read_file(lake, base, "")
    except CorruptLakeError:
        raise _corrupt(lake, base.key) from None
    return base.key, parsed(lake, base.key, data)


def _without_checkpoint(lake: Store) -> pa.Table:
    """Return the entries of all bases: none, or the checkpoint is lost, or its first merge died before it."""
    found = [parsed(lake, info.key, lake.read(info.key)) for info in lake.list(BASES)]
    if found:
        log.warning("%s is not there; all bases beside it are read.", lake.uri(POINTER))
    return pa.concat_tables([empty_table(SCHEMA), *found])


def digest_in_name(key: str) -> str:
    """Return the SHA-256 that a file of new entries has to have, by its name; "" of an earlier release's."""
    name = key.removeprefix(NEW).removesuffix(".parquet")
    return name if _DIGEST.fullmatch(name) else ""


def parsed(lake: Store, key: str, data: bytes) -> pa.Table:
    """Return the entries in a file; CorruptLakeError names one that is no part of the cache."""
    expected = digest_in_name(key)
    if expected and hashlib.sha256(data).hexdigest() != expected:
        raise _corrupt(lake, key)
    try:
        table = from_parquet(data)
    except (pa.ArrowException, OSError):  # the latter for a footer that cannot be read
        raise _corrupt(lake, key) from None
    if not table.schema.equals(SCHEMA):
        raise _corrupt(lake, key)
    return table


def _corrupt(lake: Store, key: str) -> CorruptLakeError:
    return CorruptLakeError(f"{lake.uri(key)} is no part of the region cache. {MENDED_BY_REPAIR}")


def newest(entries: pa.Table) -> pa.Table:
    """Return one row for each hash, sorted by it: the one checked last."""
    if not entries.num_rows:
        return entries
    entries = entries.sort_by([("hash", "ascending"), ("checked", "descending"), ("region", "ascending")])
    firsts = entries.group_by("hash", use_threads=False).aggregate(
        [("region", "first"), ("checked", "first")]
    )
    return firsts.rename_columns(["hash", "region", "checked"]).cast(SCHEMA)
