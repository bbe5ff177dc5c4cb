"""Bin: reduced rows → the same rows sorted by object key, and totals of each key by event day."""

from collections.abc import Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.checkpoint import Attempt, Checkpoint, Outcome, read_output, run_stage
from include.s3logs.errors import ReconciliationError
from include.s3logs.store import Store
from include.s3logs.tables import MILLION, from_parquet, sorted_by_all, to_parquet, total_by

STAGE = "binned"
VERSION = 2
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
    ones = pa.array([1], pa.int64()).take(pa.array([0] * rows.num_rows, pa.int64()))
    rows = rows.append_column("event_day", pc.cast(rows["timestamp"].cast(pa.timestamp("s")), pa.date32()))
    rows = rows.append_column("number_of_requests", ones).append_column("number_of_downloads", downloads)
    return rows.append_column("normalized_downloads", _normalized(rows["bytes_sent"], rows["object_size"]))


def _normalized(sent: pa.ChunkedArray, size: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return bytes sent ÷ object size in millionths; 0 for an object without content or of unknown size."""
    share = pc.divide(pc.cast(sent, pa.float64(), safe=False), pc.cast(size, pa.float64(), safe=False))
    share = pc.if_else(pc.greater(size, 0), pc.min_element_wise(share, _MOST_SHARE), 0.0)
    return pc.fill_null(pc.cast(pc.round(pc.multiply(share, float(MILLION))), pa.int64()), 0)


def _bin(attempt: Attempt, reduced: Checkpoint) -> Mapping[str, int]:
    rows = from_parquet(read_output(attempt.lake, reduced, "rows"))
    keys = collapse_zarr(rows["object_key"])
    binned = rows.set_column(rows.column_names.index("object_key"), "object_key", keys)
    binned = sorted_by_all(binned, "object_key", "timestamp")
    totals = total_by(measured(binned), "object_key", "event_day")
    counts = {
        "rows": binned.num_rows,
        "object_keys": len(pc.unique(binned["object_key"])),
        "bytes_sent": pc.sum(totals["bytes_sent"]).as_py() or 0,
        "downloads": pc.sum(totals["number_of_downloads"]).as_py() or 0,
    }
    for name, upstream in (("rows", "reduced_rows"), ("bytes_sent", "bytes_sent")):
        if counts[name] != reduced.counts[upstream]:
            raise ReconciliationError(
                f"{attempt.day}: bin has {counts[name]} {name}, reduce gave {reduced.counts[upstream]}"
            )
    attempt.write("rows", "parquet", to_parquet(binned))
    attempt.write("keys", "parquet", to_parquet(totals))
    return counts
