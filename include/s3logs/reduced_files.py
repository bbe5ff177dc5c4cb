"""The files of a log day that may be large: they grow on disk while what is in them is found."""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.s3logs.errors import StoreUnavailableError
from include.s3logs.sources import LogObject
from include.s3logs.tables import ROW_GROUP, release_unused

_ROW_GROUP = 65_536
_EXAMPLES = 3
_SHOWN_CHARACTERS = 80
_SECRET = re.compile(r"((?:Signature|Credential|AccessKeyId|Token)=)[^&\s\"]*")  # of presigned requests


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for files while they grow; it goes away with them. A full disk says where it is full."""
    try:
        with tempfile.TemporaryDirectory(prefix="s3logs-") as folder:
            yield Path(folder)
    except OSError as error:
        where = tempfile.gettempdir()
        raise StoreUnavailableError(f"The folder for temporary files, {where} (TMPDIR): {error}") from error


class RowsFile:
    """Rows as Parquet. The bytes do not depend on the batches in which the rows came."""

    def __init__(self, path: Path, schema: pa.Schema, row_group: int | None = None) -> None:
        self.path = path
        self._row_group = row_group or _ROW_GROUP
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


class QuarantineFile:
    """Lines and log objects without a valid reading as JSON, one a line; `examples` shows the first lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.examples: list[str] = []
        self._file = path.open("w", encoding="ascii")

    def add(self, log_object: LogObject, number: int | None, reason: str, line: bytes | None) -> None:
        """Add a line with its number and why it is here, or (None) a whole log object."""
        raw = line.decode("utf-8", "surrogateescape") if line is not None else None
        entry = {
            "source": log_object.source,
            "log_object": log_object.key,
            "line_number": number,
            "reason": reason,
            "raw": raw,
        }
        self._file.write(json.dumps(entry) + "\n")
        if raw is not None and len(self.examples) < _EXAMPLES:
            self.examples.append(f"{log_object.key} line {number}: {reason}: {_shown(raw)!r}")

    def close(self) -> None:
        """Write what is not written yet."""
        self._file.close()


def _copied(rows: pa.Table) -> pa.Table:
    """Return the rows without the buffers that they are part of, which may be much larger."""
    return _joined([rows.slice(0, 0), rows])


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).combine_chunks()


def _shown(raw: str) -> str:
    """Return the beginning of a line as it may stand in a message."""
    return _SECRET.sub(r"\1…", raw)[:_SHOWN_CHARACTERS] + "…"
