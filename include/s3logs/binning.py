"""Bin: reduced rows → the same rows sorted by object key, and totals of each key by event day.

The rows are sorted on disk (`sorting.py`), so that a day may be larger than the memory.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.arrow import number_array
from include.s3logs.checkpoint import Attempt, Checkpoint, Outcome, copy_output, run_stage
from include.s3logs.errors import ReconciliationError
from include.s3logs.reduced_files import RowsFile, temporary_folder, write_rows
from include.s3logs.sorting import Sorter, grouped
from include.s3logs.store import Store
from include.s3logs.tables import (
    MILLION,
    ROW_GROUP,
    TOTALS,
    read_batches,
    schema_of,
    total_by,
    totals_schema,
)

STAGE = "binned"
VERSION = 3
ORDER = ("object_key", "timestamp")
TOTALS_BY = ("object_key", "event_day")
_COUNTED = {"rows": "number_of_requests", "bytes_sent": "bytes_sent", "downloads": "number_of_downloads"}
_KEYS = 1 << 14  # that are given at once
_DOWNLOADED = 200
_MOST_SHARE = 1e6  # no request sends an object that often: keeps nonsense from overflowing sums
_ZARR_CHUNK = r"(?s)^(zarr/[^/]+)/.*$"  # a Zarr asset is a tree of chunk objects below zarr/<id>


def bin_day(lake: Store, reduced: Checkpoint, *, force: bool = False) -> Outcome:
    """Bin the rows of a reduced log day, or reuse the result."""
    return run_stage(
        lake,
        STAGE,
        date.fromisoformat(reduced.log_day),
        inputs={"version": VERSION, "reduced": reduced.fingerprint},
        compute=lambda attempt: _bin(attempt, reduced),
        upstream=reduced.lineage(),
        force=force,
    )


def collapse_zarr(object_keys: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return the keys with every `zarr/<id>/…` cut to `zarr/<id>`."""
    return pc.replace_substring_regex(object_keys, _ZARR_CHUNK, r"\1")


def measured(rows: pa.Table) -> pa.Table:
    """Return the rows with `event_day` and the measures (`tables.TOTALS`), one request each."""
    downloads = pc.cast(pc.equal(rows["http_status"], _DOWNLOADED), pa.int64())
    ones = number_array(np.ones(rows.num_rows, np.int64), pa.int64())
    rows = rows.append_column("event_day", pc.cast(rows["timestamp"].cast(pa.timestamp("s")), pa.date32()))
    rows = rows.append_column("number_of_requests", ones).append_column("number_of_downloads", downloads)
    return rows.append_column("normalized_downloads", _normalized(rows["bytes_sent"], rows["object_size"]))


def _normalized(sent: pa.ChunkedArray, size: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return bytes sent ÷ object size in millionths; 0 for an object without content or of unknown size."""
    share = pc.divide(pc.cast(sent, pa.float64(), safe=False), pc.cast(size, pa.float64(), safe=False))
    share = pc.if_else(pc.greater(size, 0), pc.min_element_wise(share, _MOST_SHARE), 0.0)
    return pc.fill_null(pc.cast(pc.round(pc.multiply(share, float(MILLION))), pa.int64()), 0)


def binned_keys(path: Path) -> Iterator[pa.Table]:
    """Yield the totals of each key, some keys at a time, from a file of those by key and event day.

    In the rows that belong to it, the requests of each key follow each other in the same order.
    """
    return grouped(read_batches(path, ["object_key", *TOTALS], _KEYS), total_by, "object_key")


def _bin(attempt: Attempt, reduced: Checkpoint) -> Mapping[str, int]:
    with temporary_folder() as folder:
        source = copy_output(attempt.lake, reduced, "rows", folder / "reduced")
        schema = schema_of(source)
        unsorted = Sorter(folder / "run", schema, *ORDER)
        for found in read_batches(source):
            keys = collapse_zarr(found["object_key"])
            unsorted.add(found.set_column(found.column_names.index("object_key"), "object_key", keys))
        rows = RowsFile(folder / "rows", schema, ROW_GROUP)
        counts = Counter(dict.fromkeys(_COUNTED, 0))

        def totals() -> Iterator[pa.Table]:
            for binned in unsorted.sorted():
                rows.add(binned)
                sums = total_by(measured(binned), *TOTALS_BY)
                for name, total in _COUNTED.items():
                    counts[name] += pc.sum(sums[total]).as_py()
                yield sums

        keys = write_rows(
            folder / "keys", totals_schema(schema, *TOTALS_BY), grouped(totals(), total_by, *TOTALS_BY)
        )
        rows.close()
        counts["object_keys"] = sum(found.num_rows for found in binned_keys(keys))
        for name, upstream in (("rows", "reduced_rows"), ("bytes_sent", "bytes_sent")):
            if counts[name] != reduced.counts[upstream]:
                raise ReconciliationError(
                    f"{attempt.day}: bin has {counts[name]} {name}, reduce gave {reduced.counts[upstream]}"
                )
        attempt.write_file("rows", "parquet", rows.path)
        attempt.write_file("keys", "parquet", keys)
    return dict(counts)
