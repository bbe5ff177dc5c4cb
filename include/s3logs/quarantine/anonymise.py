r"""Anonymise lines that nobody can read: invented values, the difficulty as it was.

A line without a valid reading has no fields that could be replaced one by one. So every run of letters and
digits is replaced, wherever it stands, except a few words of the format that tell nothing about anybody
(`format_words.py`). Quotes, spaces, brackets, slashes and the like stay, for on them the difficulty hangs.

What an invented value keeps of the original, so that the line is refused for the same reason:

- length in bytes; capitals, small letters, digits, percent-escapes and invalid bytes at the same places,
  except in long ids, where that pattern would give them away: there only the kinds of characters stay;
- hex digits only, or no letter before g: an address stays an address, and nothing else becomes one;
- a leading zero; which side of 255 (a part of an address) and of 2^63 (a number) it is on;
- an impossible time is impossible for the same cause: a 31st of February stays one, in another year.

The same original always gives the same invented value, another one another value as far as its length allows.
"""

import re
import secrets
import unicodedata
from calendar import isleap
from collections.abc import Callable, Iterable, Sequence
from hashlib import shake_256
from string import ascii_lowercase, ascii_uppercase, digits

from include.s3logs.quarantine.format_words import FORMAT_WORDS

_TRIES = 50
_TIME = (
    r"(?<![0-9A-Za-z])([0-9]{2})/([A-Za-z]{3})/([0-9]{4}):([0-9]{2}):([0-9]{2}):([0-9]{2}) "
    r"([+-])([0-9]{2})([0-9]{2})(?![0-9A-Za-z])"
)
_IPV4 = r"(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z.])"
_IPV6 = r"(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]*(?![0-9A-Za-z:])"
_ESCAPED = r"%(?:25)*(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|[89A-Fa-f][0-9A-Fa-f])"  # a letter or digit
_WORD = rf"(?:[0-9A-Za-z\x80-\U0010ffff]|{_ESCAPED})+"
_PUNCTUATION = r"%(?:25)*[0-7][0-9A-Fa-f]"
_TOKEN = re.compile(
    rf"(?P<time>{_TIME})|(?P<kept>{FORMAT_WORDS})|(?P<value>{_IPV4}|{_IPV6}|{_WORD})|{_PUNCTUATION}"
)
_ATOM = re.compile(rf"(?P<escape>{_ESCAPED})|(?P<number>[0-9]+)|(?P<letter>[A-Za-z])|[^\x00-\x7f]")
_LONG = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]{4,}")
_LONG_ASCII = re.compile(r"[0-9A-Za-z]{4,}")
_OWN_ASCII = re.compile(r"[0-9A-Za-z]{3,}")  # such a part of a word is not left in its place
_ESCAPE = re.compile(r"%((?:25)*)([0-9A-Fa-f]{2})")
_NO_WORD = re.compile(rf"{_PUNCTUATION}|%(?:25)*")

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH, _YEARS = 1970, range(1971, 2100)
_EDGE_YEARS = {0, _EPOCH - 1, _EPOCH, 9999}  # such times stay: an offset may decide whether they are possible
_NO_OFFSET = "0000"  # what S3 writes
_EVERY_MONTH_DAYS, _MOST_DAYS = 28, 31
_PART_DIGITS, _PART_MAX = 3, 255
_INT64_DIGITS, _INT64_MAX = 19, 2**63 - 1
_ID_LENGTH = 16
_HEX, _NO_HEX = "abcdef", "ghijklmnopqrtuvwxyz"  # without s: nothing invented begins with `Sig`
# By what a byte is in UTF-8 (a continuation, the first of 2, 3 or 4): those that fit before any continuation.
_BYTES = {
    range(0x80, 0xC0): range(0x80, 0xC0),
    range(0xC2, 0xE0): range(0xC3, 0xE0),
    range(0xE0, 0xF0): range(0xE1, 0xED),
    range(0xF0, 0xF5): range(0xF1, 0xF4),
}
_NEVER_BYTES = range(0xF8, 0x100)
_LETTERS = (range(0x100, 0x250), range(0x4E00, 0xA000), range(0x20000, 0x2A6D0))  # of 2, 3 and 4 bytes
_SEPARATORS = {"Zs", "Zl", "Zp", "Cc"}
_Draw = Callable[[Sequence[int]], int]


class Anonymiser:
    """Invents values for one export, under a secret of its own that is written nowhere.

    `originals` are all lines of the export: no invented value then happens to be an original of another line.
    """

    def __init__(self, originals: Iterable[str | bytes] = ()) -> None:
        self._secret = secrets.token_bytes(32)
        self._invented: dict[str, str] = {}
        self._taken: set[str] = set()
        self._originals: set[str] = set()
        for raw in originals:
            self._note(_text(raw))

    def line(self, raw: str | bytes) -> bytes:
        """Return the line with invented values; text holds bytes that are no UTF-8 as surrogateescape."""
        text = _text(raw)
        self._note(text)
        invented = "".join(_TOKEN.sub(self._replace, part) for part in _torn(text))
        return invented.encode("utf-8", "surrogateescape")

    def _note(self, text: str) -> None:
        self._originals |= _long(text) | _long(_NO_WORD.sub(" ", text))
        self._originals.discard(_NO_OFFSET)  # stays in every time

    def _replace(self, token: re.Match[str]) -> str:
        original = token[0]
        if token["time"] is None and token["value"] is None:
            return original
        once = _ESCAPE.sub(r"%\2", original)  # a key is logged escaped twice and once
        if once not in self._invented:
            self._invented[once] = self._invent(once, token)
            self._taken.add(self._invented[once])
        again = iter(_ESCAPE.findall(original))
        return re.sub("%", lambda _: "%" + next(again)[0], self._invented[once])

    def _invent(self, original: str, token: re.Match[str]) -> str:
        invented = original
        seed = self._secret + original.encode("utf-8", "surrogateescape")
        for attempt in range(_TRIES):
            draw = _drawing(seed, attempt, len(original))
            if token["time"] is not None:
                invented = _other_time([group or "" for group in token.groups()[1:10]], draw)
            else:
                invented = _other_value(original, draw)
            fresh = invented != original and invented not in self._taken
            left = token["value"] is not None and not _own(original).isdisjoint(_own(invented))
            if fresh and not left and self._originals.isdisjoint(_long(invented)):
                break
        return invented


def _torn(text: str) -> list[str]:
    """Cut a line where a second record begins in the middle of a word: at the bucket owner, there again."""
    before, _, _ = text.partition("[")
    owner, space, others = before.partition(" ")
    at = others.rfind(owner + space) if owner and space else -1
    if at < 0:
        return [text]
    cut = len(owner + space) + at
    return [text[:cut], text[cut:]]


def _long(text: str) -> set[str]:
    """Return what is long enough to be known again: words, and ASCII between other bytes and escapes."""
    return {*_LONG.findall(text), *_LONG_ASCII.findall(text), *_LONG_ASCII.findall(_ESCAPE.sub(" ", text))}


def _own(word: str) -> set[str]:
    return set(_OWN_ASCII.findall(_ESCAPE.sub(" ", word)))


def _drawing(seed: bytes, attempt: int, length: int) -> _Draw:
    """Return a function that picks one of several numbers, always the same ones for the same seed."""
    stream = iter(shake_256(attempt.to_bytes(2) + seed).digest(4 * length + 64))
    return lambda choices: choices[int.from_bytes((next(stream), next(stream))) % len(choices)]


def _other_value(original: str, draw: _Draw) -> str:
    small = _HEX if re.search("[G-Zg-z]", original) is None else _NO_HEX
    kinds = {digits: digits, ascii_lowercase: small, ascii_uppercase: small.upper()}
    if len(original) >= _ID_LENGTH and not original.isdigit() and original.isascii() and original.isalnum():
        # In a long id even the pattern of letters and digits would tell which it is: only the kinds stay.
        used = "".join(new for kind, new in kinds.items() if not set(kind).isdisjoint(original))
        first = next(new for kind, new in kinds.items() if original[0] in kind)
        return "".join(chr(draw(alphabet.encode())) for alphabet in [first, *[used] * (len(original) - 1)])

    def other(atom: re.Match[str]) -> str:
        if atom["number"]:
            return _other_number(atom[0], draw)
        if atom["letter"]:
            kind = ascii_lowercase if atom[0].islower() else ascii_uppercase
            return chr(draw(kinds[kind].encode()))
        return _other_escape(atom[0], draw) if atom["escape"] else _other_character(atom[0], draw)

    return _ATOM.sub(other, original)


def _other_number(original: str, draw: _Draw) -> str:
    size, first = len(original), original[0]
    if size == _PART_DIGITS and first != "0":
        return str(draw(range(100, 256) if int(original) <= _PART_MAX else range(256, 1000)))
    new = [str(draw(range(10))) for _ in original]
    new[0] = "0" if first == "0" else str(draw(range(1, 10)))
    if size == _INT64_DIGITS and first != "0":
        above = int(original) > _INT64_MAX
        new[:2] = str(draw(range(93, 100) if above else range(10, 92)))
    return "".join(new)


def _other_escape(original: str, draw: _Draw) -> str:
    """Return another percent-escape: of a letter for a letter, of a digit for a digit, else of a byte."""
    byte = int(original[-2:], 16)
    if kinds := [kind for kind in (digits, ascii_uppercase, ascii_lowercase) if chr(byte) in kind]:
        new = draw(kinds[0].encode())
    else:
        new = draw(next((fit for kind, fit in _BYTES.items() if byte in kind), _NEVER_BYTES))
    return original[:-2] + (f"{new:02x}" if original[-2:] == original[-2:].lower() else f"{new:02X}")


def _other_character(original: str, draw: _Draw) -> str:
    """Return another character of as many bytes; separators, on which difficulties hang, stay."""
    if "\udc80" <= original <= "\udcff":
        return chr(0xDC00 + draw(_NEVER_BYTES))
    if unicodedata.category(original) in _SEPARATORS:
        return original
    return chr(draw(_LETTERS[len(original.encode()) - 2]))


def _other_time(parts: Sequence[str], draw: _Draw) -> str:
    """Return another time; each part that is out of range stays so."""
    day, month, year, hour, minute, second, sign, *ahead = parts

    def other(part: str, valid: range) -> str:
        return f"{draw(valid if int(part) in valid else range(valid.stop, 100)):02}"

    if int(year) in _EDGE_YEARS:
        return f"{day}/{month}/{year}:{hour}:{minute}:{second} {sign}{''.join(ahead)}"
    years: Sequence[int] = [new for new in _YEARS if isleap(new) == isleap(int(year))]
    if int(year) < _EPOCH - 1:
        years = range(1, _EPOCH - 1)
    if 1 <= int(day) <= _EVERY_MONTH_DAYS:
        day = other(day, range(1, _EVERY_MONTH_DAYS + 1))
        month = _MONTHS[draw(range(12))] if month in _MONTHS else month
    elif int(day) > _MOST_DAYS:
        day = str(draw(range(_MOST_DAYS + 1, 100)))
    clock = f"{other(hour, range(24))}:{other(minute, range(60))}:{other(second, range(60))}"
    if "".join(ahead) != _NO_OFFSET:
        ahead = [other(ahead[0], range(24)), other(ahead[1], range(60))]
    return f"{day}/{month}/{draw(years):04}:{clock} {sign}{''.join(ahead)}"


def _text(raw: str | bytes) -> str:
    return raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else raw
