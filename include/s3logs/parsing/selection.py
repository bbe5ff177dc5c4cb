"""What reduce wants of log objects, and what it gets."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records count: by operation, status, and not from addresses for which `excludes` is true."""

    operations: frozenset[str]
    statuses: range
    excludes: Callable[[str], bool] | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Some lines as reduce wants them: the columns of the records that count, all lines accounted for.

    `repeats` of the `records` were seen before; `ambiguous` of the `rows` have another reading.
    """

    rows: pa.Table
    rejections: pa.Table
    records: int
    repeats: int
    ambiguous: int
