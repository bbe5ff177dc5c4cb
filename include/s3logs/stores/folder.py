"""A folder as a store."""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from include.s3logs.errors import (
    AccessDeniedError,
    ChangedObjectError,
    NotFoundError,
    PermanentError,
    SettingsError,
    StoreUnavailableError,
)
from include.s3logs.stores.abandoned import TEMPORARY, create_locked, remove_abandoned
from include.s3logs.stores.local_files import (
    changed_file,
    entries,
    expect_version,
    explained_reading,
    explained_writing,
    holds_others,
    look,
    opened,
    read_whole,
)
from include.s3logs.stores.modes import PRIVATE_FILE, USUAL_FILE, make_private_folders
from include.s3logs.stores.store import ABSENT, PIECE, ObjectInfo, Refused, Version

_CREATE_ATTEMPTS = 100
_NO_NAMES = frozenset(("", ".", ".."))
_NOT_FOR_FOLDERS = {errno.EINVAL, errno.ENOTSUP}  # so some network file systems answer


class LocalStore:
    """A folder as a store. Listing order and atomic writes match those of S3.

    `read_pieces` gives `piece` bytes at once.

    Links to files are those files, wherever they are. What has no content is listed all the same, and reading
    it raises NotFoundError: a link to nothing or to itself, a pipe. A link to a folder is not followed, which
    might never end: it is listed with a `/` at its end, and nothing below it is.

    With `public`, the beginning of keys, whatever is written below
    other keys is for its owner alone: files have the mode 0600, the folders above them 0700. Else, and for
    all without `public`, the process's umask decides.
    """

    def __init__(self, root: str | Path, piece: int = PIECE, *, public: str | None = None) -> None:
        self.root = Path(root).expanduser().absolute()
        self._piece = piece
        self._public = public
        self._swept: set[Path] = set()

    def uri(self, key: str = "") -> str:
        """Return the path of `key`."""
        return str(self.root / key) if key else str(self.root)

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the files below the folder in the order S3 would list them (by the bytes of the key)."""
        if not self.root.is_dir():
            return
        folder = prefix.rpartition("/")[0]
        yield from self._walk(f"{folder}/" if folder else "", prefix, start_after)

    def list_folder(self, folder: str) -> Iterator[ObjectInfo | str]:
        """Yield what lies right in a folder."""
        for key, entry in self._entries(folder):
            if holds_others(key, entry):
                yield key
            elif info := look(key, entry):
                yield info

    def _walk(self, folder: str, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        for key, entry in self._entries(folder):
            if holds_others(key, entry):
                may_match = key.startswith(prefix) or prefix.startswith(key)
                if may_match and (key > start_after or start_after.startswith(key)):
                    yield from self._walk(key, prefix, start_after)
            elif key > start_after and key.startswith(prefix) and (info := look(key, entry)):
                yield info

    def _entries(self, folder: str) -> "Iterable[tuple[str, os.DirEntry[str]]]":
        is_lake = self._public is not None  # nobody but s3logs writes there
        return entries(self.root / folder, folder, sweep=is_lake)

    def find(self, key: str) -> ObjectInfo | None:
        """Return what a listing would say of the file."""
        path = self._path(key)
        try:
            with explained_reading(path):
                is_folder = path.is_dir()
            return None if is_folder else look(key, path)
        except NotFoundError:
            return None

    def read(self, key: str, etag: str | None = None) -> bytes:
        """Return the content of the file."""
        return b"".join(self._pieces(key, etag))

    def read_pieces(self, key: str, size: int, etag: str | None = None) -> Iterator[bytes]:
        """Yield the content of the file."""
        if size <= self._piece:
            yield from filter(None, [read_whole(f"{self.root}/{self._checked(key)}", size, etag)])
            return
        read = 0
        for piece in self._pieces(key, etag):
            read += len(piece)
            if read > size:
                break
            yield piece
        if read != size:
            raise changed_file(self._path(key))

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return a part of the file."""
        path = self._path(key)
        with opened(path) as file:
            file.seek(start)
            data = file.read(length)
        if len(data) != length:
            raise changed_file(path)
        return data

    def _pieces(self, key: str, etag: str | None) -> Iterator[bytes]:
        """Look at the version before anything is read, and again after that."""
        path = self._path(key)
        with opened(path, buffering=0) as file:
            expect_version(etag, path, file)
            while piece := file.read(self._piece):
                yield piece
            expect_version(etag, path, file)

    def write(self, key: str, data: bytes, *, over: str | None = None, synced: bool = True) -> None:
        """Write the file as a whole or not at all."""
        self._put(key, lambda file: file.write(data), synced, over)

    def write_many(self, files: Mapping[str, bytes]) -> None:
        """Write each file as a whole or not at all; the system puts all of them on disk at once."""
        for key, data in files.items():
            self.write(key, data, synced=False)
        os.sync()

    def write_file(self, key: str, path: Path, *, over: str | None = None) -> None:
        """Copy the file as a whole or not at all."""

        def copy(file: BinaryIO) -> None:
            with path.open("rb") as source:
                shutil.copyfileobj(source, file, PIECE)

        self._put(key, copy, True, over)

    def _put(self, key: str, fill: Callable[[BinaryIO], object], synced: bool, over: str | None) -> None:
        """Write beside the file first and move it into place, so that readers never see half of it.

        Only when its folder is on disk, too, a power cut does not take the name away: something may be
        deleted because the file is there.

        The lock of the folder holds off others that look before they write; the system lets go of it when
        its process ends.
        """
        path = self._path(key)
        self._sweep(path.parent)
        temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
        try:
            with explained_writing(path):
                new_folders = list(_missing(path.parents[: key.count("/")]))
                # The file is in its place before its lock is let go of.
                with self._created(key, temporary) as file:
                    fill(file)
                    file.flush()
                    if synced:
                        os.fsync(file.fileno())
                    self._move(key, temporary, path, over)
                if synced:
                    for folder in (path.parent, *(folder.parent for folder in new_folders)):
                        _sync(folder)
        except BaseException:  # a task may be stopped at any moment
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    def _move(self, key: str, temporary: Path, path: Path, over: str | None) -> None:
        """Put the file in its place; with `over` only in place of just that version."""
        if over is None:
            temporary.replace(path)
            return
        with _locked(path.parent):
            found = self.find(key)
            if (found.etag if found else ABSENT) != over:
                raise changed_file(path)
            temporary.replace(path)

    def _sweep(self, folder: Path) -> None:
        """Remove what killed writers left in a folder, once for each folder that is written to."""
        if folder not in self._swept:
            self._swept.add(folder)
            with suppress(OSError), os.scandir(folder) as entries:
                remove_abandoned(entries)

    def _created(self, key: str, path: Path) -> BinaryIO:
        """Open a new file, locked, under which `key` will be written.

        Its folder may be removed by a concurrent `delete` until the file is there. Making a folder that is
        there ends in FileExistsError too, when it goes before `mkdir` looks what it is.
        """
        private = self._public is not None and not key.startswith(self._public)
        attempts = _CREATE_ATTEMPTS
        while True:
            attempts -= 1
            try:
                if private:
                    make_private_folders(self.root, path.parent)
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                if file := create_locked(path, PRIVATE_FILE if private else USUAL_FILE):
                    return file
            except (FileNotFoundError, FileExistsError):
                if not attempts:
                    raise

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the files, and the folders that are empty after that."""
        for key in keys:
            if key.endswith("/"):
                continue  # of a link to a folder, which is none of ours
            path = self._path(key)
            path.unlink(missing_ok=True)
            with suppress(OSError):  # not empty, or somebody else was faster
                for folder in path.parents[: key.count("/")]:
                    folder.rmdir()

    def delete_versions(self, versions: Iterable[Version]) -> Refused:
        """Remove files that did not change."""
        refused: Refused = {}
        for key, etag in versions:
            try:
                found = self.find(key)
                if found is not None and found.etag != etag:
                    raise changed_file(self._path(key))
                with explained_writing(self._path(key)):
                    self.delete([key])
            except (AccessDeniedError, ChangedObjectError, StoreUnavailableError) as error:
                refused[key] = error
        return refused

    def delete_unread(self, versions: Iterable[Version]) -> Refused:
        """Remove files that did not change: that takes no right to read them."""
        return self.delete_versions(versions)

    def tag_versions(self, versions: Iterable[Version], name: str, value: str) -> Refused:
        """Files have no tags: raise SettingsError."""
        raise SettingsError(f"Files in the folder {self.uri()} cannot be tagged; objects in a bucket can.")

    def _path(self, key: str) -> Path:
        return self.root / self._checked(key)

    def _checked(self, key: str) -> str:
        if not _NO_NAMES.isdisjoint(key.split("/")):
            raise PermanentError(f"{key!r} is no key inside {self.root}.")
        return key


def _missing(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the folders, inner ones first, up to the first that is there."""
    return takewhile(lambda folder: not folder.exists(), folders)


def _sync(folder: Path) -> None:
    """Put the names in a folder on disk, where its file system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return  # somebody deleted all that was in it
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_FOR_FOLDERS:
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
