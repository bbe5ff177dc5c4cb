"""The content of a log object, whatever it was packed with.

What counts is how the content begins, not what the object is called: somebody who re-packs log objects may
keep their names. Sources: RFC 1952 (gzip), the bzip2 format, RFC 8878 (Zstandard). All three let several
members, streams or frames follow each other, as concatenated objects do.
"""

import bz2
import gzip
import re
import zlib
from collections.abc import Callable

import pyarrow as pa

# The second form of zstd is the skippable frame that some tools (pzstd) put first.
_MAGIC = re.compile(rb"(?P<gzip>\x1f\x8b)|(?P<bzip2>BZh)|(?P<zstd>\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)")


class CorruptObjectError(ValueError):
    """An object looks packed but cannot be unpacked to its end; the message says what is wrong."""


def decompress(data: bytes) -> bytes:
    """Unpack gzip, bzip2 or zstd content; return anything else as it is.

    Raises CorruptObjectError if the content is damaged, cut short, or followed by something else.
    """
    packing = _packing(data)
    if packing is None:
        return data
    try:
        return _UNPACK[packing](data)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise CorruptObjectError(f"broken {packing} content ({len(data)} bytes): {error}") from error


def _packing(data: bytes) -> str | None:
    magic = _MAGIC.match(data)
    return magic.lastgroup if magic else None


def _bunzip2(data: bytes) -> bytes:
    """Unpack all streams; unlike `bz2.decompress`, never ignore what follows the last one."""
    parts = []
    while data:
        stream = bz2.BZ2Decompressor()
        parts.append(stream.decompress(data))
        if not stream.eof:
            raise EOFError("it ends before its end-of-stream marker")
        data = stream.unused_data
    return b"".join(parts)


def _unzstd(data: bytes) -> bytes:
    with pa.input_stream(pa.BufferReader(data), compression="zstd") as frames:
        return bytes(frames.read())


_UNPACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "bzip2": _bunzip2, "zstd": _unzstd}
