"""Lines, and where their fields are."""

from itertools import accumulate
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from include.s3logs.parsing.kernel import layout
from include.s3logs.parsing.kernel.compiled import kernels
from include.s3logs.parsing.limits import LIMITS
from include.s3logs.parsing.record_tables import NUMBER_FIELDS, TEXT_FIELDS
from include.s3logs.parsing.strict import Reason, parse_line
from include.s3logs.tables.arrays import address, allocate

WINDOW = 1 << 20  # bytes scanned in one go: they and what is found in them stay in the processor's cache
_LF = 10
_texts, _numbers = attrgetter(*TEXT_FIELDS), attrgetter(*NUMBER_FIELDS)
Bytes = npt.NDArray[np.uint8]
_NO_TEXTS: Bytes = np.frombuffer(b"-" + bytes(layout.ROOM), np.uint8)


class Lines:
    """Some lines and where their fields are; one such is used for one after the other.

    Line n is data[starts[n]:starts[n + 1]], and number `first` + n of all, from 1 on, that this was used for;
    `verdicts[n]` (see `kernel.layout`) says what became of it. Texts of lines that the strict path has read
    are in `strict`, of others in `data`. `rejected` says why a line is no record, `ambiguous` which of the
    records have another reading. `rows[:chosen]` are the lines to make columns of. `size` is no less than
    what the texts of a field may have. Kernels are given arrays by their addresses, `at_…`. There are `most`
    lines at a time.
    """

    def __init__(self, most: int = LIMITS.lines) -> None:
        self.verdicts, self.at_verdicts = allocate(most, np.uint8)
        self.starts, self.at_starts = allocate(most + 1, np.int64)
        self.spans, self.at_spans = allocate(most * layout.SPANS * 2, np.int32)
        self.numbers, self.at_numbers = allocate(most * layout.NUMBERS, np.int64)
        self.repeated, self.at_repeated = allocate(most, np.uint8)
        self.rows, self.at_rows = allocate(most, np.int32)
        self._marks, self._at_marks = allocate(WINDOW + layout.ROOM, np.int32)
        self._date, self._at_date = allocate(3, np.uint64)
        self.data = self.strict = _NO_TEXTS
        self.at_data = self.at_strict = address(_NO_TEXTS)
        self.ambiguous, self.has_ambiguous = np.zeros(most, np.bool_), False
        self.count, self.first, self.chosen, self.size = 0, 1, 0, 0
        self._most, self._all_fast = most, bytes([layout.FAST]) * most
        self._reach = WINDOW

    def scan(self, data: Bytes, begin: int, end: int) -> int:
        """Read lines of data[begin:end], which ends with a line feed; return where the next one begins."""
        if data is not self.data:
            self.data, self.at_data = data, address(data)
        self.first += self.count
        window = min(end, begin + self._reach)
        self.count = kernels().scan(
            *(self.at_data, begin, window, self._most, self._at_marks, self.at_verdicts, self.at_starts),
            *(self.at_spans, self.at_numbers, self._at_date),
        )
        if not self.count and self._reach < WINDOW:
            self._reach = WINDOW
            return self.scan(data, begin, end)
        if not self.count:  # the line is longer than the window
            self.count, self.verdicts[0], self.starts[0] = 1, layout.STRICT, begin
            self.starts[1] = _line_feed_after(data, window) + 1
        self._judge()
        reached = int(self.starts[self.count])
        self.size = reached - begin + len(self.strict)
        # Of very short lines a window holds more than there is room for: what is scanned in vain stays small.
        self._reach = WINDOW if self.count < self._most else min(WINDOW, 2 * (reached - begin))
        return reached

    def choose(self, words: int, bounds: int, count: int, statuses: range) -> None:
        """Choose the records that are no repeats, of a status and of one of `count` operations.

        The operations are given by the addresses of their letters and of where each begins; -1 are all.
        """
        self.chosen = kernels().choose(
            *(self.at_data, self.at_strict, self.at_verdicts, self.at_repeated, self.at_spans),
            *(self.at_numbers, self.count, words, bounds, count, statuses.start, statuses.stop, self.at_rows),
        )

    @property
    def last(self) -> int:
        """Return the number of the last line, 0 before the first one."""
        return self.first + self.count - 1

    @property
    def records(self) -> int:
        """Return how many of the lines are records."""
        return self.count - len(self.rejected) - self._blank

    def line(self, n: int) -> bytes:
        """Return the bytes of line n without its end."""
        raw = self.data[self.starts[n] : self.starts[n + 1]].tobytes()
        return raw.removesuffix(b"\n").removesuffix(b"\r")

    def _judge(self) -> None:
        """Let the strict path read what the kernel has not."""
        self.rejected: dict[int, Reason] = {}
        if self.has_ambiguous:
            self.ambiguous[:], self.has_ambiguous = False, False
        self._blank = 0
        verdicts = self.verdicts[: self.count]
        if self._all_fast.startswith(verdicts.tobytes()):
            return
        self._blank = int(np.count_nonzero(verdicts == layout.BLANK))
        texts = bytearray(_NO_TEXTS[:1])  # so that no text begins at 0
        for n in np.flatnonzero((verdicts == layout.STRICT) | (verdicts == layout.WIDE)).tolist():
            if self.verdicts[n] == layout.WIDE and self._is_utf8(n):
                self.verdicts[n] = layout.FAST
            else:
                self._read_strictly(n, texts)
        if len(texts) > 1:
            self.strict = np.frombuffer(bytes(texts) + bytes(layout.ROOM), np.uint8)
            self.at_strict = address(self.strict)

    def _is_utf8(self, n: int) -> bool:
        try:
            self.line(n).decode()
        except UnicodeDecodeError:
            return False
        return True

    def _read_strictly(self, n: int, texts: bytearray) -> None:
        """Read a line and note what is in it where the kernel would have noted it."""
        record = parse_line(self.line(n))
        if isinstance(record, Reason):
            self.verdicts[n] = layout.REJECTED
            self.rejected[n] = record
            return
        self.verdicts[n] = layout.READ
        if record.ambiguous:
            self.ambiguous[n] = self.has_ambiguous = True
        numbers = [layout.NULL if number is None else number for number in _numbers(record)]
        self.numbers[n * layout.NUMBERS : (n + 1) * layout.NUMBERS] = numbers
        values = (*_texts(record), "".join(f" {field}" for field in record.extra) or None)
        parts = [b"-" if value is None else value.encode() for value in values]  # as null is logged
        bounds = list(accumulate(map(len, parts), initial=len(texts)))
        texts += b"".join(parts)
        spans = self.spans[n * 2 * layout.SPANS : (n + 1) * 2 * layout.SPANS]
        spans[::2], spans[1::2] = bounds[:-1], bounds[1:]


def _line_feed_after(data: Bytes, begin: int) -> int:
    while not (found := np.flatnonzero(data[begin : begin + WINDOW] == _LF)).size:
        begin += WINDOW
    return begin + int(found[0])
