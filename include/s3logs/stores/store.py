"""Where objects live: one small interface.

A store is a flat map from key to bytes, like a bucket. Keys use `/` and never start with one. Writing one
key is atomic (readers see the old bytes or the new ones); nothing else is promised, so the checkpoint
protocol needs no rename, no lock and no append.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from include.s3logs.errors import S3LogsError

PARALLEL_READS = 16
PIECE = 8 << 20
"""The most bytes that `read_pieces` gives at once; from S3 each piece is a request of its own."""
ABSENT = ""
"""In place of an ETag: there is no such object."""


class ObjectInfo(NamedTuple):
    """One listed object: `size` in bytes, `etag` changes whenever the content does, `modified` in UTC."""

    key: str
    size: int
    etag: str
    modified: datetime


class Version(NamedTuple):
    """One version of an object."""

    key: str
    etag: str


Refused = dict[str, S3LogsError]
"""By key, why objects could not be deleted or tagged; the error's class says whether trying again helps."""


class Store(Protocol):
    """A flat map from key to bytes. Every method raises the errors of `include.s3logs.errors`."""

    def uri(self, key: str = "") -> str:
        """Return where a person finds `key`: a path or an `s3://` address."""

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects whose key starts with `prefix` and comes after `start_after`, sorted.

        AWS sorts keys by their bytes, some other servers by path segment; callers rely on neither.
        """

    def list_folder(self, folder: str) -> Iterator[ObjectInfo | str]:
        """Yield what lies right in a folder (a key with a `/` at its end): its objects and its folders.

        Of a folder it is the key. Objects and folders are sorted as in a listing, each for themselves.
        """

    def find(self, key: str) -> ObjectInfo | None:
        """Return what a listing would say of `key`; None when it is not there."""

    def read(self, key: str, etag: str | None = None) -> bytes:
        """Return the bytes of `key`; with `etag`, only if it is still that version (ChangedObjectError)."""

    def read_pieces(self, key: str, size: int, etag: str | None = None) -> Iterator[bytes]:
        """Yield the content of `key`, `size` bytes, in pieces of `PIECE` bytes (the last may be shorter).

        Raises as `read` does, and ChangedObjectError when there are more bytes or fewer than `size`. A
        change may be noticed only after some pieces, or all, were given.
        """

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes (at least one) of `key` from byte `start` on, and read no others.

        Raises as `read` does, and ChangedObjectError when `key` ends before that.
        """

    def write(self, key: str, data: bytes, *, over: str | None = None) -> None:
        """Put `data` under `key`, atomically.

        With `over`, an ETag or `ABSENT`, only in place of just that version (else ChangedObjectError).
        """

    def write_many(self, files: Mapping[str, bytes]) -> None:
        """Put many small objects, each atomically; in no order, and on disk when this returns."""

    def write_file(self, key: str, path: Path, *, over: str | None = None) -> None:
        """Put the content of a local file under `key` as `write` does, without holding it in memory."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the keys; those that are not there are fine."""

    def delete_versions(self, versions: Iterable[Version]) -> Refused:
        """Remove objects that still are just these versions; return why not, by key, for the others.

        Those that are not there are fine. Raises only what concerns all of them.
        """

    def delete_unread(self, versions: Iterable[Version]) -> Refused:
        """Do as `delete_versions` without the right to read them; a very late change may be missed."""

    def tag_versions(self, versions: Iterable[Version], name: str, value: str) -> Refused:
        """Tag objects that still are just these versions; returns and raises as `delete_versions` does."""


def read_all(store: Store, keys: Iterable[str]) -> Iterator[bytes]:
    """Yield the bytes of each key in the order given, reading a few ahead in parallel."""
    iterator = iter(keys)
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        ahead = [pool.submit(store.read, key) for key in islice(iterator, 2 * PARALLEL_READS)]
        while ahead:
            done = ahead.pop(0)
            yield done.result()
            ahead += [pool.submit(store.read, key) for key in islice(iterator, 1)]
