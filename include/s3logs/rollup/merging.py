"""Make a roll-up: the earlier one, if there is one, and after it log objects, streamed into a local file."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from include.s3logs.errors import (
    AccessDeniedError,
    ArchivedObjectError,
    CorruptRollUpError,
    NotFoundError,
)
from include.s3logs.logs.decompress import CorruptObjectError, unpack, unpack_as
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.reading import Content, read_ahead
from include.s3logs.logs.rolled_up.codecs import Codec, encoder
from include.s3logs.logs.rolled_up.manifest import Manifest, Member, RollUpFile
from include.s3logs.logs.rolled_up.origins import base_name
from include.s3logs.logs.rolled_up.verification import stored_pieces
from include.s3logs.stores.store import PIECE, Store

_NEWLINE = b"\n"
_PACKED_AT_ONCE = 1 << 20  # bytes of small log objects: each call has its price while other threads read
UNREADABLE = (CorruptObjectError, AccessDeniedError, ArchivedObjectError, NotFoundError)
"""What concerns one log object alone."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A log object that could not be read; `forbidden` where the store does not let us."""

    log_object: LogObject
    reason: str
    forbidden: bool


@dataclass
class Merged:
    """A roll-up in a local file, all its members, and the log objects that could not be read.

    `copies` are the objects that added nothing, each with the number of the member that has its content.
    """

    path: Path
    rollup: RollUpFile
    members: tuple[Member, ...]
    copies: list[tuple[int, LogObject]] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def merge(
    path: Path,
    stores: Mapping[str, Store],
    objects: Iterable[LogObject],
    *,
    codec: Codec,
    key: str,
    earlier: Manifest | None = None,
    destination: Store | None = None,
) -> Merged:
    """Write the roll-up called `key` to `path`: what `earlier` describes, then `objects` in their order.

    Objects are read while the next ones are asked for. One that cannot be read leaves no trace in the
    roll-up, and neither does one whose base name and unpacked content a member has: it is that member, from
    another place or stored once more.

    Raises CorruptRollUpError when the earlier roll-up at the `destination` is not what its manifest says, and
    what a store raises.
    """
    unreadable: list[Unreadable] = []
    coming, begun = iter(objects), list[LogObject]()
    while True:
        skipped = {found.log_object for found in unreadable}
        rest = chain([o for o in begun if o not in skipped], _noted(coming, begun))
        with closing(_Writer(path, codec)) as writer:
            try:
                if earlier and destination:
                    _take_over(writer, earlier, destination, codec)
                unreadable += _add_all(writer, stores, rest)
                return Merged(path, writer.finish(key), tuple(writer.members), writer.copies, unreadable)
            except _BrokeOffError as broken:
                unreadable.append(broken.unreadable)  # its beginning is in the file: once more without it


def _noted(objects: Iterator[LogObject], begun: list[LogObject]) -> Iterator[LogObject]:
    """Yield the objects and note which they were."""
    for log_object in objects:
        begun.append(log_object)
        yield log_object


class _BrokeOffError(Exception):
    """An object could not be read to its end, and its beginning is in the roll-up."""

    def __init__(self, unreadable: Unreadable) -> None:
        self.unreadable = unreadable


class _Writer:
    """The file of a roll-up while it grows."""

    def __init__(self, path: Path, codec: Codec) -> None:
        self.path, self.encoder = path, encoder(codec)
        self.file = path.open("wb")
        self.members: list[Member] = []
        self.copies: list[tuple[int, LogObject]] = []
        self.named: dict[str, tuple[int, ...]] = {}  # by base name, the numbers of members
        self.content, self.bytes, self.lines = hashlib.sha256(), 0, 0
        self.waiting, self.waiting_bytes = list[bytes](), 0

    def copy(self, packed: bytes) -> None:
        """Append what is packed already; before anything is added."""
        self.file.write(packed)

    def count(self, content: bytes) -> None:
        """Count content that is in what was copied."""
        self.content.update(content)
        self.bytes += len(content)
        self.lines += content.count(_NEWLINE)

    def add(self, content: bytes) -> None:
        """Append content."""
        self.waiting.append(content)
        self.waiting_bytes += len(content)
        self.bytes += len(content)
        self.lines += content.count(_NEWLINE)
        if self.waiting_bytes >= _PACKED_AT_ONCE:
            self._pack()

    def digest(self) -> str:
        """Return the digest of all content so far."""
        self._pack()
        return self.content.hexdigest()

    def _pack(self) -> None:
        content = b"".join(self.waiting)
        self.waiting, self.waiting_bytes = [], 0
        self.content.update(content)
        self.file.write(self.encoder.compress(content))

    def add_member(self, log_object: LogObject, pieces: Iterable[bytes]) -> None:
        """Append a log object and, where it is missing, the newline after it."""
        digest, offset, lines, last = hashlib.sha256(), self.bytes, self.lines, _NEWLINE
        for piece in pieces:
            digest.update(piece)
            self.add(piece)
            last = piece[-1:] or last
        length = self.bytes - offset
        if last != _NEWLINE:
            self.add(_NEWLINE)
        lines = self.lines - lines
        self.note(Member(*log_object, lines, digest.hexdigest(), offset, length))

    def note(self, member: Member) -> None:
        """Append a member whose content was added."""
        name = base_name(member.key)
        self.named[name] = (*self.named.get(name, ()), len(self.members))
        self.members.append(member)

    def is_copy(self, log_object: LogObject, content: Content) -> bool:
        """Tell whether a member has the object's base name and content; if so, note it as a copy.

        Only an object with a member's base name, which is rare, is read through for that: before it is added,
        because what is in the file stays there.
        """
        if not (numbers := self.named.get(base_name(log_object.key))):
            return False
        found = measured(content)
        number = next((n for n in numbers if (self.members[n].sha256, self.members[n].bytes) == found), None)
        if number is not None:
            self.copies.append((number, log_object))
        return number is not None

    def finish(self, key: str) -> RollUpFile:
        """Complete the file."""
        content = self.digest()
        self.file.write(self.encoder.flush())
        self.file.close()
        with self.path.open("rb") as file:
            stored = hashlib.file_digest(file, "sha256").hexdigest()
        size = self.path.stat().st_size
        return RollUpFile(key, size, stored, self.bytes, self.lines, content)

    def close(self) -> None:
        self.file.close()


def _take_over(writer: _Writer, earlier: Manifest, destination: Store, codec: Codec) -> None:
    """Begin with the earlier roll-up: as it is packed, or packed anew with another codec."""
    stored, rollup, same = hashlib.sha256(), earlier.rollup, earlier.codec == codec

    def packed() -> Iterator[bytes]:
        for piece in stored_pieces(destination, rollup.key, rollup.size, rollup.etag):
            stored.update(piece)
            if same:
                writer.copy(piece)
            yield piece

    problem = ""
    pieces = packed()
    try:
        for content in unpack_as(None if earlier.codec == "none" else earlier.codec, pieces):
            (writer.count if same else writer.add)(content)
        for _ in pieces:  # what does not belong to the packed content shows in the digest
            pass
    except CorruptObjectError as error:
        problem = str(error)
    if stored.hexdigest() != rollup.sha256 or writer.digest() != rollup.content_sha256 or problem:
        raise CorruptRollUpError(
            f"{destination.uri(rollup.key)} does not have the content that its manifest promises. {problem} "
            "Where all of its log objects still exist, roll the interval up again with overwrite."
        )
    for member in earlier.objects:
        writer.note(member)


def _add_all(
    writer: _Writer, stores: Mapping[str, Store], objects: Iterable[LogObject]
) -> Iterable[Unreadable]:
    """Append the objects; return those that cannot be read."""
    unreadable = []
    for log_object, content in read_ahead(stores, objects):
        begun = False
        try:
            if writer.is_copy(log_object, content):
                continue
            beginning, rest = _begin(content)
            begun = True
            writer.add_member(log_object, chain(beginning, rest))
        except UNREADABLE as error:
            found = Unreadable(log_object, str(error), isinstance(error, AccessDeniedError))
            if begun:
                raise _BrokeOffError(found) from error
            unreadable.append(found)
    return unreadable


def measured(content: Content) -> tuple[str, int]:
    """Return the digest and the size of the content, unpacked."""
    digest, size = hashlib.sha256(), 0
    for piece in unpack(content()):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def _begin(content: Content) -> tuple[list[bytes], Iterator[bytes]]:
    """Read the first `PIECE` bytes, with most objects all: what fails here left no trace yet."""
    rest, beginning, size = unpack(content()), list[bytes](), 0
    for piece in rest:
        beginning.append(piece)
        size += len(piece)
        if size > PIECE:
            break
    return beginning, rest
