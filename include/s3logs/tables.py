"""Arrow tables as Parquet bytes, and sums over them: the one way the lake's tables are kept and added up."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.s3logs.arrow import number_array

TOTALS = ("bytes_sent", "number_of_requests", "number_of_downloads", "normalized_downloads")
"""The measures; `normalized_downloads` in millionths, as sums of whole numbers are the same in any order."""
MILLION = 1_000_000
ROW_GROUP = 1 << 17
"""Rows of each row group (but the last) in files that may be large."""
BATCH = 1 << 15
"""Rows that are worked on at once where a day may have more than the memory holds."""


def to_parquet(table: pa.Table) -> bytes:
    """Return the table as Parquet (zstd), byte-identical for equal tables."""
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def from_parquet(data: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the table in these Parquet bytes, or some of its columns."""
    return pq.read_table(BytesIO(data), columns=columns)


def release_unused() -> None:
    """Give back to the system what Arrow's allocator keeps for later: where memory is what counts."""
    pa.default_memory_pool().release_unused()


def schema_of(path: Path) -> pa.Schema:
    """Return the schema of a Parquet file."""
    return pq.read_schema(path)


def read_batches(path: Path, columns: Sequence[str] | None = None, rows: int = BATCH) -> Iterator[pa.Table]:
    """Yield so many rows at a time of a Parquet file, or some of its columns, holding little else."""
    # By default pyarrow would read the whole file beforehand.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(rows, columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch])


def totals_schema(rows: pa.Schema, *keys: str) -> pa.Schema:
    """Return the schema of the totals of such rows by the columns `keys`."""
    by_day = pa.field("event_day", pa.date32())
    fields = [by_day if key == "event_day" else rows.field(key) for key in keys]
    return pa.schema([*fields, *((name, pa.int64()) for name in TOTALS)])


def sorted_by_all(table: pa.Table, *first: str) -> pa.Table:
    """Return the rows in one fixed order: by the columns `first`, then by all others; null comes last."""
    return table.sort_by([(name, "ascending") for name in all_columns(table, *first)])


def all_columns(table: pa.Table, *first: str) -> list[str]:
    """Return the names of the columns `first` and then of all others."""
    return [*first, *(name for name in table.column_names if name not in first)]


def total_by(table: pa.Table, *keys: str) -> pa.Table:
    """Sum the measures of `table` by the columns `keys`, sorted by them."""
    sums = table.group_by(list(keys)).aggregate([(name, "sum") for name in TOTALS])
    sums = sums.select([*keys, *(f"{name}_sum" for name in TOTALS)]).rename_columns([*keys, *TOTALS])
    return sums.sort_by([(key, "ascending") for key in keys])


def distinct(table: pa.Table, *keys: str) -> pa.Table:
    """Return the different values of the columns `keys`, sorted."""
    return (
        table.group_by(list(keys)).aggregate([]).select(list(keys)).sort_by([(k, "ascending") for k in keys])
    )


def split(table: pa.Table, column: str) -> dict[str, pa.Table]:
    """Return the rows of each value of a column, by which the table is sorted, without that column."""
    starts = run_starts(table[column])
    rest = table.drop_columns([column])
    bounds = [*starts.tolist(), table.num_rows]
    names = table[column].take(number_array(starts, pa.int64())).to_pylist()
    return {
        name: rest.slice(start, stop - start)
        for name, (start, stop) in zip(names, pairwise(bounds), strict=True)
    }


def run_starts(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return where in sorted values each different one begins."""
    if not len(values):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.r_[True, pc.not_equal(values[1:], values[:-1]).to_numpy()])


def total_of_runs(table: pa.Table, key: str) -> pa.Table:
    """Do as `total_by`, for a table with rows that is sorted by the key."""
    starts = run_starts(table[key])
    at = number_array(starts, pa.int64())
    sums = {
        name: number_array(np.add.reduceat(table[name].to_numpy(), starts), pa.int64()) for name in TOTALS
    }
    return pa.table({key: table[key].take(at), **sums})
