"""What reduce wants of log objects, and what it gets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from include.s3logs.parsing.strict import Reason


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records count: by operation, status, and not from addresses for which `excludes` is true."""

    operations: frozenset[str]
    statuses: range
    excludes: Callable[[str], bool] | None = None


class Rejection(NamedTuple):
    """A line without a valid reading: its number in its object, from 1, why, and its bytes."""

    number: int
    reason: Reason
    raw: bytes


class Share(NamedTuple):
    """What of some lines is of one object, `which` is its place among those selected from.

    All `lines` that are not blank are counted, the rejected ones too.
    """

    which: int
    lines: int
    rejections: list[Rejection]


@dataclass(frozen=True, slots=True)
class Selection:
    """Some lines as reduce wants them, all of them accounted for, and rows of records that count.

    The lines are of one object, or of several that follow each other, which have their `shares`. `repeats` of
    the `records` were seen before.

    The `rows` wait until they are many: they are of these lines, of earlier ones, or none. `ambiguous` of
    them have another reading.
    """

    rows: pa.Table
    ambiguous: int
    shares: Sequence[Share] = ()
    records: int = 0
    repeats: int = 0
