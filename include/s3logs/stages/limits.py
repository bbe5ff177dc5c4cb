"""How much of a day the stages work on at once."""

from dataclasses import dataclass

from include.s3logs.logs.limits import LIMITS as OF_LOGS
from include.s3logs.logs.limits import Limits as OfLogs
from include.s3logs.tables.parquet import BATCH
from include.s3logs.tables.sorting import LIMITS as SORTING
from include.s3logs.tables.sorting import Limits as Sorting


@dataclass(frozen=True, slots=True)
class Limits:
    """What a stage holds of a day in memory at once, and from where on it may give a day up.

    The figures of a day do not depend on it.
    """

    rows: int = BATCH
    """Rows of a file."""
    keys: int = 1 << 14
    """Object keys whose totals are given at once."""
    rejections: int = 10_000
    """Rejected lines from which on a day stops before its end, once it cannot end well."""
    quarantine: int = 4 << 30
    """Bytes of quarantine from which on a day with too many rejections stops, whatever is to come."""
    judged: int = 1 << 23
    """Bytes of quarantine after which the rejections are judged inside a log object, not just at its end."""
    looked_at_lines: int = 10_000
    """Lines after which no other log object is looked at for the operations that are there."""
    looked_at_objects: int = 200
    """Log objects that are looked at for them, no more than a piece of each."""
    sorting: Sorting = SORTING
    logs: OfLogs = OF_LOGS


LIMITS = Limits()
