"""What publishing works on at once."""

from dataclasses import dataclass

from include.s3logs.tables.growing_file import SMALL
from include.s3logs.tables.merging import LIMITS as MERGING
from include.s3logs.tables.merging import Limits as Merging


@dataclass(frozen=True, slots=True)
class Limits:
    """What publishing holds in memory at once, and how its files are cut.

    Of the published bytes only those decide that are said to.
    """

    rows: int = 1 << 20
    """Rows of the history: as many datasets at a time as have so many together, but at least one."""
    merging: Merging = MERGING
    lines: int = 1 << 16
    """Rows of a table that are made text."""
    cells: int = 1 << 16
    """Cells of a table by week."""
    small: int = SMALL
    """Bytes of a text; a longer one grows on disk, and is written to the lake at once."""
    waiting: int = 32 << 20
    """Bytes of files that are written to the lake together."""
    row_group: int = 65_536
    """Rows of a row group of an asset log as Parquet, whose bytes depend on it."""
    columns: int = 16_383
    """Of keys that nobody claims, a text by week of more is not published.

    With the column of the week a spreadsheet is full then.
    """


LIMITS = Limits()
