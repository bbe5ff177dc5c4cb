"""The measures of requests, and sums of them: the one way figures are added up."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.tables.arrays import number_array, numbers_of, scalar_of, whole
from include.s3logs.tables.order import groups, is_small, run_starts, sorted_by

TOTALS = ("bytes_sent", "number_of_requests", "number_of_downloads", "normalized_downloads")
"""The measures; `normalized_downloads` in millionths, as sums of whole numbers are the same in any order."""
MILLION = 1_000_000
_DOWNLOADED = 200
_MOST_SHARE = 1e6  # no request sends an object that often: keeps nonsense from overflowing sums


def totals_schema(rows: pa.Schema, *keys: str) -> pa.Schema:
    """Return the schema of the totals of such rows by the columns `keys`."""
    by_day = pa.field("event_day", pa.date32())
    fields = [by_day if key == "event_day" else rows.field(key) for key in keys]
    return pa.schema([*fields, *((name, pa.int64()) for name in TOTALS)])


def total_by(table: pa.Table, *keys: str) -> pa.Table:
    """Sum the measures of `table` by the columns `keys`, sorted by them."""
    if is_small(table) and not any(table[name].null_count for name in TOTALS):
        return _total_of_few(table, *keys)
    sums = table.group_by(list(keys)).aggregate([(name, "sum") for name in TOTALS])
    sums = sums.select([*keys, *(f"{name}_sum" for name in TOTALS)]).rename_columns([*keys, *TOTALS])
    return sorted_by(sums, *keys)


def _total_of_few(table: pa.Table, *keys: str) -> pa.Table:
    """Do as `total_by`, in less time than Arrow's `group_by` takes to begin."""
    rows, starts = groups(table.select([*keys, *TOTALS]), *keys)
    at = number_array(starts, pa.int64())
    numbers = {name: numbers_of(whole(rows[name])).astype(np.int64) for name in TOTALS}
    sums = {name: number_array(np.add.reduceat(found, starts), pa.int64()) for name, found in numbers.items()}
    return pa.table({**{key: rows[key].take(at) for key in keys}, **sums})


def total_of_runs(table: pa.Table, key: str) -> pa.Table:
    """Do as `total_by`, for a table with rows that is sorted by the key."""
    starts = run_starts(table[key])
    at = number_array(starts, pa.int64())
    sums = {
        name: number_array(np.add.reduceat(table[name].to_numpy(), starts), pa.int64()) for name in TOTALS
    }
    return pa.table({key: table[key].take(at), **sums})


def measured(rows: pa.Table) -> pa.Table:
    """Return the rows with `event_day` and the measures (`tables.TOTALS`), one request each."""
    downloads = pc.cast(pc.equal(rows["http_status"], scalar_of(_DOWNLOADED, pa.int16())), pa.int64())
    ones = number_array(np.ones(rows.num_rows, np.int64), pa.int64())
    rows = rows.append_column("event_day", pc.cast(rows["timestamp"].cast(pa.timestamp("s")), pa.date32()))
    rows = rows.append_column("number_of_requests", ones).append_column("number_of_downloads", downloads)
    return rows.append_column("normalized_downloads", _normalized(rows["bytes_sent"], rows["object_size"]))


def _normalized(sent: pa.ChunkedArray, size: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return bytes sent ÷ object size in millionths; 0 for an object without content or of unknown size."""
    share = pc.divide(pc.cast(sent, pa.float64(), safe=False), pc.cast(size, pa.float64(), safe=False))
    most, none, million = (scalar_of(number, pa.float64()) for number in (_MOST_SHARE, 0, MILLION))
    zero = scalar_of(0, pa.int64())
    share = pc.if_else(pc.greater(size, zero), pc.min_element_wise(share, most), none)
    return pc.fill_null(pc.cast(pc.round(pc.multiply(share, million)), pa.int64()), zero)
