"""Find repeated lines among so many that their hashes do not fit into memory: in temporary files."""

import tempfile
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

_SPILLED = np.dtype([("first", np.uint64), ("second", np.uint16), ("ordinal", np.int64)])
_FILES = 64  # one is looked through at a time: the lines of 64 times as much memory can be


class LateRepeats:
    """Hashes of lines in the order of their `ordinals` (numbers within the day), and which are repeats.

    `waiting` of them are in memory before they go to files. A file holds all lines of the same hash. The
    temporary files have no name and vanish when they are read.
    """

    def __init__(self, waiting: int) -> None:
        self._most_waiting = waiting
        self._files: list[BinaryIO] = []
        self._waiting: list[npt.NDArray[np.void]] = []
        self._waiting_count = 0
        self._end = 0
        self._is_repeat = np.zeros(0, np.uint8)  # a bit for each ordinal
        self.count = 0

    def add(
        self,
        firsts: npt.NDArray[np.uint64],
        seconds: npt.NDArray[np.uint16],
        ordinals: npt.NDArray[np.int64],
        end: int,
    ) -> None:
        """Keep the hashes (64 and 16 bits) of more lines, whose ordinals are those up to `end` or some."""
        self._end = end
        spilled = np.empty(len(ordinals), _SPILLED)
        spilled["first"], spilled["second"], spilled["ordinal"] = firsts, seconds, ordinals
        self._waiting.append(spilled)
        self._waiting_count += len(spilled)
        if self._waiting_count >= self._most_waiting:
            self._write()

    def find(self) -> None:
        """Find out which of the lines repeat one of the others; `count` is how many."""
        self._write()
        self._is_repeat = np.zeros(self._end // 8 + 1, np.uint8)
        for file in self._files:
            file.seek(0)
            lines = np.frombuffer(file.read(), _SPILLED)
            file.close()
            lines = lines[np.lexsort((lines["second"], lines["first"]))]  # stable: by ordinal among equals
            same = np.ones(max(len(lines) - 1, 0), np.bool_)
            for name in ("first", "second"):
                same &= lines[name][1:] == lines[name][:-1]
            repeats = lines["ordinal"][1:][same]
            np.bitwise_or.at(self._is_repeat, repeats >> 3, (1 << (repeats & 7)).astype(np.uint8))
            self.count += len(repeats)

    def among(self, ordinals: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Tell which of these lines, all before the `end`, are repeats; `find` comes first."""
        bits: npt.NDArray[np.bool_] = (self._is_repeat[ordinals >> 3] >> (ordinals & 7) & 1).astype(np.bool_)
        return bits

    def _write(self) -> None:
        if not self._waiting:
            return
        if not self._files:
            self._files = [tempfile.TemporaryFile() for _ in range(_FILES)]  # noqa: SIM115
        waiting = np.concatenate(self._waiting)
        parts = waiting["first"] >> np.uint64(64 - 6)
        waiting = waiting[np.argsort(parts, kind="stable")]
        bounds = np.searchsorted(np.sort(parts), np.arange(_FILES + 1))
        for file, start, stop in zip(self._files, bounds[:-1], bounds[1:], strict=True):
            file.write(waiting[start:stop].tobytes())
        self._waiting, self._waiting_count = [], 0
