"""A large log of one busy day, the same bytes on every machine, and what a correct reader finds in it.

Some ten thousand templates are invented, one for each kind of request to a key. A line is a template with its
own time, address, sizes and ids, which numpy writes over the marked places of thousands of lines at once.
The truth is counted while lines are made, never by reading one back.
"""

from __future__ import annotations

import json
import string
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.templates import (
    HOST_ID,
    ID,
    IP,
    LONGEST_NUMBER,
    MARKS,
    NASTY_TEMPLATES,
    SENT,
    SIZE,
    TEMPLATES,
    TIME,
    templates,
)

VERSION = 1  # raise it with any change of the output: a file of another version is written anew
MB = 1_000_000

_BLOCK_LINES = 16_384
_DAY = 86_400
_ID_LETTERS = np.frombuffer((string.ascii_uppercase + string.digits).encode() * 2, np.uint8)[:64]
_HOST_LETTERS = np.frombuffer((string.ascii_letters + string.digits + "+/").encode(), np.uint8)


@dataclass(frozen=True)
class CorpusTruth:
    """What is in a corpus. The bytes of each reduced row, in order, are in the `.npy` file beside it."""

    size: int
    lines: int
    rejections: int
    reduced_rows: int
    bytes_sent: int


def write_corpus(path: Path, megabytes: int, nasty_share: float = 0.001) -> CorpusTruth:
    """Write the corpus to a file, or find that it is there, and return what is in it."""
    parameters = {"version": VERSION, "megabytes": megabytes, "nasty_share": nasty_share}
    told = path.with_suffix(".json")
    if path.exists() and told.exists() and path.with_suffix(".npy").exists():
        known = json.loads(told.read_text())
        if known["parameters"] == parameters and known["truth"]["size"] == path.stat().st_size:
            return CorpusTruth(**known["truth"])
    path.parent.mkdir(parents=True, exist_ok=True)
    told.unlink(missing_ok=True)
    size = lines = rejections = 0
    sent: list[np.ndarray[Any, Any]] = []
    writer = _Writer(nasty_share, megabytes * MB)
    with path.open("wb") as file:
        while (block := writer.block(megabytes * MB - size)) is not None:
            data, rejected, rows = block
            file.write(data.tobytes())
            size, lines, rejections = size + data.nbytes, writer.lines, rejections + rejected
            sent.append(rows)
    reduced = np.concatenate([*sent, np.zeros(0, np.int64)])
    np.save(path.with_suffix(".npy"), reduced)
    truth = CorpusTruth(size, lines, rejections, len(reduced), int(reduced.sum()))
    told.write_text(
        json.dumps({"parameters": parameters, "truth": asdict(truth)})
    )  # last: now it is complete
    return truth


class _Writer:
    """Fills templates in, a block of lines at a time."""

    def __init__(self, nasty_share: float, size: int) -> None:
        pool = templates(f"s3logs bench {VERSION}")
        self.pool = [template.line for template in pool]
        self.lengths = np.array([len(line) for line in self.pool])
        self.reduced = np.array([template.reduced for template in pool])
        self.rejected = np.array([template.rejected for template in pool])
        # Where each mark begins in each template (-1: nowhere), and how often it stands there.
        self.at = {m: np.array([line.find(m.encode()) for line in self.pool]) for m in MARKS}
        self.width = {m: np.array([line.count(m.encode()) for line in self.pool]) for m in MARKS}
        self.rng = np.random.Generator(np.random.PCG64(VERSION))
        self.nasty_share, self.lines = nasty_share, 0
        self.expected_lines = max(1, size / self.lengths[:TEMPLATES].mean())

    def block(self, room: int) -> tuple[np.ndarray[Any, Any], int, np.ndarray[Any, Any]] | None:
        """Return lines that fit, how many are no record, and the bytes sent by those that count."""
        rng, n = self.rng, _BLOCK_LINES
        which = (rng.random(n) ** 2 * TEMPLATES).astype(np.int64)  # some keys are asked for more than others
        nasty = rng.random(n) < self.nasty_share
        which[nasty] = TEMPLATES + rng.integers(0, NASTY_TEMPLATES, int(nasty.sum()))
        ends = np.cumsum(self.lengths[which])
        n = int(np.searchsorted(ends, room, "right"))
        if not n:
            return None
        which, ends = which[:n], ends[:n]
        data = np.frombuffer(bytearray().join(map(self.pool.__getitem__, which.tolist())), np.uint8)
        starts = ends - self.lengths[which]

        numbers = np.arange(self.lines, self.lines + n) * _DAY / self.expected_lines
        seconds = (numbers.astype(np.int64) + rng.integers(0, 600, n)) % _DAY  # delivered out of order
        clock = np.stack([seconds // 3600, seconds // 60 % 60, seconds % 60], axis=1)
        digits = np.stack([clock // 10, clock % 10, np.full_like(clock, ord(":") - ord("0"))], axis=2)
        self._fill(data, starts, which, TIME, digits.reshape(n, 9)[:, :8] + ord("0"))
        self._fill(data, starts, which, IP, rng.integers(ord("0"), ord("9") + 1, (n, 2), np.uint8))
        self._fill(data, starts, which, ID, _ID_LETTERS[rng.integers(0, 64, (n, 16), np.uint8)])
        self._fill(data, starts, which, HOST_ID, _HOST_LETTERS[rng.integers(0, 64, (n, 76), np.uint8)])
        digits = rng.integers(0, 10, (n, LONGEST_NUMBER), np.uint8)
        digits[:, 0] = rng.integers(1, 10, n, np.uint8)
        self._fill(data, starts, which, SENT, digits + ord("0"))
        self._fill(data, starts, which, SIZE, digits + ord("0"))

        places = self.width[SENT][which][:, None] - 1 - np.arange(LONGEST_NUMBER)
        sent = np.where(places >= 0, digits * 10 ** np.maximum(places, 0), 0).sum(axis=1)
        self.lines += n
        return data, int(self.rejected[which].sum()), sent[self.reduced[which]]

    def _fill(self, data: Any, starts: Any, which: Any, mark: str, letters: Any) -> None:
        """Write a row of letters, as many as the mark is wide, over the mark in each line that has it."""
        at, width = self.at[mark][which], self.width[mark][which]
        for w in np.unique(width[at >= 0]).tolist():
            rows = np.flatnonzero(width == w)
            data[(starts[rows] + at[rows])[:, None] + np.arange(w)] = letters[rows, :w]
