"""From pieces cut anywhere to buffers of whole lines, in memory bounded by the longest line."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from include.s3logs.parsing.kernel.layout import ROOM

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
Buffer = tuple[npt.NDArray[np.uint8], int, int]
"""Bytes, and where in them whole lines begin and end."""
_LOOK = 4096
_WINDOW = 1 << 28  # bytes; the kernels count positions in 32 bits


def whole_lines(pieces: Iterable[bytes | memoryview], window: int = _WINDOW) -> Iterator[Buffer]:
    """Yield buffers and where in them whole lines begin and end.

    Behind the end of the lines there is always room that the kernels may read. Most bytes are not copied:
    only lines cut by the border of a piece, and the last of each piece, which have no room behind them. A
    byte order mark at the very beginning is dropped, a missing last line feed added. Pieces of more than
    `window` bytes are taken in parts.
    """
    rest, mark = bytearray(), BYTE_ORDER_MARK
    for view in _windows(pieces, window):
        head = _line_feed_after(view, 0) if rest or mark else 0
        rest += view[:head]
        if rest.endswith(b"\n") and (head < len(view) or len(rest) > _LOOK):
            yield _padded(rest.removeprefix(mark))
            rest, mark = bytearray(), b""
        body = max(head, _line_feed_before(view, head, len(view) - ROOM))
        if body > head:
            yield np.frombuffer(view, np.uint8), head, body
        rest += view[body:]
    if rest:
        yield _padded(rest.removeprefix(mark) + (b"" if rest.endswith(b"\n") else b"\n"))


def _windows(pieces: Iterable[bytes | memoryview], window: int) -> Iterator[memoryview]:
    """Yield the pieces, large ones in parts."""
    for piece in pieces:
        view = memoryview(piece).cast("B")
        for begin in range(0, len(view), window):
            yield view[begin : begin + window]


def _padded(lines: bytearray) -> Buffer:
    return np.frombuffer(bytes(lines) + bytes(ROOM), np.uint8), 0, len(lines)


def _line_feed_after(view: memoryview, begin: int) -> int:
    """Return the position after the first line feed in view[begin:], or its length if there is none."""
    while begin < len(view):
        found = bytes(view[begin : begin + _LOOK]).find(b"\n")
        if found >= 0:
            return begin + found + 1
        begin += _LOOK
    return len(view)


def _line_feed_before(view: memoryview, begin: int, end: int) -> int:
    """Return the position after the last line feed in view[begin:end], or `begin` if there is none."""
    while end > begin:
        start = max(begin, end - _LOOK)
        found = bytes(view[start:end]).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return begin
