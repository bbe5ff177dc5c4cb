"""Find lines that are byte for byte the same as an earlier one.

Each line becomes a keyed 128-bit hash (folded 64-bit multiplication, as wyhash does it); the keys are
random in each process, so nobody can write log lines that collide. Hashes live in an open-addressing table.
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

U = np.uintp
_FULL = 0.5  # the table grows when more of it is in use


@intrinsic
def _word_at(typing: Any, data: Any, at: Any) -> Any:
    """The eight bytes at data[at:] as a number."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        base = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer = builder.bitcast(builder.gep(base, [arguments[1]]), ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1)

    return types.uint64(data, at), build


@intrinsic
def _folded(typing: Any, one: Any, other: Any) -> Any:
    """The high and the low half of the 128-bit product, combined."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, narrow = ir.IntType(128), ir.IntType(64)
        product = builder.mul(*(builder.zext(value, wide) for value in arguments))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), narrow)
        return builder.xor(high, builder.trunc(product, narrow))

    return types.uint64(types.uint64, types.uint64), build


_word: Any = _word_at  # Numba's stubs show the typing argument, which no caller gives
_fold: Any = _folded


@njit(cache=True)
def _hash(data, starts, stops, which, keys, hashes):  # type: ignore[no-untyped-def]
    """Write the 128-bit hash of each of the lines to `hashes`; its first half is never zero."""
    for n in range(len(which)):
        start, stop = starts[which[n]], stops[which[n]]
        one, two = keys[0] ^ np.uint64(stop - start), keys[1]
        for at in range(start, stop, 16):
            left, right = _word(data, U(at)), _word(data, U(at + 8))
            over = at + 16 - stop  # bytes of this block that are behind the line
            if over >= 8:
                right = np.uint64(0)
                left &= np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(8 * (over - 8))
            elif over > 0:
                right &= np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(8 * over)
            one = _fold(left ^ keys[2], right ^ one)
            two = _fold(right ^ keys[3], left ^ two)
        hashes[n, 0] = _fold(one ^ keys[4], two ^ keys[5]) | np.uint64(1)
        hashes[n, 1] = _fold(one ^ keys[6], two ^ keys[7])


@njit(cache=True)
def _mark(hashes, table, used, repeated):  # type: ignore[no-untyped-def]
    """Put the hashes into the table, mark those that were there, and return the new `used`.

    A loop of its own, so that the processor waits for the table's memory for several lines at once.
    """
    mask = np.uint64(len(table) - 1)
    for n in range(len(hashes)):
        one, two = hashes[n, 0], hashes[n, 1]
        slot = two & mask
        repeated[n] = False
        while table[U(slot), 0] != 0:  # a free slot holds zeros
            if table[U(slot), 0] == one and table[U(slot), 1] == two:
                repeated[n] = True
                break
            slot = (slot + np.uint64(1)) & mask
        if not repeated[n]:
            table[U(slot), 0], table[U(slot), 1] = one, two
            used += 1
    return used


@njit(cache=True)
def _move(old, new):  # type: ignore[no-untyped-def]
    """Put everything in the old table into the new one."""
    mask = np.uint64(len(new) - 1)
    for n in range(len(old)):
        if old[n, 0] != 0:
            slot = old[n, 1] & mask
            while new[U(slot), 0] != 0:
                slot = (slot + np.uint64(1)) & mask
            new[U(slot), 0], new[U(slot), 1] = old[n, 0], old[n, 1]


class Seen:
    """The lines seen so far."""

    def __init__(self) -> None:
        self._keys = np.array([secrets.randbits(64) | 1 for _ in range(8)], np.uint64)
        self._table = np.zeros((1 << 14, 2), np.uint64)
        self._used = 0

    def mark(
        self,
        data: npt.NDArray[np.uint8],
        starts: npt.NDArray[np.int64],
        stops: npt.NDArray[np.int64],
        which: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.bool_]:
        """Tell for each of the lines `which` of `data` whether it is a repeat of an earlier one."""
        while self._used + len(which) > _FULL * len(self._table):
            larger = np.zeros((2 * len(self._table), 2), np.uint64)
            _move(self._table, larger)
            self._table = larger
        repeated = np.zeros(len(which), np.bool_)
        hashes = np.empty((len(which), 2), np.uint64)
        _hash(data, starts, stops, which, self._keys, hashes)
        self._used = _mark(hashes, self._table, self._used, repeated)
        return repeated
