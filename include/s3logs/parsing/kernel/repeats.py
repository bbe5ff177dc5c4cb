"""Find lines that are byte for byte the same as an earlier one.

Each line becomes a keyed hash (folded 64-bit multiplication, as wyhash does it), of which 80 bits are kept:
among ten million lines two that differ are taken for the same with a chance of 10⁻¹⁰. More than 64 bits come
from the sum of all high halves: it still differs where the folded products do not. The keys are random in
each process, so nobody can write log lines that collide. Hashes live in an open-addressing table of two
arrays, 64 bits and 16 bits of each. The former decide where; they are never zero, as a free slot holds zero.
"""

import numpy as np
from numba import njit

from include.s3logs.parsing.kernel.layout import FAST, READ
from include.s3logs.parsing.kernel.machine import fold, high_half, word_at

_CR = ord("\r")


@njit(forceinline=True)
def _mixed(data, at, chain, total, keys):  # type: ignore[no-untyped-def]
    """A chain and the total with the 16 bytes at `at` mixed in."""
    left, right = word_at(data, at) ^ keys[0], word_at(data, at + 8) ^ chain
    return fold(left, right), total + high_half(left, right)


@njit(forceinline=True)
def _hash(data, start, stop, keys):  # type: ignore[no-untyped-def]
    """Two hashes of data[start:stop], of 64 bits each. (A record is never shorter than 32 bytes.)"""
    one, two, three, four = keys[1] ^ np.uint64(stop - start), keys[2], keys[3], keys[4]
    at, total = start, keys[5]
    while at < stop - 64:  # four chains: the processor works at all of them at once
        one, total = _mixed(data, at, one, total, keys)
        two, total = _mixed(data, at + 16, two, total, keys)
        three, total = _mixed(data, at + 32, three, total, keys)
        four, total = _mixed(data, at + 48, four, total, keys)
        at += 64
    at = min(at, stop - 32)  # what is left are these 32 bytes and the last 32, which may overlap
    one, total = _mixed(data, at, one, total, keys)
    two, total = _mixed(data, at + 16, two, total, keys)
    three, total = _mixed(data, stop - 32, three, total, keys)
    four, total = _mixed(data, stop - 16, four, total, keys)
    left, right = fold(one ^ keys[6], two ^ keys[7]), fold(three ^ keys[8], four ^ keys[9])
    first = fold(left ^ keys[6], right ^ keys[7])
    second = fold(total ^ keys[8], first ^ left ^ keys[9])
    return first | np.uint64(1), second


@njit(forceinline=True)
def _slot(first, mask):  # type: ignore[no-untyped-def]
    """Where the search for a hash begins (its lowest bit says nothing)."""
    return np.int64((first >> np.uint64(1)) & mask)


def mark(  # type: ignore[no-untyped-def]
    data, starts, verdicts, count, keys, hashes, firsts, seconds, slots, grows, repeated
):
    """Tell in `repeated` of each line that is a record whether its hash is in the table.

    Returns how many are not; if the table `grows`, they are from then on. It has `slots` slots, a power of
    two, of which more than `count` are free. `hashes` has room for `count` pairs.
    """
    for n in range(count):
        if verdicts[n] == FAST or verdicts[n] == READ:
            start, stop = starts[n], starts[n + 1] - 1
            if stop > start and data[stop - 1] == _CR:
                stop -= 1
            hashes[2 * n], hashes[2 * n + 1] = _hash(data, start, stop, keys)
    # A loop of its own, so that the processor waits for the table's memory for several lines at once.
    mask, new = np.uint64(slots - 1), 0
    for n in range(count):
        repeated[n] = 0
        if verdicts[n] == FAST or verdicts[n] == READ:
            first, second = hashes[2 * n], np.uint16(hashes[2 * n + 1])
            slot = _slot(first, mask)
            while firsts[slot] != 0 and (firsts[slot] != first or seconds[slot] != second):
                slot = (slot + 1) & (slots - 1)
            if firsts[slot] != 0:
                repeated[n] = 1
            else:
                if grows:
                    firsts[slot], seconds[slot] = first, second
                new += 1
    return new


def grow(firsts, seconds, slots):  # type: ignore[no-untyped-def]
    """Spread the hashes over a table whose number of slots, now `slots`, has doubled; all new slots are free.

    In place: the old slots are gone through in order, beginning behind a free one. What is taken out goes to
    a slot that was passed already, or to the new half, so no hash is ever hidden behind a slot that becomes
    free later.
    """
    free = 0
    while firsts[free] != 0:
        free += 1
    mask = np.uint64(2 * slots - 1)
    for passed in range(1, slots):
        old = (free + passed) & (slots - 1)
        first, second = firsts[old], seconds[old]
        if first != 0:
            firsts[old] = np.uint64(0)
            slot = _slot(first, mask)
            while firsts[slot] != 0:
                slot = (slot + 1) & (2 * slots - 1)
            firsts[slot], seconds[slot] = first, second
    return 0
