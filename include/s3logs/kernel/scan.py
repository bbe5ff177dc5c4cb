"""Find the fields of each line in one pass over the bytes.

A line is read here only where the format leaves no choice; every other line is left to the strict path
(`include.s3logs.strict`), whose judgement this must share: `tests/include/test_parse.py` holds it to that.
The order of the code is the order of the fields (S3 user guide, LogFormat). What is left to the strict path:

- bytes that are not printable ASCII; a time that is not UTC; two spaces where there is usually one;
- a quote inside referer or user agent; text that looks like a second status block or a second record;
- numbers of more than 18 digits; a line that ends with a space.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

U = np.uintp  # an index that numba need not test for being negative

# Columns of `spans`, the text fields in the order of the format.
(OWNER, BUCKET, IP, REQUESTER, REQUEST_ID, OPERATION, KEY, URI, ERROR, REFERER, AGENT) = range(11)
TAIL = 11  # version_id and the nine fields after it
TAIL_FIELDS = 10
EXTRA = TAIL + TAIL_FIELDS  # all that follows, as one span
SPANS = EXTRA + 1
# Columns of `numbers`.
TIME, STATUS, BYTES_SENT, OBJECT_SIZE, TOTAL_TIME, TURN_AROUND_TIME = range(6)
NUMBERS = 6
NULL = -1
# What became of a line.
STRICT, FAST, FAST_IPV6, BLANK = 0, 1, 2, 3

_SEGMENT, _HEX = 1, 2
_SPACE, _QUOTE, _DASH, _DOT, _SLASH, _COLON, _OPEN, _CR, _LF = 32, 34, 45, 46, 47, 58, 91, 13, 10
_ZERO, _NINE, _A, _Z = 48, 57, 65, 90


def _classes() -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for byte in map(ord, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"):
        table[byte] |= _SEGMENT
    for byte in map(ord, "0123456789abcdefABCDEF:."):
        table[byte] |= _HEX
    return table


_CLASS = _classes()
_SIG = np.frombuffer(b"Sig", np.uint8).copy()
_HTTP = np.frombuffer(b" HTTP/", np.uint8).copy()
# The one requester that holds spaces; the identity's name follows.
_IDENTITY = np.frombuffer(b"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity ", np.uint8).copy()
_FIRST_WORD = bytes(_IDENTITY).index(b" ")
_DAYS_BEFORE = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_IN = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_MONTHS = np.frombuffer(b"   JanFebMarAprMayJunJulAugSepOctNovDec", np.uint8).copy()


_WIDTH = 32  # bytes looked at at once


def _first_of(below: int, *stops: int) -> Any:
    """Compile: how many of the 32 bytes at a position come before one that is < below, > 0x7e or in stops."""

    @intrinsic
    def count(typing: Any, data: Any, at: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            vector = ir.VectorType(ir.IntType(8), _WIDTH)
            at_byte = builder.gep(array.data, [arguments[1]])
            bytes_ = builder.load(builder.bitcast(at_byte, vector.as_pointer()), align=1)

            def splat(value: int) -> Any:
                return ir.Constant(vector, [value] * _WIDTH)

            stop = builder.icmp_unsigned(">=", builder.sub(bytes_, splat(below)), splat(0x7F - below))
            for byte in stops:
                stop = builder.or_(stop, builder.icmp_unsigned("==", bytes_, splat(byte)))
            mask = builder.bitcast(stop, ir.IntType(_WIDTH))
            zeros = builder.cttz(mask, ir.Constant(ir.IntType(1), 0))
            return builder.zext(zeros, ir.IntType(64))

        return types.int64(data, at), build

    return count


_head_bytes = _first_of(0x21, 0x22, 0x5B, 0x5D)
_char_bytes = _first_of(0x21, 0x22, 0x5B)
_text_bytes = _first_of(0x20, 0x22, 0x5B)


@njit(inline="always")
def _head(data, i):  # type: ignore[no-untyped-def]
    """The end of the bytes from i on that may stand in a field before the request URI."""
    count = _head_bytes(data, i)
    while count == _WIDTH:
        i += _WIDTH
        count = _head_bytes(data, i)
    return i + count


@njit(inline="always")
def _chars(data, i):  # type: ignore[no-untyped-def]
    """The end of the bytes from i on that may stand in a field after the request URI; stops at a bracket."""
    count = _char_bytes(data, i)
    while count == _WIDTH:
        i += _WIDTH
        count = _char_bytes(data, i)
    return i + count


@njit(inline="always")
def _text(data, i):  # type: ignore[no-untyped-def]
    """The first quote, bracket or byte that is not printable ASCII from i on."""
    count = _text_bytes(data, i)
    while count == _WIDTH:
        i += _WIDTH
        count = _text_bytes(data, i)
    return i + count


@njit(inline="always")
def _two(data, at):  # type: ignore[no-untyped-def]
    """The number of two digits at `at`, or -100 and less."""
    tens, ones = np.int64(data[U(at)]) - _ZERO, np.int64(data[U(at + 1)]) - _ZERO
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else np.int64(-100)


@njit(inline="always")
def _three(data, at):  # type: ignore[no-untyped-def]
    """The number of three digits at `at`, or a negative one."""
    ones = np.int64(data[U(at + 2)]) - _ZERO
    return _two(data, at) * 10 + ones if 0 <= ones <= 9 else np.int64(-100)


@njit(cache=True)
def _epoch(data, at):  # type: ignore[no-untyped-def]
    """Seconds since 1970 of `06/Feb/2019:00:00:38 +0000` at `at`, or NULL if it is no such time in UTC."""
    day, century, rest = _two(data, at), _two(data, at + 7), _two(data, at + 9)
    if century < 0 or rest < 0:
        return np.int64(NULL)
    year = century * 100 + rest
    hour, minute, second = _two(data, at + 12), _two(data, at + 15), _two(data, at + 18)
    month = 0
    for m in range(1, 13):
        if (
            data[U(at + 3)] == _MONTHS[3 * m]
            and data[U(at + 4)] == _MONTHS[3 * m + 1]
            and data[U(at + 5)] == _MONTHS[3 * m + 2]
        ):
            month = m
            break
    punctuation = (
        data[U(at + 2)] == _SLASH
        and data[U(at + 6)] == _SLASH
        and data[U(at + 11)] == _COLON
        and data[U(at + 14)] == _COLON
        and data[U(at + 17)] == _COLON
        and data[U(at + 20)] == _SPACE
        and data[U(at + 21)] == 43
        and data[U(at + 22)] == _ZERO
        and data[U(at + 23)] == _ZERO
        and data[U(at + 24)] == _ZERO
        and data[U(at + 25)] == _ZERO
    )
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = _DAYS_IN[month] + (1 if leap and month == 2 else 0)
    if not punctuation or month == 0 or day < 1 or day > last or year < 1970:
        return np.int64(NULL)
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return np.int64(NULL)
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719162
    days += _DAYS_BEFORE[month] + (1 if leap and month > 2 else 0) + day - 1
    return days * 86400 + hour * 3600 + minute * 60 + second


@njit(cache=True)
def _address(data, start, end):  # type: ignore[no-untyped-def]
    """FAST for IPv4 and `-`, FAST_IPV6 for what may be IPv6, else STRICT."""
    if end - start == 1 and data[U(start)] == _DASH:
        return FAST
    part, digits, dots = 0, 0, 0
    for i in range(start, end):
        byte = data[U(i)]
        if _ZERO <= byte <= _NINE:
            if digits > 0 and part == 0:
                return STRICT  # a leading zero
            part = part * 10 + (byte - _ZERO)
            digits += 1
            if digits > 3 or part > 255:
                break
        elif byte == _DOT and digits > 0:
            dots += 1
            part, digits = 0, 0
        else:
            break
    else:
        return FAST if dots == 3 and digits > 0 else STRICT
    for i in range(start, end):
        if not _CLASS[data[U(i)]] & _HEX:
            return STRICT
    return FAST_IPV6 if end - start <= 45 else STRICT


@njit(inline="always")
def _number(data, at):  # type: ignore[no-untyped-def]
    """(value or NULL for `-`, position after it); position 0 if it is no number of at most 18 digits."""
    if data[U(at)] == _DASH:
        return np.int64(NULL), at + 1
    value, i = np.int64(0), at
    while _ZERO <= data[U(i)] <= _NINE:
        value = value * 10 + (data[U(i)] - _ZERO)
        i += 1
    return (value, i) if 0 < i - at <= 18 else (np.int64(NULL), np.int64(0))


@njit(inline="always")
def _after_protocol(data, quote):  # type: ignore[no-untyped-def]
    """Whether ` HTTP/1.1` or ` HTTP/1` stands before the quote (or hardly anything else)."""
    for length in (9, 7):
        same = quote >= length
        for k in range(len(_HTTP)):
            same = same and data[U(quote - length + k)] == _HTTP[k]
        if same:
            return True
    return False


@njit(inline="always")
def _is_identity(data, start):  # type: ignore[no-untyped-def]
    """Whether the name of an origin access identity begins here."""
    for k in range(len(_IDENTITY)):
        if data[U(start + k)] != _IDENTITY[k]:
            return False
    return True


@njit(cache=True)
def _line(data, i, spans, numbers):  # type: ignore[no-untyped-def]
    """Read the line data[i:end]; data[U(end)] is its line feed. Fills one row of spans and numbers."""
    # bucket owner, bucket
    for field in (OWNER, BUCKET):
        start = i
        i = _head(data, i)
        if i == start or data[U(i)] != _SPACE:
            return STRICT, i
        spans[field, 0], spans[field, 1] = start, i
        i += 1
    # [time]
    if data[U(i)] != _OPEN or data[U(i + 27)] != 93 or data[U(i + 28)] != _SPACE:
        return STRICT, i
    time = _epoch(data, i + 1)
    if time < 0:
        return STRICT, i
    numbers[TIME] = time
    i += 29
    # remote address
    start = i
    i = _head(data, i)
    if i == start or data[U(i)] != _SPACE:
        return STRICT, i
    judgement = _address(data, start, i)
    if judgement == STRICT:
        return STRICT, i
    spans[IP, 0], spans[IP, 1] = start, i
    i += 1
    # requester: the ARN of an origin access identity holds four spaces
    start = i
    i = _head(data, i)
    if i == start or data[U(i)] != _SPACE:
        return STRICT, i
    if i - start == _FIRST_WORD and _is_identity(data, start):
        start_of_name = start + len(_IDENTITY)
        i = _head(data, start_of_name)
        if i == start_of_name or data[U(i)] != _SPACE:
            return STRICT, i
    spans[REQUESTER, 0], spans[REQUESTER, 1] = start, i
    i += 1
    # request id
    start = i
    i = _head(data, i)
    if i == start or data[U(i)] != _SPACE:
        return STRICT, i
    spans[REQUEST_ID, 0], spans[REQUEST_ID, 1] = start, i
    i += 1
    # operation: WORD(.Word)+
    start = i
    if not _A <= data[U(i)] <= _Z:
        return STRICT, i
    while _A <= data[U(i)] <= _Z or _ZERO <= data[U(i)] <= _NINE or data[U(i)] == 95:
        i += 1
    if data[U(i)] != _DOT:
        return STRICT, i
    while data[U(i)] == _DOT:
        i += 1
        segment = i
        while _CLASS[data[U(i)]] & _SEGMENT:
            i += 1
        if i == segment:
            return STRICT, i
    if data[U(i)] != _SPACE:
        return STRICT, i
    spans[OPERATION, 0], spans[OPERATION, 1] = start, i
    i += 1
    # key
    start = i
    i = _head(data, i)
    if i == start or data[U(i)] != _SPACE:
        return STRICT, i
    spans[KEY, 0], spans[KEY, 1] = start, i
    i += 1
    # request URI: ends at the first quote that a status block follows
    quoted = data[U(i)] == _QUOTE
    if quoted:
        i += 1
        start = i
        while True:
            i = _text(data, i)
            byte = data[U(i)]
            if byte == _QUOTE:
                if data[U(i + 1)] == _SPACE and (
                    (data[U(i + 2)] == _DASH and data[U(i + 3)] == _SPACE)
                    or (_three(data, i + 2) >= 0 and data[U(i + 5)] == _SPACE)
                ):
                    break
            elif byte != _OPEN or _two(data, i + 1) >= 0:
                return STRICT, i
            i += 1
    elif data[U(i)] == _DASH and data[U(i + 1)] == _SPACE:
        start = i
    else:
        return STRICT, i
    spans[URI, 0], spans[URI, 1] = start, i if quoted else i + 1
    i += 2
    # status
    if data[U(i)] == _DASH:
        numbers[STATUS] = NULL
        i += 1
    else:
        if _three(data, i) < 0:
            return STRICT, i
        numbers[STATUS] = _three(data, i)
        i += 3
    if data[U(i)] != _SPACE:
        return STRICT, i
    i += 1
    # error code
    start = i
    if data[U(i)] == _DASH:
        i += 1
    else:
        letter = data[U(i)] & 0xDF
        if not _A <= letter <= _Z:
            return STRICT, i
        i = _chars(data, i)
    if data[U(i)] != _SPACE:
        return STRICT, i
    spans[ERROR, 0], spans[ERROR, 1] = start, i
    i += 1
    # bytes sent, object size, total time, turn-around time
    for field in range(BYTES_SENT, TURN_AROUND_TIME + 1):
        value, after = _number(data, i)
        if after == 0 or data[U(after)] != _SPACE:
            return STRICT, i
        numbers[field] = value
        i = after + 1
    # referer and user agent: both quoted, or the user agent bare, or both; no quotes inside
    bare_agent = False
    if data[U(i)] == _QUOTE:
        i += 1
        start = i
        if data[U(i)] == _SPACE:
            return STRICT, i
        i = _text(data, i)
        while data[U(i)] != _QUOTE:
            if data[U(i)] != _OPEN or _two(data, i + 1) >= 0:
                return STRICT, i
            i = _text(data, i + 1)
        spans[REFERER, 0], spans[REFERER, 1] = start, i
        if data[U(i + 1)] != _SPACE:
            return STRICT, i
        if data[U(i + 2)] == _QUOTE:
            i += 3
            start = i
            if data[U(i)] == _SPACE:
                return STRICT, i
            i = _text(data, i)
            while data[U(i)] != _QUOTE:
                if data[U(i)] != _OPEN or _two(data, i + 1) >= 0:
                    return STRICT, i
                i = _text(data, i + 1)
            spans[AGENT, 0], spans[AGENT, 1] = start, i
            if _after_protocol(data, i):
                return STRICT, i
            i += 1
        else:
            bare_agent = True
            if _after_protocol(data, i):
                return STRICT, i
            i += 2
    elif data[U(i)] == _DASH and data[U(i + 1)] == _SPACE:
        spans[REFERER, 0], spans[REFERER, 1] = i, i + 1
        bare_agent = True
        i += 2
    else:
        return STRICT, i
    if bare_agent:
        if data[U(i)] != _DASH:
            return STRICT, i
        spans[AGENT, 0], spans[AGENT, 1] = i, i + 1
        i += 1
    # version id and the fields after it, and any that the format has got since
    field = TAIL
    while data[U(i)] == _SPACE:
        i += 1
        start = i
        i = _chars(data, i)
        if i == start:
            return STRICT, i
        if field < EXTRA:
            spans[field, 0], spans[field, 1] = start, i
            field += 1
        elif field == EXTRA:
            spans[EXTRA, 0], spans[EXTRA, 1] = start, i
            field += 1
        else:
            spans[EXTRA, 1] = i
    if data[U(i)] != _LF and (data[U(i)] != _CR or data[U(i + 1)] != _LF):
        return STRICT, i
    for missing in range(field, SPANS):
        spans[missing, 0], spans[missing, 1] = 0, 0
    # a version id that looks like a status; fields that stand one late (see the strict path)
    if field > TAIL:
        first = spans[TAIL, 0]
        if spans[TAIL, 1] - first == 3 and _three(data, first) >= 0:
            return STRICT, i
        if field > TAIL + 3 and spans[TAIL, 1] - first == 1 and data[U(first)] == _DASH:
            if not _is_signature(data, spans[TAIL + 2, 0], spans[TAIL + 2, 1]):
                if _is_signature(data, spans[TAIL + 3, 0], spans[TAIL + 3, 1]):
                    return STRICT, i
    return judgement, i


@njit(inline="always")
def _is_signature(data, start, end):  # type: ignore[no-untyped-def]
    """Whether the field is `-` or begins with `Sig`."""
    if end - start == 1:
        return data[U(start)] == _DASH
    for k in range(len(_SIG)):
        if data[U(start + k)] != _SIG[k]:
            return False
    return True


@njit(cache=True)
def scan(data, begin, end, verdicts, starts, spans, numbers):  # type: ignore[no-untyped-def]
    """Read the lines of data[begin:end], which ends with a line feed; return how many there were.

    `data` goes on for at least 64 bytes after `end`. Of line n: `verdicts[n]` says what became of it,
    `starts[n]` where it begins, `spans[n]` (SPANS x 2) where its fields are, `numbers[n]` its numbers.
    """
    n = 0
    i = begin
    while i < end and n < len(verdicts):
        starts[n] = i
        if data[U(i)] == _LF or (data[U(i)] == _CR and data[U(i + 1)] == _LF):
            verdicts[n] = BLANK
        else:
            verdicts[n], i = _line(data, i, spans[n], numbers[n])
        while data[U(i)] != _LF:
            i += 1
        i += 1
        n += 1
    return n, i
