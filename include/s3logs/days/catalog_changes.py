"""Which finished log days does a changed catalog touch?

A day is touched when the catalog says something else of its keys than what the day was mapped with. Finding
that out takes the keys of every finished day, so it is done only when the catalog is another one than all
days agreed with the last time; a note in the lake says which that was, until a run comes with another one.

    <lake>/catalog/_checked.json      {"catalog": fingerprint}
"""

import json
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from io import BytesIO
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.s3logs.catalogs.claims import Catalog, claims_digest
from include.s3logs.days.states import mapped_at
from include.s3logs.errors import CorruptLakeError, NotFoundError
from include.s3logs.lake.checkpoint import load_checkpoint, read_output
from include.s3logs.lake.open_days import open_days
from include.s3logs.lake.stages import BINNED, MAPPED
from include.s3logs.stores.store import PARALLEL_READS, Store
from include.s3logs.tables.order import begins, stretches

log = logging.getLogger(__name__)

CHECKED = "catalog/_checked.json"
_BATCH = 64  # days whose keys are looked up at once: that costs little more than those of one day


class _Day(NamedTuple):
    """A finished log day: its keys, and the digest of the claims that it was mapped with."""

    day: date
    keys: pa.Array | None  # None: not to be had
    claims: str


def touched_days(
    lake: Store, catalog: Catalog, among: Collection[date] | None = None, *, notes: bool = True
) -> list[date]:
    """Return the finished log days (of those `among`, or of all) that the catalog touches.

    The day that was mapped the longest ago comes first. When all days were looked at, and none is touched or
    being worked on, that is noted, and the next call with the same catalog returns at once. Without `notes`
    nothing is written.
    """
    noted = _noted(lake)
    if noted == catalog.fingerprint:
        return []
    if notes:  # from now on days are mapped with another catalog, and that of before may return
        lake.delete([CHECKED])
    started = time.monotonic()
    mapped = mapped_at(lake)
    days = sorted(mapped if among is None else mapped.keys() & set(among), key=lambda day: (mapped[day], day))
    at_work = open_days(lake)  # may be mapped this moment with the catalog of before
    touched = [day for batch in _batches(lake, days) for day in _touched(catalog, batch)]
    if days:
        found = "changed: it touches" if noted else "says something else than the figures of"
        log.info(
            "The catalog %s %d of %d finished log days (%.1f s).",
            found,
            *(len(touched), len(days), time.monotonic() - started),
        )
    if notes and among is None and not touched and not at_work:
        lake.write(CHECKED, json.dumps({"catalog": catalog.fingerprint}).encode() + b"\n")
    return touched


def _noted(lake: Store) -> str:
    """Return which catalog all days agreed with the last time, "" where that is not known."""
    try:
        return str(json.loads(lake.read(CHECKED))["catalog"])
    except (NotFoundError, ValueError, KeyError, TypeError):
        return ""


def _batches(lake: Store, days: Sequence[date]) -> Iterator[list[_Day]]:
    """Yield the days' keys, some days at a time."""
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        for start in range(0, len(days), _BATCH):
            read = pool.map(lambda day: _read(lake, day), days[start : start + _BATCH])
            yield [day for day in read if day is not None]


def _read(lake: Store, day: date) -> _Day | None:
    mapped = load_checkpoint(lake, MAPPED.name, day)
    if mapped is None:
        return None
    claims, binned = str(mapped.inputs.get("claims")), load_checkpoint(lake, BINNED.name, day)
    if binned is None:
        return _Day(day, None, claims)
    try:
        data = read_output(lake, binned, "keys")
    except CorruptLakeError as error:
        log.warning("%s", error)
        return _Day(day, None, claims)
    keys = pq.read_table(BytesIO(data), columns=["object_key"], use_threads=False)["object_key"]
    return _Day(day, pc.unique(keys.drop_null()), claims)


def _touched(catalog: Catalog, days: Sequence[_Day]) -> list[date]:
    """Return those of the days that the catalog touches, and those without keys: map tells what is wrong."""
    keys = {day.day: day.keys for day in days if day.keys is not None}
    digests = dict(zip(keys, _digests(catalog, list(keys.values())), strict=True))
    return [day.day for day in days if digests.get(day.day) != day.claims]


def _digests(catalog: Catalog, keys_of_days: Sequence[pa.Array]) -> Iterator[str]:
    """Yield for each day the digest of what the catalog claims of its keys, after one question for all."""
    if not keys_of_days:
        return
    keys = pa.chunked_array(keys_of_days, pa.string())
    claims = catalog.claims(pc.unique(keys)).combine_chunks()
    starts = np.flatnonzero(begins(claims["object_key"]))  # the rows of a claimed key follow each other
    counts = np.diff(starts, append=claims.num_rows)
    claimed = claims["object_key"].take(pa.array(starts))
    places = pc.fill_null(pc.index_in(keys, value_set=claimed.combine_chunks()), -1).to_numpy()
    for of_day in np.split(places, np.cumsum([len(keys) for keys in keys_of_days])[:-1]):
        found = np.sort(of_day[of_day >= 0])
        rows = stretches(starts[found], counts[found])
        yield claims_digest([claims.take(pa.array(rows))])
