"""Read log objects out of roll-ups."""

import hashlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import BinaryIO, NamedTuple

from include.s3logs.logs.decompress import CorruptObjectError, unpack_as
from include.s3logs.logs.rolled_up.manifest import Member, RollUpFile
from include.s3logs.logs.rolled_up.members import Place
from include.s3logs.stores.store import PIECE, Store


class _Extract(NamedTuple):
    """The members that are wanted of a roll-up, one after the other in a temporary file.

    `found` says where each begins there, or why it is not what the manifest promises.
    """

    file: BinaryIO
    found: Mapping[Member, int | CorruptObjectError]


class Extraction:
    """The unpacked content of some of the log objects in roll-ups.

    A roll-up is read once, when the first of its log objects is asked for: what is wanted of it goes to a
    temporary file without a name, until `close`. So they may be asked for in any order.
    """

    def __init__(self, stores: Mapping[str, Store], places: Sequence[Place]) -> None:
        self._stores = stores
        self._wanted: dict[tuple[str, str], list[Place]] = defaultdict(list)
        for place in places:
            self._wanted[place.store, place.manifest.rollup.key].append(place)
        self._extracts: dict[tuple[str, str], _Extract] = {}

    def close(self) -> None:
        """Remove the temporary files."""
        for extract in self._extracts.values():
            extract.file.close()

    def content(self, place: Place) -> Callable[[], Iterator[bytes]]:
        """Return what gives the content in pieces, from the beginning each time.

        The iterator raises CorruptObjectError where the roll-up does not hold what its manifest promises of
        this log object, and what a store raises.
        """
        return partial(self._pieces, place)

    def _pieces(self, place: Place) -> Iterator[bytes]:
        rollup = place.store, place.manifest.rollup.key
        if rollup not in self._extracts:
            self._extracts[rollup] = self._extract(self._wanted[rollup])
        file, found = self._extracts[rollup]
        at, left = found[place.member], place.member.bytes
        if isinstance(at, CorruptObjectError):
            raise at
        while left:
            piece = os.pread(file.fileno(), min(left, PIECE), at)
            at, left = at + len(piece), left - len(piece)
            yield piece

    def _extract(self, places: Sequence[Place]) -> _Extract:
        store, manifest = self._stores[places[0].store], places[0].manifest
        where = store.uri(manifest.rollup.key)
        file, found = tempfile.TemporaryFile(), dict[Member, int | CorruptObjectError]()  # noqa: SIM115
        content = _Content(
            unpack_as(None if manifest.codec == "none" else manifest.codec, _packed(store, manifest.rollup)),
            where,
        )
        wanted = {place.member for place in places}
        with ExitStack() as on_error:
            on_error.callback(file.close)
            for member in sorted(wanted, key=lambda member: (member.offset, member.bytes)):
                try:
                    found[member] = file.tell()
                    content.copy(member, file)
                except CorruptObjectError as error:
                    found[member] = error  # what comes after it may be as it should
            file.flush()
            on_error.pop_all()
        return _Extract(file, found)


def _packed(store: Store, rollup: RollUpFile) -> Iterator[bytes]:
    """Yield the roll-up; that it is the right one, the digests of what is in it tell."""
    found = store.find(rollup.key)
    etag, size = (found.etag, found.size) if found else (rollup.etag, rollup.size)
    return store.read_pieces(rollup.key, size, etag)


class _Content:
    """The content of a roll-up, from which members are taken in the order of their offsets."""

    def __init__(self, pieces: Iterator[bytes], where: str) -> None:
        self._pieces, self._where = pieces, where
        self._piece, self._start = memoryview(b""), 0  # and where it begins in the content

    def copy(self, member: Member, file: BinaryIO) -> None:
        """Append a member to the file."""
        digest, at, end = hashlib.sha256(), member.offset, member.offset + member.bytes
        while at < end:
            while at >= self._start + len(self._piece):
                self._next(member)
            part = self._piece[at - self._start : end - self._start]
            digest.update(part)
            file.write(part)
            at += len(part)
        if digest.hexdigest() != member.sha256:
            raise self._wrong(member)

    def _next(self, member: Member) -> None:
        self._start += len(self._piece)
        try:
            piece = next(self._pieces, None)
        except CorruptObjectError as error:
            raise self._wrong(member, f" ({error})") from error
        if piece is None:
            raise self._wrong(member)
        self._piece = memoryview(piece)

    def _wrong(self, member: Member, why: str = "") -> CorruptObjectError:
        return CorruptObjectError(
            f"the roll-up {self._where} does not hold {member.key!r} as its manifest promises{why}."
        )
