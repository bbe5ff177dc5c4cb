"""Requesters: each different address of a day, and what stands in its place once it is left behind."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.regions import Regions
from include.s3logs.stages.limits import Limits
from include.s3logs.tables.arrays import number_array, optional_texts, scalar_of
from include.s3logs.tables.order import distinct
from include.s3logs.tables.parquet import read_batches, schema_of
from include.s3logs.tables.sorting import Groups

ADDRESS = "remote_ip"
_HASH_BYTES = 8


def look_up(
    source: Path, folder: Path, regions: Regions, limits: Limits, *, networks: bool = False
) -> pa.Table:
    """Look up each different address in the rows, and at last none.

    Columns `remote_ip`, `region`, `requester` and, if it is asked for, `network`: 64 bits of the keyed hash
    of the address and of its network, 0 of none.
    """
    schema = pa.schema([schema_of(source).field(ADDRESS)])
    different = Groups(folder / "addresses", schema, distinct, ADDRESS, limits=limits.sorting)
    for rows in read_batches(source, [ADDRESS], limits.rows):
        different.add(rows)
    addresses = [ip for some in different.all() for ip in some[ADDRESS].drop_null().to_pylist()]
    addresses.append(None)
    columns = {
        ADDRESS: optional_texts(addresses),
        "region": optional_texts(regions.look_up(addresses)),
        "requester": _numbers(regions.hashes(addresses)),
    }
    if networks:
        columns["network"] = _numbers(regions.networks(addresses))
    return pa.table(columns)


def without_addresses(rows: pa.Table, known: pa.Table) -> pa.Table:
    """Replace the requester's address by all that is known of it (`look_up`)."""
    nobody = scalar_of(known.num_rows - 1, pa.int32())
    at = pc.fill_null(pc.index_in(rows[ADDRESS], known[ADDRESS]), nobody)
    rows = rows.drop_columns([ADDRESS])
    for name in known.column_names:
        if name != ADDRESS:
            rows = rows.append_column(name, known[name].take(at))
    return rows


def _numbers(hashes: Sequence[bytes | None]) -> pa.Array:
    joined = b"".join((keyed or bytes(_HASH_BYTES))[:_HASH_BYTES] for keyed in hashes)
    return number_array(np.frombuffer(joined, ">u8").astype(np.uint64), pa.uint64())
