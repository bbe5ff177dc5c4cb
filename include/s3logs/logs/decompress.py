"""The content of a log object, whatever it was packed with, in pieces of bounded size.

What counts is how the content begins, not what the object is called: somebody who re-packs log objects may
keep their names. Sources: RFC 1952 (gzip), the bzip2 format, RFC 8878 (Zstandard). All three let several
members, streams or frames follow each other, as concatenated objects do.
"""

import bz2
import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader, RawIOBase
from itertools import chain
from typing import Any, BinaryIO

import pyarrow as pa

from include.s3logs.logs.limits import LIMITS

_PACKED = 1 << 16  # bytes that go in at once
_LONGEST_MAGIC = 4
# The second form of zstd is the skippable frame that some tools (pzstd) put first.
_MAGIC = re.compile(rb"(?P<gzip>\x1f\x8b)|(?P<bzip2>BZh)|(?P<zstd>\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)")


class CorruptObjectError(ValueError):
    """An object looks packed but cannot be unpacked to its end, or holds no lines; the message says why."""


def recognise(pieces: Iterable[bytes]) -> tuple[str | None, Iterator[bytes]]:
    """Return how content is packed (gzip, bzip2, zstd or not at all), and the content with its beginning."""
    rest, beginning = iter(pieces), b""
    while len(beginning) < _LONGEST_MAGIC and (piece := next(rest, None)) is not None:
        beginning += piece
    magic = _MAGIC.match(beginning)
    # `chain` keeps what it is given to its end: an iterator lets go of the piece, a list would not.
    return magic and magic.lastgroup, chain(iter([beginning]), rest)


def unpack(pieces: Iterable[bytes], at_once: int = LIMITS.unpacked) -> Iterator[bytes]:
    """Unpack gzip, bzip2 or zstd content that comes in pieces; pass anything else on as it is.

    No more than `at_once` bytes come out of packed content at once.

    Raises CorruptObjectError where the content is damaged, cut short, or followed by something else: maybe
    after much of it was given.
    """
    yield from unpack_as(*recognise(pieces), at_once)


def unpack_as(
    packing: str | None, pieces: Iterable[bytes], at_once: int = LIMITS.unpacked
) -> Iterator[bytes]:
    """Unpack content that is packed as `recognise` would say; raises as `unpack` does."""
    if packing is None:
        yield from filter(None, pieces)
        return
    packed = _Joined(iter(pieces))
    try:
        yield from filter(None, _UNPACK[packing](BufferedReader(packed, _PACKED), at_once))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise CorruptObjectError(f"broken {packing} content ({packed.taken} bytes): {error}") from error


def unpack_small(content: bytes, most: int, at_once: int = LIMITS.unpacked) -> bytes | None:
    """Return whole content unpacked, or None if it has `most` bytes or more then; raises as `unpack` does."""
    if _MAGIC.match(content):
        pieces = unpack([content], min(at_once, most))
        content = b""
        for piece in pieces:
            content += piece
            if len(content) >= most:
                break
    return content if len(content) < most else None


def with_lines(pieces: Iterable[bytes], most: int = LIMITS.line) -> Iterator[bytes]:
    """Pass the content on; raise CorruptObjectError where a line is longer than `most` bytes.

    A line has to be in memory as a whole, and what is no log may never end one. The pieces are shorter than
    that, and so is every line inside one.
    """
    length = 0
    for piece in pieces:
        first = piece.find(b"\n")
        longest = length + (first if first >= 0 else len(piece))
        if longest > most:
            raise CorruptObjectError(f"a line is longer than {most} bytes: this is no access log.")
        length = len(piece) - piece.rfind(b"\n") - 1 if first >= 0 else longest
        yield piece


class _Joined(RawIOBase):
    """Pieces as one file; `taken` counts the bytes of the pieces that were looked at."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.rest, self.taken = pieces, memoryview(b""), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self.rest:
            piece = next(self.pieces, None)
            if piece is None:
                return 0
            self.rest = memoryview(piece)
            self.taken += len(piece)
        count = min(len(buffer), len(self.rest))
        buffer[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count


def _gunzip(packed: BinaryIO, at_once: int) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=packed) as members:
        while piece := members.read(at_once):
            yield piece


def _bunzip2(packed: BinaryIO, at_once: int) -> Iterator[bytes]:
    """Unpack all streams; unlike `bz2.BZ2File`, never ignore what follows the last one."""
    data = packed.read(_PACKED)
    while data:
        stream = bz2.BZ2Decompressor()
        while not stream.eof:
            if stream.needs_input and not data:
                data = packed.read(_PACKED)
                if not data:
                    raise EOFError("it ends before its end-of-stream marker")
            yield stream.decompress(data, at_once)
            data = b""
        data = stream.unused_data or packed.read(_PACKED)


def _unzstd(packed: BinaryIO, at_once: int) -> Iterator[bytes]:
    with pa.input_stream(packed, compression="zstd") as frames:
        while piece := frames.read(at_once):
            yield piece


_UNPACK: dict[str, Callable[[BinaryIO, int], Iterator[bytes]]] = {
    "gzip": _gunzip,
    "bzip2": _bunzip2,
    "zstd": _unzstd,
}
