"""Choose lines, and append one field of the chosen ones to the buffers of an Arrow column."""

from numba import njit

from include.s3logs.kernel.layout import FAST, NUMBERS, OPERATION, READ, SPANS, STATUS
from include.s3logs.kernel.machine import copy_32

_DASH = ord("-")


@njit(forceinline=True)
def _is_one_of(text, start, stop, wanted, bounds, count):  # type: ignore[no-untyped-def]
    """Whether text[start:stop] is one of the `count` words wanted[bounds[w]:bounds[w + 1]]."""
    for w in range(count):
        if bounds[w + 1] - bounds[w] == stop - start:
            same = 0
            while same < stop - start and text[start + same] == wanted[bounds[w] + same]:
                same += 1
            if same == stop - start:
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


def append_text(  # type: ignore[no-untyped-def]
    data, strict, verdicts, spans, field, rows, count, target, filled, offsets, valid
):
    """Append a text field of `count` lines to `target`, which holds `filled` bytes; return how many then.

    The field is in `strict` for lines that the strict path has read, in `data` for others. Value n ends at
    `offsets[n]`; `valid[n]` is 0 for a null: a field that is `-` or that the line lacks.
    """
    for n in range(count):
        at = 2 * (SPANS * rows[n] + field)
        start, stop = spans[at], spans[at + 1]
        text = strict if verdicts[rows[n]] == READ else data
        if stop == 0 or (stop - start == 1 and text[start] == _DASH):
            valid[n] = 0
        else:
            valid[n] = 1
            for done in range(0, stop - start, 32):
                copy_32(target, filled + done, text, start + done)
            filled += stop - start
        offsets[n] = filled
    return filled


def append_numbers(numbers, field, rows, count, target):  # type: ignore[no-untyped-def]
    """Append a number of `count` lines to `target`."""
    for n in range(count):
        target[n] = numbers[NUMBERS * rows[n] + field]
    return 0
