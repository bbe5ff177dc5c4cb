"""From what the kernels found in some lines to Arrow columns."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.s3logs.kernel import gather as gathering
from include.s3logs.kernel import scan as scanning
from include.s3logs.record_tables import NUMBER_FIELDS, SCHEMA, TEXT_FIELDS

_CARRIAGE_RETURN = 13


class Lines:
    """Some lines of a log object, their fields found: what `scan` filled, reused from batch to batch.

    `data` holds the lines' bytes, with room behind them; line n is data[starts[n]:stops[n]].
    """

    def __init__(self, capacity: int) -> None:
        self.verdicts = np.zeros(capacity, np.uint8)
        self.starts = np.zeros(capacity + 1, np.int64)
        self.spans = np.zeros((capacity, scanning.SPANS, 2), np.int32)
        self.numbers = np.zeros((capacity, scanning.NUMBERS), np.int64)
        self.data: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.count = 0

    def scan(self, data: npt.NDArray[np.uint8], begin: int, end: int) -> int:
        """Find the fields of the lines in data[begin:end] until there is no more room; return where."""
        self.data = data
        self.count, reached = scanning.scan(
            data, begin, end, self.verdicts, self.starts, self.spans, self.numbers
        )
        self.starts[self.count] = reached
        return int(reached)

    def line(self, n: int) -> bytes:
        """Return the bytes of line n without its end."""
        raw = self.data[self.starts[n] : self.starts[n + 1]].tobytes()
        return raw.removesuffix(b"\n").removesuffix(b"\r")

    def stops(self) -> npt.NDArray[np.int64]:
        """Return where each line ends, without its line feed and a carriage return before that."""
        stops: npt.NDArray[np.int64] = self.starts[1 : self.count + 1] - 1
        has_return = (self.data[stops - 1] == _CARRIAGE_RETURN) & (stops > self.starts[: self.count])
        stops -= has_return
        return stops

    def column(self, name: str, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Return one of the 27 fields of the lines `rows` as an Arrow array."""
        if name in NUMBER_FIELDS:
            values = np.ascontiguousarray(self.numbers[rows, NUMBER_FIELDS.index(name)])
            return _numbers(values, SCHEMA.field(name).type)
        return self._strings(TEXT_FIELDS.index(name), rows)

    def extra_fields(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Return the fields after the 27th, a list for each line."""
        spans = self.spans[rows, scanning.EXTRA].tolist()
        lists = [self.data[a:b].tobytes().decode().split(" ") if b else [] for a, b in spans]
        return pa.array(lists, pa.list_(pa.string()))

    def has_extra(self, rows: npt.NDArray[np.int64]) -> bool:
        """Tell whether any of the lines has more than 27 fields."""
        return bool(self.spans[rows, scanning.EXTRA, 1].any())

    def _strings(self, field: int, rows: npt.NDArray[np.int64]) -> pa.Array:
        room = gathering.length(self.spans, field, rows) + gathering.PADDING
        target = np.empty(room, np.uint8)
        offsets = np.empty(len(rows) + 1, np.int32)
        valid = np.empty(len(rows), np.bool_)
        size = gathering.gather(self.data, self.spans, field, rows, target, offsets, valid)
        buffers = [_bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(target[:size])]
        return pa.Array.from_buffers(pa.string(), len(rows), buffers)


def _numbers(values: npt.NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    valid = values != scanning.NULL
    if kind == pa.int16():
        values = values.astype(np.int16)
    return pa.Array.from_buffers(kind, len(values), [_bitmap(valid), pa.py_buffer(values)])


def _bitmap(valid: npt.NDArray[np.bool_]) -> Any:
    """Return Arrow's validity bitmap, or None when everything is valid."""
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
