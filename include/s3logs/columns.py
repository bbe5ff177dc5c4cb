"""From the bytes of some lines to Arrow columns, by the compiled kernels."""

from collections.abc import Sequence
from itertools import accumulate
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.arrow import bool_array, number_array, numbers_of, text_array, texts_of
from include.s3logs.kernel import layout
from include.s3logs.kernel.compiled import kernels
from include.s3logs.record_tables import NUMBER_FIELDS, SCHEMA, TEXT_FIELDS
from include.s3logs.strict import Reason, parse_line

WINDOW = 1 << 20  # bytes scanned in one go: they and what is found in them stay in the processor's cache
LINES = WINDOW // 128
FULL_ROWS = 1 << 15
_ROWS = FULL_ROWS + LINES  # that there is room for
FULL_BYTES = 1 << 26
_MUCH = 4  # a column that fills a fourth of its memory takes that along; of less a copy is made
_LF = 10
_ALL_FAST = bytes([layout.FAST]) * LINES
_SPAN_FIELDS = [*TEXT_FIELDS, "extra"]
_texts, _numbers = attrgetter(*TEXT_FIELDS), attrgetter(*NUMBER_FIELDS)
Bytes = npt.NDArray[np.uint8]
_NO_TEXTS: Bytes = np.frombuffer(b"-" + bytes(layout.ROOM), np.uint8)


class Lines:
    """Some lines of a log object and where their fields are; one such is used for one after the other.

    Line n is data[starts[n]:starts[n + 1]]; `verdicts[n]` (see `kernel.layout`) says what became of it. Texts
    of lines that the strict path has read are in `strict`, of others in `data`. `rejected` says why a line is
    no record, `ambiguous` which of the records have another reading. `rows[:chosen]` are the lines to make
    columns of. `size` is no less than what the texts of a field may have. Kernels are given arrays by their
    addresses, `at_…`.
    """

    def __init__(self) -> None:
        self.verdicts, self.at_verdicts = allocate(LINES, np.uint8)
        self.starts, self.at_starts = allocate(LINES + 1, np.int64)
        self.spans, self.at_spans = allocate(LINES * layout.SPANS * 2, np.int32)
        self.numbers, self.at_numbers = allocate(LINES * layout.NUMBERS, np.int64)
        self.repeated, self.at_repeated = allocate(LINES, np.uint8)
        self.rows, self.at_rows = allocate(LINES, np.int32)
        self._marks, self._at_marks = allocate(WINDOW + layout.ROOM, np.int32)
        self._date, self._at_date = allocate(3, np.uint64)
        self.data = self.strict = _NO_TEXTS
        self.at_data = self.at_strict = address(_NO_TEXTS)
        self.ambiguous, self.has_ambiguous = np.zeros(LINES, np.bool_), False
        self.count, self.first, self.chosen, self.size = 0, 1, 0, 0
        self._reach = WINDOW

    def begin(self) -> None:
        """Count the lines from 1 again: a new object begins."""
        self.count, self.first = 0, 1

    def scan(self, data: Bytes, begin: int, end: int) -> int:
        """Read lines of data[begin:end], which ends with a line feed; return where the next one begins."""
        if data is not self.data:
            self.data, self.at_data = data, address(data)
        self.first += self.count
        window = min(end, begin + self._reach)
        self.count = kernels().scan(
            *(self.at_data, begin, window, LINES, self._at_marks, self.at_verdicts, self.at_starts),
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
        self._reach = WINDOW if self.count < LINES else min(WINDOW, 2 * (reached - begin))
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
        """Return the number of the last line in its object."""
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
        if _ALL_FAST.startswith(verdicts.tobytes()):
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


class Columns:
    """Arrow columns in the making: some of `record_tables.SCHEMA`, of more and more lines."""

    def __init__(self, names: Sequence[str]) -> None:
        self._schema = pa.schema([SCHEMA.field(name) for name in names])
        self._texts = {name: _Text(field) for field, name in enumerate(_SPAN_FIELDS) if name in names}
        if "object_key" in names:
            self._texts["object_key"] = _DecodedKey(_SPAN_FIELDS.index("key"))
        self._numbers = _Numbers([name for name in NUMBER_FIELDS if name in names])
        self._line_numbers: list[npt.NDArray[np.int64]] = []
        self._ambiguous: list[int] = []
        self.count = 0

    def append(self, lines: Lines) -> None:
        """Add the lines that are chosen."""
        for text in self._texts.values():
            text.append(lines, self.count)
        self._numbers.append(lines, self.count)
        rows = lines.rows[: lines.chosen]
        self._line_numbers.append(rows + np.int64(lines.first))
        if lines.has_ambiguous:
            self._ambiguous += (self.count + np.flatnonzero(lines.ambiguous[rows])).tolist()
        self.count += lines.chosen

    def is_full(self) -> bool:
        """Tell whether it is time to take what there is."""
        return self.count >= FULL_ROWS or any(text.filled >= FULL_BYTES for text in self._texts.values())

    def take(self) -> pa.Table:
        """Return the table and begin anew."""
        made = {name: text.take(self.count) for name, text in self._texts.items()}
        made |= self._numbers.take(self.count)
        if "extra" in made:
            made["extra"] = _lists(made["extra"])
        ambiguous = np.zeros(self.count, np.bool_)
        ambiguous[self._ambiguous] = True
        made["ambiguous"] = bool_array(ambiguous)
        line_numbers = np.concatenate([np.zeros(0, np.int64), *self._line_numbers])
        made["line_number"] = number_array(line_numbers, pa.int64())
        self._line_numbers, self._ambiguous, self.count = [], [], 0
        return pa.Table.from_arrays([made[name] for name in self._schema.names], schema=self._schema)


class _Text:
    """A text column in the making."""

    _kernel = "append_text"

    def __init__(self, field: int) -> None:
        self._field = field
        self._make(1 << 20)

    def _make(self, size: int) -> None:
        self._target, self._at_target = allocate(size, np.uint8, np.empty)
        self._offsets, self._at_offsets = allocate(_ROWS + 1, np.int32, np.empty)
        self._valid, self._at_valid = allocate(_ROWS, np.uint8, np.empty)
        self._offsets[0] = self.filled = 0

    def append(self, lines: Lines, count: int) -> None:
        needed = self.filled + lines.size + layout.ROOM
        if needed > len(self._target):
            small = self._target
            self._target, self._at_target = allocate(max(needed, 2 * len(small)), np.uint8, np.empty)
            self._target[: self.filled] = small[: self.filled]
        self.filled = getattr(kernels(), self._kernel)(
            *(lines.at_data, lines.at_strict, lines.at_verdicts, lines.at_spans, self._field),
            *(lines.at_rows, lines.chosen, self._at_target, self.filled),
            *(self._at_offsets + 4 * (count + 1), self._at_valid + count),
        )

    def take(self, count: int) -> pa.Array:
        offsets, valid = self._offsets[: count + 1], self._valid[:count].view(np.bool_)
        if self.filled > len(self._target) // _MUCH:
            made = text_array(offsets, self._target[: self.filled], valid)
            self._make(len(self._target))
            return made
        filled, self.filled = self.filled, 0
        return text_array(offsets.copy(), self._target[:filled].copy(), valid)


class _DecodedKey(_Text):
    """The column of the object keys behind the logged ones, in the making."""

    _kernel = "append_key"

    def take(self, count: int) -> pa.Array:
        decoded = np.flatnonzero(self._valid[:count] == layout.DECODED)
        self._valid[decoded] = layout.TEXT
        keys = super().take(count)
        if not len(decoded):
            return keys
        found = keys.cast(pa.binary()).take(number_array(decoded, pa.int64())).to_pylist()
        shown = [key.decode("utf-8", "backslashreplace").encode() for key in found]
        if shown == found:
            return keys
        mask = np.zeros(count, np.bool_)
        mask[decoded] = True
        return pc.replace_with_mask(keys, bool_array(mask), texts_of(shown))


class _Numbers:
    """The columns of numbers in the making."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._fields, self._at_fields = allocate(len(names), np.int32)
        self._fields[:] = [NUMBER_FIELDS.index(name) for name in names]
        self._make()

    def _make(self) -> None:
        self._values, self._at_values = allocate((len(self._names), _ROWS), np.int64, np.empty)

    def append(self, lines: Lines, count: int) -> None:
        kernels().append_numbers(
            *(lines.at_numbers, self._at_fields, len(self._names), lines.at_rows, lines.chosen),
            *(self._at_values + 8 * count, _ROWS),
        )

    def take(self, count: int) -> dict[str, pa.Array]:
        columns = self._values[:, :count]
        if count > _ROWS // _MUCH:
            self._make()
        else:
            columns = columns.copy()
        return {
            name: _number_column(values, SCHEMA.field(name).type)
            for name, values in zip(self._names, columns, strict=True)
        }


def _number_column(values: npt.NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    valid = values != layout.NULL
    return number_array(values.astype(np.int16) if kind == pa.int16() else values, kind, valid)


def allocate(count: Any, kind: Any, make: Any = np.zeros) -> tuple[npt.NDArray[Any], int]:
    """Return an array (of zeros, if nothing else is asked for) and the address of its content."""
    array = make(count, kind)
    return array, address(array)


def address(array: npt.NDArray[Any]) -> int:
    """Return where the array's content begins, for a kernel."""
    return int(pa.py_buffer(array).address)


def _line_feed_after(data: Bytes, begin: int) -> int:
    while not (found := np.flatnonzero(data[begin : begin + WINDOW] == _LF)).size:
        begin += WINDOW
    return begin + int(found[0])


def _lists(texts: pa.Array) -> pa.Array:
    """Return the words of each text, which stand after a space each, as a list."""
    counts = np.zeros(len(texts), np.int32)
    if texts.null_count < len(texts):
        none = number_array(counts, pa.int32())
        counts = numbers_of(pc.coalesce(pc.count_substring(texts, " "), none))
    words = pc.split_pattern(pc.utf8_ltrim(texts.drop_null(), " "), " ").flatten()
    offsets = np.concatenate([np.zeros(1, np.int32), np.cumsum(counts, dtype=np.int32)])
    return pa.ListArray.from_arrays(number_array(offsets, pa.int32()), words)
