"""Find the fields of each line in one pass over the bytes.

First the places of all special bytes are marked: quotes, brackets, and whatever is no graphic character of
ASCII, space and line feed included. Then each line is read by stepping from mark to mark: fields end there.

A line is read here only where the format leaves no choice; every other line is left to the strict path
(`include.s3logs.strict`), whose judgement this must share: `tests/include/test_parse.py` holds it to that.
The order of the code is the order of the fields (S3 user guide, LogFormat). What is left to the strict path:

- bytes outside of quotes that are not printable ASCII; a time that is not UTC; two spaces for one;
- a quote inside the referer, or in the user agent a quote before a space; text that looks like a second
  status block or a second record;
- numbers of more than 16 digits; a line that ends with a space, or is longer than what is scanned at once.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from include.s3logs.kernel.layout import (
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
from include.s3logs.kernel.machine import bits_set, lowest_bit, special_bytes, word_at

_SEGMENT, _HEX = 1, 2
_SPACE, _QUOTE, _DASH, _DOT, _SLASH, _COLON, _OPEN, _CLOSE, _CR, _LF = map(ord, ' "-./:[]\r\n')
_ZERO, _NINE, _A, _Z, _ASCII = 48, 57, 65, 90, 127


def _classes() -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for byte in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-":
        table[byte] |= _SEGMENT
    for byte in b"0123456789abcdefABCDEF":
        table[byte] |= _HEX
    return table


def _word(eight: bytes) -> Any:
    return np.uint64(int.from_bytes(eight, "little"))


_CLASS = _classes()
_SIG = np.frombuffer(b"Sig", np.uint8).copy()
_HTTP = np.frombuffer(b" HTTP/", np.uint8).copy()
# The one requester that holds spaces; the identity's name follows.
_IDENTITY = np.frombuffer(b"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity ", np.uint8).copy()
_FIRST_WORD, _WORDS = bytes(_IDENTITY).index(b" "), bytes(_IDENTITY).count(b" ")
_DAYS_BEFORE = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_IN = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_MONTHS = np.frombuffer(b"   JanFebMarAprMayJunJulAugSepOctNovDec", np.uint8).copy()
_UTC = _word(b" +0000] ")
_ZEROS, _LOW_HALVES, _HIGH_BITS = _word(b"00000000"), _word(b"\x0f" * 8), _word(b"\x80" * 8)
_ABOVE_NINE = _word(b"\x76" * 8)


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
def _two(data, at):  # type: ignore[no-untyped-def]
    """The number of two digits at `at`, or -100 and less."""
    tens, ones = np.int64(data[at]) - _ZERO, np.int64(data[at + 1]) - _ZERO
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else np.int64(-100)


@njit(forceinline=True)
def _three(data, at):  # type: ignore[no-untyped-def]
    """The number of three digits at `at`, or a negative one."""
    ones = np.int64(data[at + 2]) - _ZERO
    return _two(data, at) * 10 + ones if 0 <= ones <= 9 else np.int64(-100)


@njit(forceinline=True)
def _days(data, at):  # type: ignore[no-untyped-def]
    """Days since 1970 of `06/Feb/2019:` at `at`, or NULL if there is no such day."""
    day, century, rest = _two(data, at), _two(data, at + 7), _two(data, at + 9)
    if century < 0 or rest < 0 or data[at + 2] != _SLASH or data[at + 6] != _SLASH or data[at + 11] != _COLON:
        return np.int64(NULL)
    year = century * 100 + rest
    month = 12
    while month > 0 and not (
        data[at + 3] == _MONTHS[3 * month]
        and data[at + 4] == _MONTHS[3 * month + 1]
        and data[at + 5] == _MONTHS[3 * month + 2]
    ):
        month -= 1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if month == 0 or day < 1 or day > _DAYS_IN[month] + (leap and month == 2) or year < 1970:
        return np.int64(NULL)
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719162
    return days + _DAYS_BEFORE[month] + (leap and month > 2) + day - 1


@njit(forceinline=True)
def _seconds(data, at):  # type: ignore[no-untyped-def]
    """Seconds since midnight of `00:00:38` at `at`, or a negative number if there is no such time."""
    hour, minute, second = _two(data, at), _two(data, at + 3), _two(data, at + 6)
    if data[at + 2] != _COLON or data[at + 5] != _COLON:
        return np.int64(NULL)
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return np.int64(NULL)
    return hour * 3600 + minute * 60 + second


@njit(forceinline=True)
def _is_ipv4(data, start, end):  # type: ignore[no-untyped-def]
    part, digits, dots = 0, 0, 0
    for i in range(start, end):
        byte = data[i]
        if _ZERO <= byte <= _NINE and not (digits > 0 and part == 0):  # no leading zeros
            part = part * 10 + (byte - _ZERO)
            digits += 1
            if part > 255:
                return False
        elif byte == _DOT and digits > 0:
            dots += 1
            part, digits = 0, 0
        else:
            return False
    return dots == 3 and digits > 0


@njit
def _is_ipv6(data, start, end):  # type: ignore[no-untyped-def]
    groups, i, gap = 0, start, False
    if end - start >= 2 and data[start] == _COLON and data[start + 1] == _COLON:
        i, gap = start + 2, True
    while i < end:
        group = i
        while i < end and i - group < 4 and _CLASS[data[i]] & _HEX:
            i += 1
        if i == group:
            return False
        if i < end and data[i] == _DOT:  # the last two groups may be an IPv4 address
            groups += 2
            return _is_ipv4(data, group, end) and (groups < 8 if gap else groups == 8)
        groups += 1
        if i < end:
            if data[i] != _COLON or i + 1 == end:
                return False
            i += 1
            if data[i] == _COLON:
                if gap:
                    return False
                i, gap = i + 1, True
    return groups < 8 if gap else groups == 8


@njit(forceinline=True)
def _eight_digits(data, end, count):  # type: ignore[no-untyped-def]
    """The number of `count` digits (1 to 8) before `end`, or NULL if one is no digit."""
    keep = np.uint64(64 - 8 * count)
    digits = ((word_at(data, end - 8) ^ _ZEROS) >> keep) << keep  # leading zeros for what stands before
    if (digits | (digits + _ABOVE_NINE)) & _HIGH_BITS:
        return np.int64(NULL)
    pairs = ((digits & _LOW_HALVES) * np.uint64(10 * 256 + 1)) >> np.uint64(8)
    fours = ((pairs & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(100 * 65536 + 1)) >> np.uint64(16)
    return np.int64(
        ((fours & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(10000 * 4294967296 + 1)) >> np.uint64(32)
    )


@njit(forceinline=True)
def _number(data, start, end):  # type: ignore[no-untyped-def]
    """The number data[start:end], NULL for `-`, or less if it is no number of at most 16 digits."""
    count = end - start
    if count == 1 and data[start] == _DASH:
        return np.int64(NULL)
    if count <= 0 or count > 16:
        return np.int64(-2)
    low = _eight_digits(data, end, min(count, 8))
    if low < 0:
        return np.int64(-2)
    if count > 8:
        high = _eight_digits(data, end - 8, count - 8)
        return high * 100_000_000 + low if high >= 0 else np.int64(-2)
    return low


@njit(forceinline=True)
def _after_protocol(data, quote):  # type: ignore[no-untyped-def]
    """Whether ` HTTP/1.1` or ` HTTP/1` stands before the quote (or hardly anything else)."""
    for length in (9, 7):
        same = quote >= length
        for k in range(len(_HTTP)):
            same = same and data[quote - length + k] == _HTTP[k]
        if same:
            return True
    return False


@njit(forceinline=True)
def _is_identity(data, start):  # type: ignore[no-untyped-def]
    """Whether the name of an origin access identity begins here."""
    for k in range(len(_IDENTITY)):
        if data[start + k] != _IDENTITY[k]:
            return False
    return True


@njit(forceinline=True)
def _is_signature(data, start, end):  # type: ignore[no-untyped-def]
    """Whether the field is `-` or begins with `Sig`."""
    if end - start == 1:
        return data[start] == _DASH
    for k in range(len(_SIG)):
        if data[start + k] != _SIG[k]:
            return False
    return True


@njit(forceinline=True)
def _is_operation(data, start, end):  # type: ignore[no-untyped-def]
    """Whether data[start:end] is WORD(.Word)+."""
    i = start
    if not _A <= data[i] <= _Z:
        return False
    while _A <= data[i] <= _Z or _ZERO <= data[i] <= _NINE or data[i] == 95:
        i += 1
    if data[i] != _DOT:
        return False
    while data[i] == _DOT:
        i += 1
        segment = i
        while _CLASS[data[i]] & _SEGMENT:
            i += 1
        if i == segment:
            return False
    return i == end


@njit(forceinline=True)
def _past_text(data, marks, k, all_bits):  # type: ignore[no-untyped-def]
    """The first mark from k on that is a quote, a line feed, or may begin a time; all bits set before it."""
    byte = data[marks[k]]
    while byte not in (_QUOTE, _LF) and (byte != _OPEN or _two(data, marks[k] + 1) < 0):
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
        days = _days(data, i + 1)
        if days < 0:
            return STRICT, k
        date[0], date[1], date[2] = word_at(data, i + 1), word_at(data, i + 5), np.uint64(days)
    seconds = _seconds(data, i + 13)
    if seconds < 0:
        return STRICT, k
    numbers[number + TIME] = np.int64(date[2]) * 86400 + seconds
    i, k = i + 29, k + 4
    # remote address
    end = marks[k]
    if end == i or data[end] != _SPACE:
        return STRICT, k
    is_dash = end - i == 1 and data[i] == _DASH
    if not (is_dash or _is_ipv4(data, i, end) or _is_ipv6(data, i, end)):
        return STRICT, k
    _keep(spans, line, IP, i, end)
    i, k = end + 1, k + 1
    # requester: the ARN of an origin access identity holds four spaces
    end = marks[k]
    if end == i or data[end] != _SPACE:
        return STRICT, k
    if end - i == _FIRST_WORD and _is_identity(data, i):
        k += _WORDS
        end = marks[k]
        if end == i + len(_IDENTITY) or data[end] != _SPACE:
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
    if data[end] != _SPACE or not _is_operation(data, i, end):
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
                or (_three(data, end + 2) >= 0 and data[end + 5] == _SPACE)
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
    if end - i == 3 and _three(data, i) >= 0:
        numbers[number + STATUS] = _three(data, i)
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
        value = _number(data, i, end)
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
            if _after_protocol(data, end):
                return STRICT, k
            _keep(spans, line, AGENT, i, end)
            i, k = end + 1, k + 1
        else:
            bare_agent = True
            if _after_protocol(data, end):
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
        if end - first == 3 and _three(data, first) >= 0:
            return STRICT, k
        if field > TAIL + 3 and end - first == 1 and data[first] == _DASH:
            third, fourth = line + 2 * (TAIL + 2), line + 2 * (TAIL + 3)
            if not _is_signature(data, spans[third], spans[third + 1]):
                if _is_signature(data, spans[fourth], spans[fourth + 1]):
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
