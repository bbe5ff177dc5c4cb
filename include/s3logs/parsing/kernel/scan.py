"""Find the fields of each line in one pass over the bytes.

First the places of all special bytes are marked: quotes, brackets, and whatever is no graphic character of
ASCII, space and line feed included. Then each line is read by stepping from mark to mark: fields end there.

A line is read here only where the format leaves no choice; every other line is left to the strict path
(`parsing.strict`), whose judgement this must share: `tests/include/parsing/test_parse.py` holds it to that.
The order of the code is the order of the fields (S3 user guide, LogFormat). What is left to the strict path:

- bytes outside of quotes that are not printable ASCII; a time that is not UTC; two spaces for one;
- a quote inside the referer, or in the user agent a quote before a space; text that looks like a second
  status block or a second record;
- numbers of more than 16 digits; a line that ends with a space, or is longer than what is scanned at once.
"""

import numpy as np
from numba import njit

from include.s3logs.parsing.kernel.fields import (
    IDENTITY_FIRST_WORD,
    IDENTITY_LENGTH,
    IDENTITY_SPACES,
    after_protocol,
    days_since_1970,
    decimal,
    is_identity,
    is_ipv4,
    is_ipv6,
    is_operation,
    is_signature,
    seconds_of_day,
    three_digits,
    two_digits,
    word,
)
from include.s3logs.parsing.kernel.layout import (
    AGENT,
    BLANK,
    BUCKET,
    BYTES_SENT,
    ERROR,
    EXTRA,
    FAST,
    IP,
    KEY,
    NULL,
    NUMBERS,
    OPERATION,
    OWNER,
    REFERER,
    REQUEST_ID,
    REQUESTER,
    SPANS,
    STATUS,
    STRICT,
    TAIL,
    TIME,
    TURN_AROUND_TIME,
    URI,
    WIDE,
)
from include.s3logs.parsing.kernel.machine import bits_set, lowest_bit, special_bytes, word_at

_SPACE, _QUOTE, _DASH, _OPEN, _CLOSE, _CR, _LF = map(ord, ' "-[]\r\n')
_A, _Z, _ASCII = ord("A"), ord("Z"), 127
_UTC = word(b" +0000] ")


@njit(forceinline=True)
def _mark(data, begin, end, marks):  # type: ignore[no-untyped-def]
    """Write the positions of the special bytes in data[begin:end] to `marks`; return how many there are."""
    n = 0
    for at in range(begin, end, 64):
        special = special_bytes(data, at)
        if end - at < 64:
            special &= (np.uint64(1) << np.uint64(end - at)) - np.uint64(1)
        found = bits_set(special)
        place = n
        while True:  # eight at a time, found or not: a loop for each one would be mispredicted at its end
            for k in range(8):
                marks[place + k] = at + lowest_bit(special)
                special &= special - np.uint64(1)
            place += 8
            if place >= n + found:
                break
        n += found
    return n


@njit(forceinline=True)
def _past_text(data, marks, k, all_bits):  # type: ignore[no-untyped-def]
    """The first mark from k on that is a quote, a line feed, or may begin a time; all bits set before it."""
    byte = data[marks[k]]
    while byte not in (_QUOTE, _LF) and (byte != _OPEN or two_digits(data, marks[k] + 1) < 0):
        all_bits |= byte
        k += 1
        byte = data[marks[k]]
    return k, all_bits


@njit(forceinline=True)
def _past_chars(data, marks, k):  # type: ignore[no-untyped-def]
    """The first mark from k on that is no closing bracket."""
    while data[marks[k]] == _CLOSE:
        k += 1
    return k


@njit(forceinline=True)
def _keep(spans, first, field, start, end):  # type: ignore[no-untyped-def]
    spans[first + 2 * field] = start
    spans[first + 2 * field + 1] = end


@njit(forceinline=True)
def _line(data, i, marks, k, n, spans, numbers, date):  # type: ignore[no-untyped-def]
    """Read line n at data[i], whose first mark is marks[k]; fills its `spans` and `numbers`.

    Returns what it is, and a mark that is not behind the line's last one. `date` remembers a day: most lines
    are of the same.
    """
    all_bits = np.uint8(0)
    line, number = n * 2 * SPANS, n * NUMBERS  # where spans and numbers of this line begin
    # bucket owner, bucket
    for field in (OWNER, BUCKET):
        end = marks[k]
        if end == i or data[end] != _SPACE:
            return STRICT, k
        _keep(spans, line, field, i, end)
        i, k = end + 1, k + 1
    # [06/Feb/2019:00:00:38 +0000]: marks at both brackets and both spaces
    if data[i] != _OPEN or marks[k + 3] != i + 28 or word_at(data, i + 21) != _UTC:
        return STRICT, k
    if word_at(data, i + 1) != date[0] or word_at(data, i + 5) != date[1]:
        days = days_since_1970(data, i + 1)
        if days < 0:
            return STRICT, k
        date[0], date[1], date[2] = word_at(data, i + 1), word_at(data, i + 5), np.uint64(days)
    seconds = seconds_of_day(data, i + 13)
    if seconds < 0:
        return STRICT, k
    numbers[number + TIME] = np.int64(date[2]) * 86400 + seconds
    i, k = i + 29, k + 4
    # remote address
    end = marks[k]
    if end == i or data[end] != _SPACE:
        return STRICT, k
    is_dash = end - i == 1 and data[i] == _DASH
    if not (is_dash or is_ipv4(data, i, end) or is_ipv6(data, i, end)):
        return STRICT, k
    _keep(spans, line, IP, i, end)
    i, k = end + 1, k + 1
    # requester: the ARN of an origin access identity holds four spaces
    end = marks[k]
    if end == i or data[end] != _SPACE:
        return STRICT, k
    if end - i == IDENTITY_FIRST_WORD and is_identity(data, i):
        k += IDENTITY_SPACES
        end = marks[k]
        if end == i + IDENTITY_LENGTH or data[end] != _SPACE:
            return STRICT, k
    _keep(spans, line, REQUESTER, i, end)
    i, k = end + 1, k + 1
    # request id
    end = marks[k]
    if end == i or data[end] != _SPACE:
        return STRICT, k
    _keep(spans, line, REQUEST_ID, i, end)
    i, k = end + 1, k + 1
    # operation
    end = marks[k]
    if data[end] != _SPACE or not is_operation(data, i, end):
        return STRICT, k
    _keep(spans, line, OPERATION, i, end)
    i, k = end + 1, k + 1
    # key
    end = marks[k]
    if end == i or data[end] != _SPACE:
        return STRICT, k
    _keep(spans, line, KEY, i, end)
    i, k = end + 1, k + 1
    # request URI: ends at the first quote that a status block follows
    if data[i] == _QUOTE:
        i += 1
        while True:
            k, all_bits = _past_text(data, marks, k + 1, all_bits)
            end = marks[k]
            if data[end] != _QUOTE:
                return STRICT, k
            if data[end + 1] == _SPACE and (
                (data[end + 2] == _DASH and data[end + 3] == _SPACE)
                or (three_digits(data, end + 2) >= 0 and data[end + 5] == _SPACE)
            ):
                break
        _keep(spans, line, URI, i, end)
        i, k = end + 2, k + 2
    elif data[i] == _DASH and data[i + 1] == _SPACE:
        _keep(spans, line, URI, i, i + 1)
        i, k = i + 2, k + 1
    else:
        return STRICT, k
    # status
    end = marks[k]
    if data[end] != _SPACE:
        return STRICT, k
    if end - i == 3 and three_digits(data, i) >= 0:
        numbers[number + STATUS] = three_digits(data, i)
    elif end - i == 1 and data[i] == _DASH:
        numbers[number + STATUS] = NULL
    else:
        return STRICT, k
    i, k = end + 1, k + 1
    # error code
    k = _past_chars(data, marks, k)
    end = marks[k]
    if data[end] != _SPACE:
        return STRICT, k
    if not (end - i == 1 and data[i] == _DASH) and not _A <= data[i] & 0xDF <= _Z:
        return STRICT, k
    _keep(spans, line, ERROR, i, end)
    i, k = end + 1, k + 1
    # bytes sent, object size, total time, turn-around time
    for field in range(BYTES_SENT, TURN_AROUND_TIME + 1):
        end = marks[k]
        value = decimal(data, i, end)
        if data[end] != _SPACE or value < NULL:
            return STRICT, k
        numbers[number + field] = value
        i, k = end + 1, k + 1
    # referer and user agent: both quoted, or the user agent bare, or both
    bare_agent = False
    if data[i] == _QUOTE:
        i += 1
        if data[i] == _SPACE:
            return STRICT, k
        k, all_bits = _past_text(data, marks, k + 1, all_bits)
        end = marks[k]
        if data[end] != _QUOTE or data[end + 1] != _SPACE:
            return STRICT, k
        _keep(spans, line, REFERER, i, end)
        i, k = end + 2, k + 2
        if data[i] == _QUOTE:
            i += 1
            if data[i] == _SPACE:
                return STRICT, k
            while True:  # quotes inside are followed by something, the last one by a space or the line's end
                k, all_bits = _past_text(data, marks, k + 1, all_bits)
                end = marks[k]
                if data[end] != _QUOTE:
                    return STRICT, k
                if data[end + 1] <= _SPACE:
                    break
            if after_protocol(data, end):
                return STRICT, k
            _keep(spans, line, AGENT, i, end)
            i, k = end + 1, k + 1
        else:
            bare_agent = True
            if after_protocol(data, end):
                return STRICT, k
    elif data[i] == _DASH and data[i + 1] == _SPACE:
        _keep(spans, line, REFERER, i, i + 1)
        bare_agent = True
        i, k = i + 2, k + 1
    else:
        return STRICT, k
    if bare_agent:
        if data[i] != _DASH:
            return STRICT, k
        _keep(spans, line, AGENT, i, i + 1)
        i += 1
    # version id and the fields after it, and any that the format has got since
    if marks[k] != i:
        return STRICT, k
    field = TAIL
    while data[i] == _SPACE:
        k = _past_chars(data, marks, k + 1)
        end = marks[k]
        if end == i + 1:
            return STRICT, k
        if field < EXTRA:
            _keep(spans, line, field, i + 1, end)
            field += 1
        elif field == EXTRA:
            _keep(spans, line, EXTRA, i, end)  # with its space, so that a dash is not taken for nothing
            field += 1
        else:
            spans[line + 2 * EXTRA + 1] = end
        i = end
    if data[i] != _LF and (data[i] != _CR or data[i + 1] != _LF):
        return STRICT, k
    for missing in range(field, SPANS):
        _keep(spans, line, missing, 0, 0)
    # a version id that looks like a status; fields that stand one late (see the strict path)
    if field > TAIL:
        first, end = spans[line + 2 * TAIL], spans[line + 2 * TAIL + 1]
        if end - first == 3 and three_digits(data, first) >= 0:
            return STRICT, k
        if field > TAIL + 2 and end - first == 1 and data[first] == _DASH:
            third, fourth = line + 2 * (TAIL + 2), line + 2 * (TAIL + 3)
            in_place = is_signature(data, spans[third], spans[third + 1])
            if field == TAIL + 3:
                if not in_place:
                    return STRICT, k
            elif is_signature(data, spans[fourth], spans[fourth + 1]):
                if not in_place or data[spans[fourth]] != _DASH:
                    return STRICT, k
    return WIDE if all_bits > _ASCII else FAST, k


def scan(data, begin, end, room, marks, verdicts, starts, spans, numbers, date):  # type: ignore[no-untyped-def]
    """Read whole lines of data[begin:end], at most `room`; return how many there were.

    Of line n `verdicts[n]` says what became of it, `starts[n]` where it begins (starts[n + 1]: the next one),
    `spans[n]` (SPANS x 2) where its fields are, `numbers[n]` its NUMBERS. `marks` has room for end - begin of
    them and `layout.ROOM` more.
    """
    found = _mark(data, begin, end, marks)
    while found > 0 and data[marks[found - 1]] != _LF:
        found -= 1
    n, k, i = 0, 0, begin
    while k < found and n < room:
        starts[n] = i
        if data[i] == _LF or (data[i] == _CR and data[i + 1] == _LF):
            verdicts[n] = BLANK
        else:
            verdicts[n], k = _line(data, i, marks, k, n, spans, numbers, date)
        while data[marks[k]] != _LF:
            k += 1
        i, k, n = marks[k] + 1, k + 1, n + 1
    starts[n] = i
    return n
