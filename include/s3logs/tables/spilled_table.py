"""Rows that wait on disk for their turn."""

import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa


class SpilledTable:
    """Rows that come in batches and are given back in batches, in their order, from a temporary file.

    The file has no name and vanishes when it is read.
    """

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        self._writer: pa.RecordBatchStreamWriter | None = None

    def add(self, rows: pa.Table) -> None:
        """Add rows; all have the same columns."""
        if self._writer is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
            self._writer = pa.ipc.new_stream(self._file, rows.schema)
        self._writer.write_table(rows)

    def batches(self) -> Iterator[pa.Table]:
        """Yield the rows; after that none may be added."""
        if self._writer is None or self._file is None:
            return
        self._writer.close()
        self._file.seek(0)
        for batch in pa.ipc.open_stream(self._file):
            yield pa.Table.from_batches([batch])
        self._file.close()
