"""Copy one field of many lines into the buffers of an Arrow string column."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_WIDTH = 32
PADDING = _WIDTH  # how many bytes behind its end a destination must have
U = np.uintp  # an index that Numba need not test for being negative
_DASH = 45


@intrinsic
def _copied(typing: Any, target: Any, to: Any, source: Any, at: Any) -> Any:
    """Copy 32 bytes from source[at:] to target[to:]."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), _WIDTH).as_pointer()
        pointers = []
        for kind, array, index in zip(signature.args[::2], arguments[::2], arguments[1::2], strict=True):
            base = context.make_array(kind)(context, builder, array).data
            pointers.append(builder.bitcast(builder.gep(base, [index]), vector))
        builder.store(builder.load(pointers[1], align=1), pointers[0], align=1)
        return context.get_dummy_value()

    return types.void(target, to, source, at), build


_copy: Any = _copied  # Numba's stubs show the typing argument, which no caller gives


@njit(cache=True)
def length(spans, field, rows):  # type: ignore[no-untyped-def]
    """Return how many bytes field `field` of the lines `rows` has altogether."""
    total = 0
    for n in range(len(rows)):
        total += spans[rows[n], field, 1] - spans[rows[n], field, 0]
    return total


@njit(cache=True)
def gather(data, spans, field, rows, target, offsets, valid):  # type: ignore[no-untyped-def]
    """Copy field `field` of the lines `rows` to `target`; return how many bytes that were.

    `spans[row, field]` is where the field is in `data`. Value n goes to target[offsets[n]:offsets[n + 1]];
    `valid[n]` is False for a field that the line lacks (a span that ends at 0) and for `-`, which is null.
    """
    end = 0
    offsets[0] = 0
    for n in range(len(rows)):
        start, stop = spans[rows[n], field, 0], spans[rows[n], field, 1]
        length = stop - start
        if stop == 0 or (length == 1 and data[U(start)] == _DASH):
            valid[n] = False
        else:
            valid[n] = True
            for done in range(0, length, _WIDTH):
                _copy(target, U(end + done), data, U(start + done))
            end += length
        offsets[n + 1] = end
    return end
