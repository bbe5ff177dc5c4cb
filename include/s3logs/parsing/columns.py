"""From the bytes of some lines to Arrow columns, by the compiled kernels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.parsing.kernel import layout
from include.s3logs.parsing.kernel.compiled import kernels
from include.s3logs.parsing.limits import LIMITS, Limits
from include.s3logs.parsing.lines import Lines
from include.s3logs.parsing.record_tables import NUMBER_FIELDS, SCHEMA, TEXT_FIELDS
from include.s3logs.tables.arrays import (
    allocate,
    bool_array,
    number_array,
    numbers_of,
    text_array,
    texts_of,
)

FULL_BYTES = 1 << 26
_MUCH = 4  # a column that fills a fourth of its memory takes that along; of less a copy is made
_SPAN_FIELDS = [*TEXT_FIELDS, "extra"]


class Columns:
    """Arrow columns in the making: some of `record_tables.SCHEMA`, of more and more lines."""

    def __init__(self, names: Sequence[str], limits: Limits = LIMITS) -> None:
        self._full, room = limits.rows, limits.rows + limits.lines
        self._schema = pa.schema([SCHEMA.field(name) for name in names])
        self._texts = {name: _Text(field, room) for field, name in enumerate(_SPAN_FIELDS) if name in names}
        if "object_key" in names:
            self._texts["object_key"] = _DecodedKey(_SPAN_FIELDS.index("key"), room)
        self._numbers = _Numbers([name for name in NUMBER_FIELDS if name in names], room)
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
        return self.count >= self._full or any(text.filled >= FULL_BYTES for text in self._texts.values())

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
    """A text column in the making, with room for so many rows."""

    _kernel = "append_text"

    def __init__(self, field: int, room: int) -> None:
        self._field, self._room = field, room
        self._make(1 << 20)

    def _make(self, size: int) -> None:
        self._target, self._at_target = allocate(size, np.uint8, np.empty)
        self._offsets, self._at_offsets = allocate(self._room + 1, np.int32, np.empty)
        self._valid, self._at_valid = allocate(self._room, np.uint8, np.empty)
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
    """The columns of numbers in the making, with room for so many rows."""

    def __init__(self, names: Sequence[str], room: int) -> None:
        self._names, self._room = names, room
        self._fields, self._at_fields = allocate(len(names), np.int32)
        self._fields[:] = [NUMBER_FIELDS.index(name) for name in names]
        self._make()

    def _make(self) -> None:
        self._values, self._at_values = allocate((len(self._names), self._room), np.int64, np.empty)

    def append(self, lines: Lines, count: int) -> None:
        kernels().append_numbers(
            *(lines.at_numbers, self._at_fields, len(self._names), lines.at_rows, lines.chosen),
            *(self._at_values + 8 * count, self._room),
        )

    def take(self, count: int) -> dict[str, pa.Array]:
        columns = self._values[:, :count]
        if count > self._room // _MUCH:
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


def _lists(texts: pa.Array) -> pa.Array:
    """Return the words of each text, which stand after a space each, as a list."""
    counts = np.zeros(len(texts), np.int32)
    if texts.null_count < len(texts):
        none = number_array(counts, pa.int32())
        counts = numbers_of(pc.coalesce(pc.count_substring(texts, " "), none))
    words = pc.split_pattern(pc.utf8_ltrim(texts.drop_null(), " "), " ").flatten()
    offsets = np.concatenate([np.zeros(1, np.int32), np.cumsum(counts, dtype=np.int32)])
    return pa.ListArray.from_arrays(number_array(offsets, pa.int32()), words)
