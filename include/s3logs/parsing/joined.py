"""The contents of several objects side by side, and whose the lines in them are."""

from bisect import bisect_right
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from include.s3logs.parsing.kernel.layout import BLANK, ROOM
from include.s3logs.parsing.lines import Bytes, Lines
from include.s3logs.parsing.selection import Rejection, Share
from include.s3logs.parsing.whole_lines import BYTE_ORDER_MARK

Ends = npt.NDArray[np.int64]
_NOWHERE = 1 << 62


def joined(contents: Iterable[bytes]) -> tuple[Bytes, Ends]:
    """Return whole contents in one buffer, and where each ends; those of empty ones are equal.

    As in `whole_lines`, a byte order mark at the beginning of one is dropped, a missing last line feed is
    added, and there is room behind the end that the kernels may read.
    """
    parts, ends, size = [], list[int](), 0
    for content in contents:
        text = content.removeprefix(BYTE_ORDER_MARK)
        parts.append(text)
        size += len(text)
        if text and not text.endswith(b"\n"):
            parts.append(b"\n")
            size += 1
        ends.append(size)
    parts.append(bytes(ROOM))
    return np.frombuffer(b"".join(parts), np.uint8), np.array(ends, np.int64)


class Borders:
    """Counts scanned lines back to their objects.

    These end at `ends`; without, there is one, in whatever buffers. The first line has the number `line`
    among all that were ever scanned.
    """

    def __init__(self, line: int, ends: Ends | None = None) -> None:
        self._ends = np.array([_NOWHERE], np.int64) if ends is None else ends
        self._at, self._first = 0, line  # the object whose end was not scanned yet, and its first line

    def shares(self, lines: Lines) -> list[Share]:
        """Return what of these lines, which come after the earlier ones, is of which object."""
        at, starts = self._at, lines.starts[: lines.count + 1]
        self._at += int(np.searchsorted(self._ends[at:], starts[-1], "right"))
        borders: list[int] = np.searchsorted(starts, self._ends[at : self._at]).tolist()
        begins = [self._first - lines.first, *borders]  # among these lines, or before them
        self._first = lines.first + begins[-1]
        if begins[-1] == lines.count:
            del begins[-1]  # of what is not scanned yet
        filled = np.zeros(lines.count + 1, np.int64)
        np.cumsum(lines.verdicts[: lines.count] != BLANK, out=filled[1:])
        counts = np.diff(filled[[0, *begins[1:], lines.count]]).tolist()
        shares = [Share(which, count, []) for which, count in enumerate(counts, at)]
        for n, reason in lines.rejected.items():
            which = bisect_right(borders, n)
            shares[which].rejections.append(Rejection(n - begins[which] + 1, reason, lines.line(n)))
        return shares
