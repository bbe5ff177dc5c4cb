"""Arrow tables as Parquet bytes, and sums over them: the one way the lake's tables are kept and added up."""

from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TOTALS = ("bytes_sent", "number_of_requests", "number_of_downloads", "normalized_downloads")
"""The measures; `normalized_downloads` in millionths, as sums of whole numbers are the same in any order."""
MILLION = 1_000_000


def to_parquet(table: pa.Table) -> bytes:
    """Return the table as Parquet (zstd), byte-identical for equal tables."""
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def from_parquet(data: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the table in these Parquet bytes, or some of its columns."""
    return pq.read_table(BytesIO(data), columns=columns)


def sorted_by_all(table: pa.Table, *first: str) -> pa.Table:
    """Return the rows in one fixed order: by the columns `first`, then by all others."""
    names = [*first, *(name for name in table.column_names if name not in first)]
    return table.sort_by([(name, "ascending") for name in names])


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
    values = table[column].combine_chunks()
    if not len(values):
        return {}
    starts = np.flatnonzero(np.r_[True, pc.not_equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)])
    rest = table.drop_columns([column]).combine_chunks()
    bounds = [*starts.tolist(), len(values)]
    return {values[start].as_py(): rest.slice(start, stop - start) for start, stop in pairwise(bounds)}
