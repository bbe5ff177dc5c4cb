"""Parse: the bytes of log objects → records and rejections, every line exactly one of them.

Two paths with one judgement. The compiled kernel (`include.s3logs.kernel`) reads the ordinary lines, the
strict path (`include.s3logs.strict`), which is the specification, all others. `parse` gives all fields of
everything, `parse_pieces` does so in bounded memory, `select` makes only what reduce wants.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.arrow import texts_of
from include.s3logs.columns import Columns, Lines, address
from include.s3logs.kernel.layout import NULL
from include.s3logs.record_tables import SCHEMA, rejections_table
from include.s3logs.repeats import Seen
from include.s3logs.selection import Filter, Selection
from include.s3logs.strict import Reason
from include.s3logs.whole_lines import whole_lines

_MANY_BYTES = 1 << 23  # of rejected lines
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
    """Parse the whole content of a log object (unpacked)."""
    parsed = list(parse_pieces([data]))
    return ParsedLog(
        pa.concat_tables([part.records for part in parsed]),
        pa.concat_tables([part.rejections for part in parsed]),
    )


def parse_pieces(pieces: Iterable[bytes | memoryview]) -> Iterator[ParsedLog]:
    """Parse content that comes in pieces of any size, cut anywhere, in memory bounded by its longest line."""
    columns, rejections = Columns(SCHEMA.names), _Rejections()
    for lines in batches(pieces):
        lines.choose(0, 0, -1, _EVERY_STATUS)
        columns.append(lines)
        rejections.append(lines)
        if columns.is_full() or rejections.is_full():
            yield ParsedLog(columns.take(), rejections.take())
    yield ParsedLog(columns.take(), rejections.take())


def select(
    pieces: Iterable[bytes | memoryview], wanted: Filter, names: Sequence[str], seen: Seen
) -> Iterator[Selection]:
    """Parse content that comes in pieces and yield what counts, with the judgement of `parse` on every line.

    `names` are columns of `record_tables.SCHEMA`. A record counts if the filter keeps it and its line is not,
    byte for byte, one that `seen` knows. Of records that do not count no column is made. Memory is bounded by
    the longest line.
    """
    columns, rejections = Columns([*dict.fromkeys([*names, "remote_ip", "ambiguous"])]), _Rejections()
    operations = [operation.encode() for operation in sorted(wanted.operations)]
    words = np.frombuffer(b"".join(operations) + b"-", np.uint8)
    bounds = np.cumsum([0, *map(len, operations)], dtype=np.int32)
    choice = address(words), address(bounds), len(operations), wanted.statuses
    records = repeats = 0

    def found() -> Selection:
        rows = _not_excluded(columns.take(), wanted)
        ambiguous = pc.sum(rows["ambiguous"]).as_py() or 0
        return Selection(rows.select(names), rejections.take(), records, repeats, int(ambiguous))

    for lines in batches(pieces):
        repeats += seen.mark(lines)
        lines.choose(*choice)
        columns.append(lines)
        rejections.append(lines)
        records += lines.records
        if columns.is_full() or rejections.is_full():
            yield found()
            records = repeats = 0
    yield found()


def batches(pieces: Iterable[bytes | memoryview]) -> Iterator[Lines]:
    """Yield scanned and judged lines, some hundreds at a time; always the same object."""
    lines = Lines()
    for data, begin, end in whole_lines(pieces):
        reached = begin
        while reached < end:
            reached = lines.scan(data, reached, end)
            yield lines


def _not_excluded(rows: pa.Table, wanted: Filter) -> pa.Table:
    if not wanted.excludes:
        return rows
    addresses = pc.unique(rows["remote_ip"]).to_pylist()
    excluded = [ip.encode() for ip in addresses if ip is not None and wanted.excludes(ip)]
    return rows.filter(pc.invert(pc.is_in(rows["remote_ip"], texts_of(excluded))))


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
        return self._size >= _MANY_BYTES

    def take(self) -> pa.Table:
        table = rejections_table(self.rows)
        self.rows, self._size = [], 0
        return table
