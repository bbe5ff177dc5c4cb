"""What reduce wants of a log object: the columns of the records that count, every line accounted for.

`select_strictly` here and `include.s3logs.parse.select` have the same judgement. This one needs no compiled
kernel, whose loading takes longer than a small day does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import pyarrow as pa

from include.s3logs.record_tables import from_records, from_rejections
from include.s3logs.strict import Reason, Record, lines, parse_line


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records count: by operation, status, and not from addresses for which `excludes` is true."""

    operations: frozenset[str]
    statuses: range
    excludes: Callable[[str], bool] | None = None

    def keeps(self, record: Record) -> bool:
        """Tell whether a record counts."""
        return (
            record.operation in self.operations
            and record.http_status in self.statuses
            and not (self.excludes and record.remote_ip and self.excludes(record.remote_ip))
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """Some lines as reduce wants them: the columns of the records that count, all lines accounted for."""

    rows: pa.Table
    rejections: pa.Table
    records: int
    repeats: int
    ambiguous: int


def select_strictly(data: bytes, wanted: Filter, columns: Sequence[str], seen: set[bytes]) -> Selection:
    """Select from the whole content of a log object with the strict path alone.

    A record counts if the filter keeps it and its line is not, byte for byte, one that `seen` knows.
    """
    kept: list[Record] = []
    numbers: list[int] = []
    rejections: list[tuple[int, Reason, bytes]] = []
    records = repeats = 0
    for number, line in lines(data):
        record = parse_line(line)
        if isinstance(record, Reason):
            rejections.append((number, record, line))
            continue
        records += 1
        digest = blake2b(line, digest_size=16).digest()
        if digest in seen:
            repeats += 1
        elif wanted.keeps(record):
            kept.append(record)
            numbers.append(number)
        seen.add(digest)
    return Selection(
        rows=from_records(kept, numbers, columns),
        rejections=from_rejections(rejections),
        records=records,
        repeats=repeats,
        ambiguous=sum(record.ambiguous for record in kept),
    )
