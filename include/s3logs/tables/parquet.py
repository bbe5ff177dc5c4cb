"""Arrow tables as Parquet bytes, and sums over them: the one way the lake's tables are kept and added up."""

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 1 << 17
"""Rows of each row group (but the last) in files that may be large."""
_ROW_GROUP = 65_536
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


class RowsFile:
    """Rows as Parquet. The bytes do not depend on the batches in which the rows came."""

    def __init__(self, path: Path, schema: pa.Schema, row_group: int = _ROW_GROUP) -> None:
        self.path = path
        self._row_group = row_group
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._waiting = [pa.Table.from_batches([], schema)]
        self._count = 0

    def add(self, rows: pa.Table) -> None:
        """Add rows; they are written a row group at a time."""
        self._waiting.append(_copied(rows))
        self._count += rows.num_rows
        if self._count >= self._row_group:
            waiting = _joined(self._waiting)
            self._count %= self._row_group
            whole = waiting.num_rows - self._count
            self._writer.write_table(waiting.slice(0, whole), self._row_group)
            self._waiting = [_copied(waiting.slice(whole))]
            release_unused()

    def close(self) -> None:
        """Write the last rows."""
        self._writer.write_table(_joined(self._waiting))
        self._writer.close()


def write_rows(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> Path:
    """Write the tables, one after the other, to one Parquet file; return where it is."""
    file = RowsFile(path, schema, ROW_GROUP)
    for table in tables:
        file.add(table)
    file.close()
    return path


def _copied(rows: pa.Table) -> pa.Table:
    """Return the rows without the buffers that they are part of, which may be much larger."""
    return _joined([rows.slice(0, 0), rows])


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).combine_chunks()
