"""Find lines that are byte for byte the same as an earlier one (see `kernel.repeats`), in bounded memory."""

import secrets

import numpy as np
import numpy.typing as npt

from include.s3logs.parsing.kernel.compiled import kernels
from include.s3logs.parsing.kernel.layout import FAST, READ
from include.s3logs.parsing.late_repeats import LateRepeats
from include.s3logs.parsing.limits import LIMITS, Limits
from include.s3logs.parsing.lines import Lines
from include.s3logs.tables.arrays import address, allocate

_CROWDED, _FULL = 0.5, 0.9  # the share in use at which a table doubles, and at which the largest one is full


class Seen:
    """The lines seen so far, of a whole log day, in 10 bytes a slot.

    When the table may not grow any more, it `is_full`. Later lines are still compared with those it holds;
    whether they repeat one another is found out at the end, by `late`.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._keys, self._at_keys = allocate(10, np.uint64)
        self._keys[:] = [secrets.randbits(64) for _ in range(10)]
        self._hashes, self._at_hashes = allocate(2 * limits.lines, np.uint64)
        self._firsts, self._at_firsts = allocate(limits.first_slots, np.uint64)
        self._seconds, self._at_seconds = allocate(limits.first_slots, np.uint16)
        self._used, self._most_slots = 0, limits.most_slots
        self.late = LateRepeats(limits.late)
        self.is_full = False

    def mark(self, lines: Lines) -> int:
        """Note in `lines.repeated` which records repeat an earlier line; return how many do."""
        while not self.is_full and self._used + lines.count > self._room():
            self._grow()
        new: int = kernels().mark(
            *(lines.at_data, lines.at_starts, lines.at_verdicts, lines.count, self._at_keys),
            *(self._at_hashes, self._at_firsts, self._at_seconds, len(self._firsts), not self.is_full),
            lines.at_repeated,
        )
        if self.is_full:
            self._leave_undecided(lines, lines.first)
        else:
            self._used += new
        return lines.records - new

    def _leave_undecided(self, lines: Lines, first: int) -> None:
        verdicts = lines.verdicts[: lines.count]
        is_record = (verdicts == FAST) | (verdicts == READ)
        new: npt.NDArray[np.intp] = np.flatnonzero(is_record & (lines.repeated[: lines.count] == 0))
        seconds = self._hashes[2 * new + 1].astype(np.uint16)
        self.late.add(self._hashes[2 * new], seconds, first + new, first + lines.count)

    def _room(self) -> float:
        slots = len(self._firsts)
        return slots * (_CROWDED if slots < self._most_slots else _FULL)

    def _grow(self) -> None:
        slots = len(self._firsts)
        if 2 * slots > self._most_slots:
            self.is_full = True
            return
        for array in (self._firsts, self._seconds):
            array.resize(2 * slots, refcheck=False)  # in place: nobody else has it
        self._at_firsts, self._at_seconds = address(self._firsts), address(self._seconds)
        kernels().grow(self._at_firsts, self._at_seconds, slots)
