"""Arrow arrays straight from their buffers, without pandas.

Whatever of Arrow is given a Python value, `pa.array`, `pa.scalar`, functions of `pc`, `schema.empty_table`,
imports pandas first, to see whether it is one of its; so do `group_by` and `sort_by` of tables. That takes
longer than all there is to do of a log day of a few lines.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_STRING = pa.string()


def number_array(
    values: npt.NDArray[Any], kind: pa.DataType, valid: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Return the values as an array of a type of the same width; those that are not `valid` are null."""
    return pa.Array.from_buffers(kind, len(values), [_bitmap(valid), pa.py_buffer(values)])


def bool_array(values: npt.NDArray[np.bool_]) -> pa.Array:
    """Return the values as an array."""
    bits = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, bits])


def text_array(
    offsets: npt.NDArray[np.int32],
    letters: npt.NDArray[np.uint8],
    valid: npt.NDArray[np.bool_] | None = None,
    kind: pa.DataType = _STRING,
) -> pa.Array:
    """Return the texts letters[offsets[n]:offsets[n + 1]] (UTF-8) as an array."""
    buffers = [_bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(letters)]
    return pa.Array.from_buffers(kind, len(offsets) - 1, buffers)


def empty_table(schema: pa.Schema) -> pa.Table:
    """Return a table without rows."""
    return pa.Table.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    return column.combine_chunks() if column.num_chunks else pa.nulls(0, column.type)


def scalar_of(value: str | float, kind: pa.DataType = _STRING) -> pa.Scalar:
    """Return a text, or a number as one of that kind, to compare arrays with."""
    if isinstance(value, str):
        return texts_of([value.encode()], kind)[0]
    return number_array(np.array([value], np.dtype(str(kind))), kind)[0]


def optional_texts(values: Sequence[str | None]) -> pa.Array:
    """Return texts as an array; None is null."""
    valid = np.fromiter((value is not None for value in values), np.bool_, len(values))
    return texts_of([b"" if value is None else value.encode() for value in values], valid=valid)


def texts_of(
    values: Sequence[bytes], kind: pa.DataType = _STRING, valid: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Return texts (UTF-8) as an array; those that are not `valid` are null."""
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, values), np.int32, len(values)), out=offsets[1:])
    return text_array(offsets, np.frombuffer(b"".join(values), np.uint8), valid, kind)


def numbers_of(array: pa.Array) -> npt.NDArray[Any]:
    """Return what `array`, which has no nulls and is of whole numbers, holds."""
    if array.null_count:
        raise ValueError("an array with nulls")
    kind = np.dtype(str(array.type))
    return np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]


def bools_of(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Return what `array`, which has no nulls and is of booleans, holds."""
    return numbers_of(array.cast(pa.uint8())).view(np.bool_)


def _bitmap(valid: npt.NDArray[np.bool_] | None) -> Any:
    """Return Arrow's validity bitmap, or None when everything is valid."""
    if valid is None or valid.all():
        return None
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def allocate(count: Any, kind: Any, make: Any = np.zeros) -> tuple[npt.NDArray[Any], int]:
    """Return an array (of zeros, if nothing else is asked for) and the address of its content."""
    array = make(count, kind)
    return array, address(array)


def address(array: npt.NDArray[Any]) -> int:
    """Return where the array's content begins, for a kernel."""
    return int(pa.py_buffer(array).address)
