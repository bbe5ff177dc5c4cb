"""Records and rejections as Arrow tables."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from include.s3logs.parsing.strict import FIELDS, Reason
from include.s3logs.tables.arrays import number_array, texts_of

NUMBER_FIELDS = ["time", "http_status", "bytes_sent", "object_size", "total_time", "turn_around_time"]
TEXT_FIELDS = [name for name in FIELDS if name not in NUMBER_FIELDS]
_TYPES = {"time": pa.timestamp("s", "UTC"), "http_status": pa.int16()}
SCHEMA = pa.schema(
    [
        *((name, _TYPES.get(name, pa.int64() if name in NUMBER_FIELDS else pa.string())) for name in FIELDS),
        ("extra", pa.list_(pa.string())),
        ("ambiguous", pa.bool_()),
        ("line_number", pa.int64()),
        ("object_key", pa.string()),
    ]
)
"""The fields of the log as logged, what was found out about the line, and the object key behind `key`."""
REJECTIONS = pa.schema([("line_number", pa.int64()), ("reason", pa.string()), ("raw", pa.binary())])


def rejections_table(rejections: Sequence[tuple[int, Reason, bytes]]) -> pa.Table:
    """Return rejections (line number, reason, raw line) as a table."""
    columns = [
        number_array(np.array([number for number, _, _ in rejections], np.int64), pa.int64()),
        texts_of([reason.encode() for _, reason, _ in rejections]),
        texts_of([raw for _, _, raw in rejections], pa.binary()),
    ]
    return pa.Table.from_arrays(columns, schema=REJECTIONS)
