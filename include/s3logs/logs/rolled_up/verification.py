"""Read a roll-up back from where it is stored, and compare it with its manifest, member by member."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from include.s3logs.errors import ChangedObjectError, CorruptRollUpError, NotFoundError
from include.s3logs.logs.decompress import CorruptObjectError, unpack_as
from include.s3logs.logs.rolled_up.manifest import Manifest, Member, RollUpFile
from include.s3logs.stores.store import ObjectInfo, Store

_NEWLINE = b"\n"


def verify(destination: Store, manifest: Manifest) -> RollUpFile:
    """Compare sizes, line counts and digests; return the roll-up with the ETag of what was read.

    Raises CorruptRollUpError, which says what differs, and what a store raises.
    """
    rollup = manifest.rollup
    info = destination.find(rollup.key)
    where = destination.uri(rollup.key)
    if info is None:
        raise ChangedObjectError(f"{where} is gone since it was written.")
    stored = hashlib.sha256()

    def packed() -> Iterator[bytes]:
        for piece in stored_pieces(destination, rollup.key, info.size, info.etag):
            stored.update(piece)
            yield piece

    pieces = packed()
    content = _Content(unpack_as(None if manifest.codec == "none" else manifest.codec, pieces))
    try:
        for member in sorted(manifest.objects, key=lambda member: (member.offset, member.bytes)):
            if difference := content.compare(member):
                raise CorruptObjectError(f"{difference} of the log object {member.key!r} in it")
        content.finish()
    except CorruptObjectError as error:
        raise _corrupt(where, str(error)) from error
    for _ in pieces:
        pass
    found = RollUpFile(
        rollup.key,
        info.size,
        stored.hexdigest(),
        content.bytes,
        content.lines,
        content.digest.hexdigest(),
        info.etag,
    )
    if found != replace(rollup, etag=info.etag):
        raise _corrupt(where, "size, line count or digest")
    return found


def stored_pieces(destination: Store, key: str, size: int, etag: str | None) -> Iterator[bytes]:
    """Yield a roll-up as it is stored; ChangedObjectError also when another attempt deleted it meanwhile."""
    try:
        yield from destination.read_pieces(key, size, etag)
    except NotFoundError as error:
        raise ChangedObjectError(f"{destination.uri(key)} is gone since it was looked at.") from error


def digest_of(store: Store, info: ObjectInfo) -> str:
    """Return the SHA-256 of a stored object."""
    digest = hashlib.sha256()
    for piece in stored_pieces(store, info.key, info.size, info.etag):
        digest.update(piece)
    return digest.hexdigest()


def _corrupt(where: str, difference: str) -> CorruptRollUpError:
    return CorruptRollUpError(
        f"{where} was read back and is not what its manifest promises: {difference}. No log object was "
        "deleted. Where all of its log objects still exist, roll the interval up again with overwrite."
    )


class _Content:
    """The unpacked content, taken member by member; `digest` is of all of it once it is finished."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.rest = pieces, memoryview(b"")
        self.digest, self.bytes, self.lines = hashlib.sha256(), 0, 0

    def compare(self, member: Member) -> str:
        """Take one member; return what differs."""
        if self.bytes != member.offset:
            return "offset"
        digest, lines, last = hashlib.sha256(), self.lines, _NEWLINE
        for part in self._take(member.bytes):
            digest.update(part)
            last = part[-1:]
        if self.bytes - member.offset != member.bytes:
            return "size"
        if last != _NEWLINE and b"".join(self._take(1)) != _NEWLINE:
            return "newline after the end"
        if self.lines - lines != member.lines:
            return "line count"
        return "" if digest.hexdigest() == member.sha256 else "digest"

    def finish(self) -> None:
        """Count what follows the last member."""
        while self.rest or self._more():
            for _ in self._take(len(self.rest)):
                pass

    def _take(self, length: int) -> Iterator[bytes]:
        while length and (self.rest or self._more()):
            part = bytes(self.rest[:length])
            self.rest = self.rest[len(part) :]
            length -= len(part)
            self.bytes += len(part)
            self.lines += part.count(_NEWLINE)
            yield part

    def _more(self) -> bool:
        piece = next(self.pieces, None)
        self.rest = memoryview(piece or b"")
        self.digest.update(self.rest)
        return piece is not None
