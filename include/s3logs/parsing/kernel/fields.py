"""What a field of a line may be: functions of the bytes at a position, whatever is around them.

What is not exactly as it usually is, is left to the strict path (see `kernel.scan`).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from include.s3logs.parsing.kernel.layout import NULL
from include.s3logs.parsing.kernel.machine import word_at

_SEGMENT, _HEX = 1, 2
_DASH, _DOT, _SLASH, _COLON, _UNDERSCORE = map(ord, "-./:_")
_ZERO, _NINE, _A, _Z = map(ord, "09AZ")


def _classes() -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for byte in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-":
        table[byte] |= _SEGMENT
    for byte in b"0123456789abcdefABCDEF":
        table[byte] |= _HEX
    return table


def word(eight: bytes) -> Any:
    """Return eight letters as `machine.word_at` reads them."""
    return np.uint64(int.from_bytes(eight, "little"))


_CLASS = _classes()
_SIG = np.frombuffer(b"Sig", np.uint8).copy()
_HTTP = np.frombuffer(b" HTTP/", np.uint8).copy()
# The one requester that holds spaces; the identity's name follows.
_IDENTITY = np.frombuffer(b"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity ", np.uint8).copy()
IDENTITY_LENGTH = len(_IDENTITY)
IDENTITY_FIRST_WORD, IDENTITY_SPACES = bytes(_IDENTITY).index(b" "), bytes(_IDENTITY).count(b" ")
_DAYS_BEFORE = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_IN = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_MONTHS = np.frombuffer(b"   JanFebMarAprMayJunJulAugSepOctNovDec", np.uint8).copy()
_ZEROS, _LOW_HALVES, _HIGH_BITS = word(b"00000000"), word(b"\x0f" * 8), word(b"\x80" * 8)
_ABOVE_NINE, _ONES = word(b"\x76" * 8), word(b"\x01" * 8)


@njit(forceinline=True)
def two_digits(data, at):  # type: ignore[no-untyped-def]
    """The number of two digits at `at`, or -100 and less."""
    tens, ones = np.int64(data[at]) - _ZERO, np.int64(data[at + 1]) - _ZERO
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else np.int64(-100)


@njit(forceinline=True)
def three_digits(data, at):  # type: ignore[no-untyped-def]
    """The number of three digits at `at`, or a negative one."""
    ones = np.int64(data[at + 2]) - _ZERO
    return two_digits(data, at) * 10 + ones if 0 <= ones <= 9 else np.int64(-100)


@njit(forceinline=True)
def days_since_1970(data, at):  # type: ignore[no-untyped-def]
    """Days since 1970 of `06/Feb/2019:` at `at`, or NULL if there is no such day."""
    day, century, rest = two_digits(data, at), two_digits(data, at + 7), two_digits(data, at + 9)
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
def seconds_of_day(data, at):  # type: ignore[no-untyped-def]
    """Seconds since midnight of `00:00:38` at `at`, or a negative number if there is no such time."""
    hour, minute, second = two_digits(data, at), two_digits(data, at + 3), two_digits(data, at + 6)
    if data[at + 2] != _COLON or data[at + 5] != _COLON:
        return np.int64(NULL)
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return np.int64(NULL)
    return hour * 3600 + minute * 60 + second


@njit(forceinline=True)
def is_ipv4(data, start, end):  # type: ignore[no-untyped-def]
    """Whether data[start:end] is an IPv4 address, without leading zeros."""
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
def is_ipv6(data, start, end):  # type: ignore[no-untyped-def]
    """Whether data[start:end] is an IPv6 address, of which the end may be written as IPv4 (RFC 4291, 2.2)."""
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
            return is_ipv4(data, group, end) and (groups < 8 if gap else groups == 8)
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
def decimal(data, start, end):  # type: ignore[no-untyped-def]
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
def equal_bytes(data, at, eight):  # type: ignore[no-untyped-def]
    """Not zero if one of the eight bytes from `at` on is the same as that of the word `eight`."""
    differ = word_at(data, at) ^ eight
    return (differ - _ONES) & ~differ & _HIGH_BITS


@njit(forceinline=True)
def hex_digit(byte):  # type: ignore[no-untyped-def]
    """The value of a hexadecimal digit, or NULL."""
    if not _CLASS[byte] & _HEX:
        return np.int64(NULL)
    return np.int64(byte & 15) + 9 * (byte >> 6)  # a letter has the 64 set, and its 1 to 6 below


@njit(forceinline=True)
def after_protocol(data, quote):  # type: ignore[no-untyped-def]
    """Whether ` HTTP/1.1` or ` HTTP/1` stands before the quote (or hardly anything else)."""
    for length in (9, 7):
        same = quote >= length
        for k in range(len(_HTTP)):
            same = same and data[quote - length + k] == _HTTP[k]
        if same:
            return True
    return False


@njit(forceinline=True)
def is_identity(data, start):  # type: ignore[no-untyped-def]
    """Whether the name of an origin access identity begins here."""
    for k in range(len(_IDENTITY)):
        if data[start + k] != _IDENTITY[k]:
            return False
    return True


@njit(forceinline=True)
def is_signature(data, start, end):  # type: ignore[no-untyped-def]
    """Whether the field is `-` or begins with `Sig`."""
    if end - start == 1:
        return data[start] == _DASH
    for k in range(len(_SIG)):
        if data[start + k] != _SIG[k]:
            return False
    return True


@njit(forceinline=True)
def is_operation(data, start, end):  # type: ignore[no-untyped-def]
    """Whether data[start:end] is WORD(.Word)+."""
    i = start
    if not _A <= data[i] <= _Z:
        return False
    while _A <= data[i] <= _Z or _ZERO <= data[i] <= _NINE or data[i] == _UNDERSCORE:
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
