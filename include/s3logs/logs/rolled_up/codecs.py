"""How roll-ups are packed. Each codec gives what the standard tools read: `cat`, `zcat`, `bzcat`, `zstdcat`.

What is packed later may be appended to what was packed before: gzip members, bzip2 streams and zstd frames
may follow each other. The same content in the same pieces gives the same bytes.
"""

import bz2
from collections.abc import Iterator
from typing import Literal, Protocol, get_args

import pyarrow as pa
from isal import isal_zlib

Codec = Literal["none", "gzip", "bzip2", "zstd"]
CODECS: tuple[Codec, ...] = get_args(Codec)
SUFFIXES: dict[Codec, str] = {"none": "", "gzip": ".gz", "bzip2": ".bz2", "zstd": ".zst"}

_FRAME = 8 << 20  # bytes of content in a zstd frame: more make it no smaller
_ZSTD_LEVEL = 3
_GZIP_LEVEL = 2
_GZIP_HEADER = 16  # asks zlib for the header of gzip; its time is 0


class Encoder(Protocol):
    """Packs content that comes in pieces."""

    def compress(self, data: bytes, /) -> bytes:
        """Take content, and return what is packed so far."""

    def flush(self) -> bytes:
        """Return the rest; nothing can be packed after that."""


def encoder(codec: Codec) -> Encoder:
    """Return a new encoder."""
    if codec == "gzip":
        gzip: Encoder = isal_zlib.compressobj(
            _GZIP_LEVEL, isal_zlib.DEFLATED, isal_zlib.MAX_WBITS + _GZIP_HEADER
        )
        return gzip
    if codec == "bzip2":
        return bz2.BZ2Compressor()
    return _Zstd() if codec == "zstd" else _Plain()


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class _Zstd:
    """Frames of `_FRAME` bytes of content each."""

    def __init__(self) -> None:
        self.codec = pa.Codec("zstd", compression_level=_ZSTD_LEVEL)
        self.waiting, self.empty = bytearray(), True

    def compress(self, data: bytes, /) -> bytes:
        self.waiting += data
        return b"".join(self._frames()) if len(self.waiting) >= _FRAME else b""

    def flush(self) -> bytes:
        """Return the last frame, or one without content: a file without a frame is not readable."""
        return self._frame(len(self.waiting)) if self.waiting or self.empty else b""

    def _frames(self) -> Iterator[bytes]:
        while len(self.waiting) >= _FRAME:
            yield self._frame(_FRAME)

    def _frame(self, length: int) -> bytes:
        self.empty = False
        frame: bytes = self.codec.compress(bytes(self.waiting[:length]), asbytes=True)
        del self.waiting[:length]
        return frame
