"""Find lines that are byte for byte the same as an earlier one (see `kernel.repeats`)."""

import secrets

import numpy as np

from include.s3logs.columns import LINES, Lines, address, allocate
from include.s3logs.kernel.compiled import kernels

_FIRST_SLOTS = 1 << 18  # untouched memory costs nothing
_FULL = 0.9  # the table doubles when more of it would be in use


class Seen:
    """The lines seen so far, of a whole log day, in 10 bytes a slot."""

    def __init__(self) -> None:
        self._keys, self._at_keys = allocate(11, np.uint64)
        self._keys[:] = [secrets.randbits(64) for _ in range(11)]
        self._hashes, self._at_hashes = allocate(2 * LINES, np.uint64)
        self._firsts, self._at_firsts = allocate(_FIRST_SLOTS, np.uint64)
        self._seconds, self._at_seconds = allocate(_FIRST_SLOTS, np.uint16)
        self._used = 0

    def mark(self, lines: Lines) -> int:
        """Note in `lines.repeated` which records repeat an earlier line; return how many do."""
        while self._used + lines.count > _FULL * len(self._firsts):
            self._grow()
        new: int = kernels().mark(
            *(lines.at_data, lines.at_starts, lines.at_verdicts, lines.count, self._at_keys),
            *(self._at_hashes, self._at_firsts, self._at_seconds, len(self._firsts), lines.at_repeated),
        )
        self._used += new
        return lines.records - new

    def _grow(self) -> None:
        slots = len(self._firsts)
        for array in (self._firsts, self._seconds):
            array.resize(2 * slots, refcheck=False)  # in place: nobody else has it
        self._at_firsts, self._at_seconds = address(self._firsts), address(self._seconds)
        kernels().grow(self._at_firsts, self._at_seconds, slots)
