"""Parse: the bytes of log objects → records and rejections, every line exactly one of them.

Two paths with one judgement. The compiled kernel (`parsing.kernel`) reads the ordinary lines, the
strict path (`parsing.strict`), which is the specification, all others. `parse` gives all fields of
everything, `parse_pieces` does so in bounded memory, a `Selector` makes only what reduce wants.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.logs.decompress import unpack
from include.s3logs.parsing.columns import Columns
from include.s3logs.parsing.joined import Borders, joined
from include.s3logs.parsing.kernel.layout import NULL
from include.s3logs.parsing.limits import LIMITS, Limits
from include.s3logs.parsing.lines import Lines
from include.s3logs.parsing.record_tables import SCHEMA, rejections_table
from include.s3logs.parsing.repeats import Seen
from include.s3logs.parsing.selection import Filter, Selection
from include.s3logs.parsing.strict import Reason
from include.s3logs.parsing.whole_lines import Buffer, whole_lines
from include.s3logs.tables.arrays import address, bool_array, numbers_of, texts_of
from include.s3logs.tables.spilled_table import SpilledTable

_MANY_BYTES, _MANY = 1 << 23, 1 << 16  # of rejected lines
_EVERY_STATUS = range(NULL, 1000)


@dataclass(frozen=True, slots=True)
class ParsedLog:
    """Records and rejections (`record_tables.SCHEMA`, `REJECTIONS`), each in the order of the lines."""

    records: pa.Table
    rejections: pa.Table

    @property
    def lines(self) -> int:
        """Return how many lines there were that are not empty."""
        return int(self.records.num_rows + self.rejections.num_rows)


def parse(data: bytes | memoryview) -> ParsedLog:
    """Parse the whole content of a log object; unpacks and raises as `parse_pieces` does."""
    parsed = list(parse_pieces([data]))
    return ParsedLog(
        pa.concat_tables([part.records for part in parsed]),
        pa.concat_tables([part.rejections for part in parsed]),
    )


def parse_pieces(pieces: Iterable[bytes | memoryview]) -> Iterator[ParsedLog]:
    """Parse content that comes in pieces of any size, cut anywhere, in memory bounded by its longest line.

    Content that begins as gzip, bzip2 or zstd does is unpacked. Raises CorruptObjectError where that cannot
    be done to its end: maybe after much of it was given.
    """
    columns, rejections = Columns(SCHEMA.names), _Rejections()
    for lines in scanned(whole_lines(unpack(map(bytes, pieces))), Lines()):
        lines.choose(0, 0, -1, _EVERY_STATUS)
        columns.append(lines)
        rejections.append(lines)
        if columns.is_full() or rejections.is_full():
            yield ParsedLog(columns.take(), rejections.take())
    yield ParsedLog(columns.take(), rejections.take())


class Selector:
    """Selects from the log objects of a day, one after the other, what a filter keeps of them."""

    def __init__(self, wanted: Filter, names: Sequence[str], limits: Limits = LIMITS) -> None:
        """`names` are columns of `record_tables.SCHEMA`; a line's number is that among all of the day."""
        self._wanted, self._names = wanted, list(names)
        operations = [operation.encode() for operation in sorted(wanted.operations)]
        self._words = np.frombuffer(b"".join(operations) + b"-", np.uint8)
        self._bounds = np.cumsum([0, *map(len, operations)], dtype=np.int32)
        self._choice = address(self._words), address(self._bounds), len(operations), wanted.statuses
        self._columns = Columns([*dict.fromkeys([*names, "ambiguous", "line_number"])], limits)
        self._addresses = Columns(["remote_ip"], limits)
        self._lines, self._seen = Lines(limits.lines), Seen(limits)
        self._undecided = SpilledTable()
        self._nothing = self._columns.take()

    def select(self, pieces: Iterable[bytes | memoryview]) -> Iterator[Selection]:
        """Parse unpacked content that comes in pieces and yield what counts; judges lines as `parse` does.

        A record counts if the filter keeps it and its line is not, byte for byte, one that was here before,
        in this object or an earlier one. Of records that do not count no column is made. Memory is bounded by
        the longest line. One object has to come to its end before the next one.
        """
        yield from self._select(whole_lines(pieces), Borders(self._lines.last + 1))

    def select_joined(self, contents: Sequence[bytes]) -> Iterator[Selection]:
        """Do as `select` does with each of several whole contents, which are small together, in one pass."""
        data, ends = joined(contents)
        end = int(ends[-1]) if len(ends) else 0
        yield from self._select([(data, 0, end)], Borders(self._lines.last + 1, ends))

    def finish(self) -> Iterator[Selection]:
        """Yield, after the last object, the rows that waited, as selections of no lines.

        Of a day of very many lines it could not be told before which of them repeat others: these selections
        have repeats among the records of those that were given before.
        """
        yield self._found(is_last=True)
        late = self._seen.late
        late.find()
        repeats = late.count
        for rows in self._undecided.batches():
            ordinals = numbers_of(rows["line_number"].combine_chunks())
            counting = rows.filter(bool_array(~late.among(ordinals)))
            yield Selection(counting.select(self._names), _ambiguous(counting), repeats=repeats)
            repeats = 0
        if repeats:
            yield Selection(self._nothing.select(self._names), 0, repeats=repeats)

    def _select(self, buffers: Iterable[Buffer], borders: Borders) -> Iterator[Selection]:
        for lines in scanned(buffers, self._lines):
            repeats = self._seen.mark(lines)
            lines.choose(*self._choice)
            if self._wanted.excludes:
                self._exclude(lines, self._wanted.excludes)
            self._columns.append(lines)
            shares = borders.shares(lines)
            yield replace(self._found(), shares=shares, records=lines.records, repeats=repeats)

    def _exclude(self, lines: Lines, excludes: Callable[[str], bool]) -> None:
        """Choose no line from an address that does not count."""
        self._addresses.append(lines)
        found = self._addresses.take()["remote_ip"]
        addresses = pc.unique(found).to_pylist()
        excluded = [ip.encode() for ip in addresses if ip is not None and excludes(ip)]
        if excluded:
            counting = pc.invert(pc.is_in(found, texts_of(excluded))).to_numpy()
            rows = lines.rows[: lines.chosen][counting]
            lines.chosen = len(rows)
            lines.rows[: lines.chosen] = rows

    def _found(self, *, is_last: bool = False) -> Selection:
        """Return the rows that wait if it is time to, of no lines."""
        rows = self._columns.take() if is_last or self._columns.is_full() else self._nothing
        if self._seen.is_full and rows.num_rows:
            self._undecided.add(rows)
            rows = self._nothing
        return Selection(rows.select(self._names), _ambiguous(rows))


def scanned(buffers: Iterable[Buffer], lines: Lines) -> Iterator[Lines]:
    """Yield scanned and judged lines, some hundreds at a time; always the object that is given for them."""
    for data, begin, end in buffers:
        reached = begin
        while reached < end:
            reached = lines.scan(data, reached, end)
            yield lines


def _ambiguous(rows: pa.Table) -> int:
    return int(pc.sum(rows["ambiguous"]).as_py() or 0)


class _Rejections:
    """The rejected lines so far."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Reason, bytes]] = []
        self._size = 0

    def append(self, lines: Lines) -> None:
        for n, reason in lines.rejected.items():
            line = lines.line(n)
            self.rows.append((lines.first + n, reason, line))
            self._size += len(line)

    def is_full(self) -> bool:
        return self._size >= _MANY_BYTES or len(self.rows) >= _MANY

    def take(self) -> pa.Table:
        table = rejections_table(self.rows)
        self.rows, self._size = [], 0
        return table
