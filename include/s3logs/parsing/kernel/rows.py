"""Choose lines, and append one field of the chosen ones to the buffers of an Arrow column."""

import numpy as np
from numba import njit

from include.s3logs.parsing.kernel.fields import equal_bytes, hex_digit, word
from include.s3logs.parsing.kernel.layout import (
    DECODED,
    FAST,
    NUMBERS,
    OPERATION,
    READ,
    SPANS,
    STATUS,
    TEXT,
)
from include.s3logs.parsing.kernel.machine import copy_32

_DASH, _PERCENT, _PLUS, _SPACE, _ASCII = *map(ord, "-%+ "), 127
_PERCENTS, _PLUSES = word(b"%" * 8), word(b"+" * 8)
# The operations of which keys are not encoded twice.
_ENCODED_ONCE = np.frombuffer(b"S3.EXPIRE.OBJECT", np.uint8).copy()
_ENCODED_ONCE_WITH_PLUS = np.frombuffer(b"BATCH.DELETE.OBJECT", np.uint8).copy()


@njit(forceinline=True)
def _is(text, start, stop, word, first, last):  # type: ignore[no-untyped-def]
    """Whether text[start:stop] is word[first:last]."""
    if stop - start != last - first:
        return False
    same = 0
    while same < last - first and text[start + same] == word[first + same]:
        same += 1
    return same == last - first


@njit(forceinline=True)
def _is_one_of(text, start, stop, wanted, bounds, count):  # type: ignore[no-untyped-def]
    """Whether text[start:stop] is one of the `count` words wanted[bounds[w]:bounds[w + 1]]."""
    for w in range(count):
        if _is(text, start, stop, wanted, bounds[w], bounds[w + 1]):
            return True
    return False


def choose(  # type: ignore[no-untyped-def]
    data, strict, verdicts, repeated, spans, numbers, count, wanted, bounds, words, lowest, highest, rows
):
    """Write to `rows` which of the lines are records that are no repeats, of a wanted operation and status.

    The operations are the `words` words of `wanted` (all operations if that is negative), the statuses those
    with lowest <= status < highest.
    """
    chosen = 0
    for n in range(count):
        status = numbers[NUMBERS * n + STATUS]
        if (verdicts[n] == FAST or verdicts[n] == READ) and not repeated[n] and lowest <= status < highest:
            field = 2 * (SPANS * n + OPERATION)
            text = strict if verdicts[n] == READ else data
            if words < 0 or _is_one_of(text, spans[field], spans[field + 1], wanted, bounds, words):
                rows[chosen] = n
                chosen += 1
    return chosen


@njit(forceinline=True)
def _append(text, start, stop, target, filled, valid, n):  # type: ignore[no-untyped-def]
    """Append text[start:stop] as value n; a field that is `-` or that the line lacks is a null."""
    if stop == 0 or (stop - start == 1 and text[start] == _DASH):
        valid[n] = 0
        return filled
    valid[n] = TEXT
    for done in range(0, stop - start, 32):
        copy_32(target, filled + done, text, start + done)
    return filled + stop - start


def append_text(  # type: ignore[no-untyped-def]
    data, strict, verdicts, spans, field, rows, count, target, filled, offsets, valid
):
    """Append a text field of `count` lines to `target`, which holds `filled` bytes; return how many then.

    The field is in `strict` for lines that the strict path has read, in `data` for others. Value n ends at
    `offsets[n]`; `valid[n]` is 0 for a null.
    """
    for n in range(count):
        at = 2 * (SPANS * rows[n] + field)
        text = strict if verdicts[rows[n]] == READ else data
        filled = _append(text, spans[at], spans[at + 1], target, filled, valid, n)
        offsets[n] = filled
    return filled


@njit
def _unquote(text, start, stop):  # type: ignore[no-untyped-def]
    """Put bytes for each %XX of text[start:stop]; return where it ends then, and all bits set in them."""
    to, at, all_bits = start, start, np.uint8(0)
    while at < stop:
        byte = text[at]
        at += 1
        if byte == _PERCENT and at + 1 < stop:
            high, low = hex_digit(text[at]), hex_digit(text[at + 1])
            if high >= 0 and low >= 0:
                byte = np.uint8(16 * high + low)
                all_bits |= byte
                at += 2
        text[to] = byte
        to += 1
    return to, all_bits


@njit
def _decode(text, start, stop, operation, first, last):  # type: ignore[no-untyped-def]
    """Decode the key text[start:stop] as strict.decode_key does; operation[first:last] tells how.

    Returns where it ends then, and all bits set in the bytes that came out of it.
    """
    once = _is(operation, first, last, _ENCODED_ONCE, 0, len(_ENCODED_ONCE))
    if _is(operation, first, last, _ENCODED_ONCE_WITH_PLUS, 0, len(_ENCODED_ONCE_WITH_PLUS)):
        once = True
        for at in range(start, stop):
            if text[at] == _PLUS:
                text[at] = _SPACE
    stop, all_bits = _unquote(text, start, stop)
    if not once:
        stop, more_bits = _unquote(text, start, stop)
        all_bits |= more_bits
    return stop, all_bits


def append_key(  # type: ignore[no-untyped-def]
    data, strict, verdicts, spans, field, rows, count, target, filled, offsets, valid
):
    """Append the key, a text field, of `count` lines as `append_text` does, decoded.

    `valid[n]` is DECODED for a key that may not be UTF-8 after that.
    """
    for n in range(count):
        at, operation = 2 * (SPANS * rows[n] + field), 2 * (SPANS * rows[n] + OPERATION)
        text = strict if verdicts[rows[n]] == READ else data
        begin = filled
        filled = _append(text, spans[at], spans[at + 1], target, filled, valid, n)
        encoded = np.uint64(0)
        for k in range(begin, filled, 8):
            encoded |= equal_bytes(target, k, _PERCENTS) | equal_bytes(target, k, _PLUSES)
        if encoded:
            filled, all_bits = _decode(target, begin, filled, text, spans[operation], spans[operation + 1])
            if all_bits > _ASCII:
                valid[n] = DECODED
        offsets[n] = filled
    return filled


def append_numbers(numbers, fields, many, rows, count, target, apart):  # type: ignore[no-untyped-def]
    """Append `many` number fields of `count` lines to columns that begin `apart` numbers from each other."""
    for column in range(many):
        field, first = fields[column], column * apart
        for n in range(count):
            target[first + n] = numbers[NUMBERS * rows[n] + field]
    return 0
