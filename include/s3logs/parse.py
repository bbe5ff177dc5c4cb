"""Parse: the bytes of log objects → records and rejections, every line exactly one of them.

Two paths with one judgement. The compiled kernel (`include.s3logs.kernel`) reads the ordinary lines, the
strict path (`include.s3logs.strict`), which is the specification, all others. `parse` gives all fields of
everything, `parse_pieces` does so in bounded memory, `select` makes only what reduce wants.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.columns import Lines
from include.s3logs.kernel import scan as scanning
from include.s3logs.kernel.repeats import Seen
from include.s3logs.record_tables import REJECTIONS, SCHEMA, from_records, from_rejections, schema_of
from include.s3logs.selection import Filter, Selection
from include.s3logs.strict import Reason, Record, is_ip, parse_line

_ROOM = 64  # bytes the kernels may read behind the last line
_LINES = 8192  # scanned in one go
_LOOK = 4096
_WINDOW = 1 << 28  # bytes
_FEW = 32  # records of the strict path among some lines
Rows = npt.NDArray[np.int64]
_MARK = b"\xef\xbb\xbf"


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
        pa.concat_tables([SCHEMA.empty_table(), *(part.records for part in parsed)]),
        pa.concat_tables([REJECTIONS.empty_table(), *(part.rejections for part in parsed)]),
    )


def parse_pieces(pieces: Iterable[bytes | memoryview]) -> Iterator[ParsedLog]:
    """Parse content that comes in pieces of any size, cut anywhere, in memory bounded by its longest line."""
    for lines, numbers in batches(pieces):
        judged = _judge(lines)
        fast = _fast_table(lines, judged.fast, numbers)
        strict = from_records(list(judged.strict.values()), numbers[list(judged.strict)].tolist())
        yield ParsedLog(_in_order(fast, strict), _rejections(lines, judged, numbers))


def select(
    pieces: Iterable[bytes | memoryview], wanted: Filter, columns: Sequence[str], seen: Seen
) -> Iterator[Selection]:
    """Parse content that comes in pieces and yield what counts, with the judgement of `parse` on every line.

    A record counts if the filter keeps it and its line is not, byte for byte, one that `seen` knows. Of
    records that do not count no column is made. Memory is bounded by the longest line.
    """
    schema = schema_of(columns)
    for lines, numbers in batches(pieces):
        judged = _judge(lines)
        records = judged.records
        is_new = np.ones(lines.count, np.bool_)
        is_new[records] = ~seen.mark(lines.data, lines.starts, lines.stops(), records)
        fast = _kept(lines, judged.fast[is_new[judged.fast]], wanted)
        strict = [n for n, record in judged.strict.items() if is_new[n] and wanted.keeps(record)]
        arrays = [lines.column(name, fast) for name in columns]
        rows = pa.Table.from_arrays([*arrays, pa.array(numbers[fast])], schema=schema)
        others = from_records([judged.strict[n] for n in strict], numbers[strict].tolist(), columns)
        yield Selection(
            rows=_in_order(rows, others),
            rejections=_rejections(lines, judged, numbers),
            records=len(records),
            repeats=len(records) - int(is_new[records].sum()),
            ambiguous=sum(judged.strict[n].ambiguous for n in strict),
        )


def _kept(lines: Lines, rows: Rows, wanted: Filter) -> Rows:
    """Return those of the rows that the filter keeps."""
    status = lines.numbers[rows, scanning.STATUS]
    rows = rows[(status >= wanted.statuses.start) & (status < wanted.statuses.stop)]
    operations = pa.array(sorted(wanted.operations), pa.string())
    rows = rows[np.asarray(pc.is_in(lines.column("operation", rows), operations))]
    if wanted.excludes:
        ips = lines.column("remote_ip", rows).dictionary_encode()
        excluded = [ip for ip in ips.dictionary.to_pylist() if ip is not None and wanted.excludes(ip)]
        rows = rows[~np.asarray(pc.is_in(ips.dictionary_decode(), pa.array(excluded, pa.string())))]
    return rows


def batches(pieces: Iterable[bytes | memoryview]) -> Iterator[tuple[Lines, Rows]]:
    """Yield scanned lines, a few thousand at a time, with their line numbers (from 1)."""
    lines, first = Lines(_LINES), 1
    for data, begin, end in _whole_lines(pieces):
        reached = begin
        while reached < end:
            reached = lines.scan(data, reached, end)
            yield lines, np.arange(first, first + lines.count)
            first += lines.count


def _whole_lines(
    pieces: Iterable[bytes | memoryview],
) -> Iterator[tuple[npt.NDArray[np.uint8], int, int]]:
    """Yield buffers and where in them whole lines begin and end; a missing last line feed is added.

    Behind the end of the lines there is always room that the kernels may read. Most bytes are not copied:
    only lines cut by the border of a piece, and the last of each piece, which have no room behind them.
    """
    rest, mark = b"", _MARK
    for view in _windows(pieces):
        head = _line_feed_after(view, 0) if rest or mark else 0
        rest += bytes(view[:head])
        if rest.endswith(b"\n") and (head < len(view) or len(rest) > _LOOK):
            yield _padded(rest.removeprefix(mark))
            rest, mark = b"", b""
        body = max(head, _line_feed_before(view, head, len(view) - _ROOM))
        if body > head:
            yield np.frombuffer(view, np.uint8), head, body
        rest += bytes(view[body:])
    if rest:
        yield _padded(rest.removeprefix(mark) + (b"" if rest.endswith(b"\n") else b"\n"))


def _windows(pieces: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
    """Yield the pieces, large ones in parts: the kernels count positions in 32 bits."""
    for piece in pieces:
        view = memoryview(piece).cast("B")
        for begin in range(0, len(view), _WINDOW):
            yield view[begin : begin + _WINDOW]


def _padded(lines: bytes) -> tuple[npt.NDArray[np.uint8], int, int]:
    return np.frombuffer(lines + bytes(_ROOM), np.uint8), 0, len(lines)


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


@dataclass(frozen=True, slots=True)
class _Judged:
    """What became of some lines: rows the kernel has read, and by row what the strict path says."""

    fast: Rows
    strict: dict[int, Record]
    rejected: dict[int, Reason]

    @property
    def records(self) -> Rows:
        """Return the rows that are records, in order."""
        return np.sort(np.concatenate([self.fast, np.fromiter(self.strict, np.int64)]))


def _judge(lines: Lines) -> _Judged:
    verdicts = lines.verdicts[: lines.count]
    for n in np.flatnonzero(verdicts == scanning.FAST_IPV6).tolist():
        start, stop = lines.spans[n, scanning.IP]
        verdicts[n] = scanning.FAST if is_ip(lines.data[start:stop].tobytes().decode()) else scanning.STRICT
    judged = _Judged(np.flatnonzero(verdicts == scanning.FAST), {}, {})
    for n in np.flatnonzero(verdicts == scanning.STRICT).tolist():
        result = parse_line(lines.line(n))
        if isinstance(result, Reason):
            judged.rejected[n] = result
        else:
            judged.strict[n] = result
    return judged


def _fast_table(lines: Lines, rows: Rows, numbers: Rows) -> pa.Table:
    arrays = [lines.column(name, rows) for name in SCHEMA.names[:27]]
    extra = lines.extra_fields(rows) if lines.has_extra(rows) else _no_extra(len(rows))
    ambiguous = pa.Array.from_buffers(pa.bool_(), len(rows), [None, pa.py_buffer(bytes(len(rows) // 8 + 1))])
    line_numbers = pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(numbers[rows])])
    return pa.Table.from_arrays([*arrays, extra, ambiguous, line_numbers], schema=SCHEMA)


def _no_extra(count: int) -> pa.Array:
    offsets = pa.Array.from_buffers(pa.int32(), count + 1, [None, pa.py_buffer(bytes(4 * (count + 1)))])
    return pa.ListArray.from_arrays(offsets, pa.array([], pa.string()))


def _in_order(fast: pa.Table, strict: pa.Table) -> pa.Table:
    """Put the strict path's records between the others, in the order of the lines."""
    if not strict.num_rows:
        return fast
    if strict.num_rows > _FEW:
        both = pa.concat_tables([fast, strict])
        return both.take(np.argsort(both["line_number"].to_numpy(), kind="stable"))
    before = np.searchsorted(fast["line_number"].to_numpy(), strict["line_number"].to_numpy()).tolist()
    parts, done = [], 0  # slices copy nothing
    for row, at in enumerate(before):
        parts += [fast.slice(done, at - done), strict.slice(row, 1)]
        done = at
    return pa.concat_tables([*parts, fast.slice(done)])


def _rejections(lines: Lines, judged: _Judged, numbers: Rows) -> pa.Table:
    return from_rejections([(int(numbers[n]), why, lines.line(n)) for n, why in judged.rejected.items()])
