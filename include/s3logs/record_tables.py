"""Records and rejections as Arrow tables."""

from collections.abc import Sequence

import pyarrow as pa

from include.s3logs.strict import FIELDS, Reason, Record

NUMBER_FIELDS = ["time", "http_status", "bytes_sent", "object_size", "total_time", "turn_around_time"]
TEXT_FIELDS = [name for name in FIELDS if name not in NUMBER_FIELDS]
_TYPES = {"time": pa.timestamp("s", "UTC"), "http_status": pa.int16()}
SCHEMA = pa.schema(
    [
        *((name, _TYPES.get(name, pa.int64() if name in NUMBER_FIELDS else pa.string())) for name in FIELDS),
        ("extra", pa.list_(pa.string())),
        ("ambiguous", pa.bool_()),
        ("line_number", pa.int64()),
    ]
)
REJECTIONS = pa.schema([("line_number", pa.int64()), ("reason", pa.string()), ("raw", pa.binary())])


def schema_of(names: Sequence[str]) -> pa.Schema:
    """Return the schema of these fields and the line number."""
    return pa.schema([SCHEMA.field(name) for name in (*names, "line_number")])


def from_records(
    records: Sequence[Record], line_numbers: Sequence[int], names: Sequence[str] = tuple(Record._fields)
) -> pa.Table:
    """Return these fields of records of the strict path, and their line numbers, as a table."""
    schema = schema_of(names)
    if not records:
        return schema.empty_table()
    columns = [[getattr(record, name) for record in records] for name in names]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=False)]
    return pa.Table.from_arrays([*arrays, pa.array(line_numbers, pa.int64())], schema=schema)


def from_rejections(rejections: Sequence[tuple[int, Reason, bytes]]) -> pa.Table:
    """Return rejections (line number, reason, raw line) as a table."""
    if not rejections:
        return REJECTIONS.empty_table()
    rows = [dict(zip(REJECTIONS.names, (n, str(why), raw), strict=True)) for n, why, raw in rejections]
    return pa.Table.from_pylist(rows, REJECTIONS)
