"""What is wrong with a lake, and how much of it was looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

CATALOG = "catalog"
LISTS = "lists"
NETWORKS = "networks"
PUBLICATION = "publish"
REGIONS = "regions"
"""Areas beside the stages and months, which are called by their folders."""


class Problem(StrEnum):
    """What is wrong with a file of the lake."""

    MISSING = "missing"
    DAMAGED = "damaged"
    """It has other content than was written."""
    NONSENSE = "nonsense"
    """It says nothing that makes sense: a pointer that is none, a table without its columns."""
    NEWER = "of a later release"
    NOT_READABLE = "not readable"
    """The credentials may not read it, or it is in an archive."""
    UNFINISHED = "unfinished"
    """A publication is at work, or died."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One file of the lake with which something is wrong: its key, the area, what, and more words for that.

    `log_day` (YYYY-MM-DD) is that of a stage's file; of one of months it is the first of the month.
    """

    area: str
    key: str
    problem: Problem
    detail: str = ""
    log_day: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found in the lake at `where`.

    `files` and `size` (bytes) are what was looked at, pointers included.
    `orphans` are files, with their `orphan_size` in bytes, that nobody names and that are older than a day:
    they were replaced, or left by attempts that died, and are no fault.
    """

    where: str
    findings: Sequence[Finding] = field(default_factory=list)
    files: int = 0
    size: int = 0
    log_days: int = 0
    orphans: int = 0
    orphan_size: int = 0
    seconds: float = 0.0

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.findings
