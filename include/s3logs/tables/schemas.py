"""The columns of stored tables, said once: Arrow schemas, checks and documentation are made of them.

Nothing heavy is imported until a schema is asked for: DAG files are parsed often, and read these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import IOBase
    from pathlib import Path

    import pyarrow as pa

KINDS = {
    "text": "a text",
    "int16": "a whole number",
    "int64": "a whole number",
    "uint64": "a whole number, 64 bits without a sign",
    "float64": "a number",
    "date": "a UTC day",
    "seconds": "a UTC time; written in seconds, which Parquet keeps as milliseconds",
    "milliseconds": "a UTC time in milliseconds, whole seconds",
    "hash": "16 bytes",
}
"""Of columns, and what a value is."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, one of `KINDS`, and what it says (with its unit)."""

    name: str
    kind: str
    meaning: str

    def named(self, name: str) -> Column:
        """Return the same under another name."""
        return Column(name, self.kind, self.meaning)


Columns = tuple[Column, ...]


def schema_of_columns(columns: Columns) -> pa.Schema:
    """Return the schema with which a table of these columns is written."""
    return _schema(columns, seconds="s")


def check_columns(source: Path | IOBase, columns: Columns) -> str:
    """Return what is wrong with the schema of a Parquet file that should have these columns, or nothing."""
    import pyarrow as pa  # noqa: PLC0415 (see above)
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        found = pq.read_schema(source)
    except (pa.ArrowException, OSError):
        return "it is no Parquet file"
    return check_schema(found, columns)


def check_schema(found: pa.Schema, columns: Columns) -> str:
    """Return what is wrong with the schema of a stored table that should have these columns, or nothing."""
    expected = _schema(columns, seconds="ms")
    if found.equals(expected):
        return ""
    return f"it has the columns {_shown(found)}, and not {_shown(expected)}"


def _schema(columns: Columns, seconds: str) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415

    kinds = {
        "text": pa.string(),
        "int16": pa.int16(),
        "int64": pa.int64(),
        "uint64": pa.uint64(),
        "float64": pa.float64(),
        "date": pa.date32(),
        "seconds": pa.timestamp(seconds, "UTC"),
        "milliseconds": pa.timestamp("ms", "UTC"),
        "hash": pa.binary(16),
    }
    return pa.schema([(column.name, kinds[column.kind]) for column in columns])


def _shown(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
