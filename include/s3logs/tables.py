"""Arrow tables as Parquet bytes: the one way the lake's tables are written and read."""

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq


def to_parquet(table: pa.Table) -> bytes:
    """Return the table as Parquet (zstd), byte-identical for equal tables."""
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def from_parquet(data: bytes) -> pa.Table:
    """Return the table in these Parquet bytes."""
    return pq.read_table(BytesIO(data))


def sorted_by_all(table: pa.Table, *first: str) -> pa.Table:
    """Return the rows in one fixed order: by the columns `first`, then by all others."""
    names = [*first, *(name for name in table.column_names if name not in first)]
    return table.sort_by([(name, "ascending") for name in names])


TOTALS = ("bytes_sent", "number_of_requests", "number_of_downloads")


def total_by(table: pa.Table, *keys: str) -> pa.Table:
    """Sum the three measures of `table` by the columns `keys`, sorted by them."""
    sums = table.group_by(list(keys)).aggregate([(name, "sum") for name in TOTALS])
    sums = sums.select([*keys, *(f"{name}_sum" for name in TOTALS)]).rename_columns([*keys, *TOTALS])
    return sums.sort_by([(key, "ascending") for key in keys])
