"""The search for repeated lines tells any two lines apart, whichever of their bytes differ."""

import numpy as np
import pytest

from include.s3logs.parsing.kernel.layout import FAST, ROOM
from include.s3logs.parsing.lines import Lines
from include.s3logs.parsing.repeats import Seen


def marked(lines_, seen):
    """Return which of the lines, as if each were a record, are marked as repeats."""
    lines = Lines()
    data = np.frombuffer(b"".join(line + b"\n" for line in lines_) + bytes(ROOM), np.uint8)
    lines.scan(data, 0, len(data) - ROOM)
    assert lines.count == len(lines_)
    lines.verdicts[: lines.count] = FAST
    lines.rejected = {}
    new = seen.mark(lines)
    repeated = lines.repeated[: lines.count].tolist()
    assert new == sum(repeated)
    return repeated


@pytest.mark.parametrize("length", [*range(32, 132), 620])
def test_every_byte_of_a_line_counts(length):
    line = bytes(97 + at % 26 for at in range(length))
    others = [line[:at] + b"~" + line[at + 1 :] for at in range(length)]
    longer = [line + b"~" * more for more in range(1, 40)]
    seen = Seen()
    assert not any(marked([line, *others, *longer], seen))
    assert all(marked([*longer, *others, line], seen))


@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_the_order_of_what_is_in_a_line_counts(size):
    parts = [bytes([97 + n]) * size for n in range(8)]
    turned = [b"".join(parts[n:] + parts[:n]) for n in range(8)]
    swapped = [
        b"".join([*parts[:a], parts[b], *parts[a + 1 : b], parts[a], *parts[b + 1 :]])
        for b in range(8)
        for a in range(b)
    ]
    assert not any(marked([*turned, *swapped], Seen()))
