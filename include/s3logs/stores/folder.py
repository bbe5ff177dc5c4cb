"""A folder as a store."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from stat import S_ISREG
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
from include.s3logs.stores.modes import PRIVATE_FILE, USUAL_FILE, make_private_folders
from include.s3logs.stores.store import ABSENT, PIECE, ObjectInfo, Version

_CREATE_ATTEMPTS = 100


class LocalStore:
    """A folder as a store. Listing order and atomic writes match those of S3.

    `read_pieces` gives `piece` bytes at once. With `public`, the beginning of keys, whatever is written below
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

    def _walk(self, folder: str, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        try:
            with os.scandir(self.root / folder) as entries:
                present = list(entries)
        except FileNotFoundError:
            return
        except PermissionError as error:
            raise AccessDeniedError(f"The folder {self.uri(folder)} may not be listed: {error}") from error
        if self._public is not None:  # a lake: nobody but s3logs writes there
            remove_abandoned(present)
        found = sorted(
            (folder + entry.name + ("/" if entry.is_dir(follow_symlinks=False) else ""), entry)
            for entry in present
            if not entry.name.startswith(TEMPORARY)
        )
        for key, entry in found:
            if key.endswith("/"):
                may_match = key.startswith(prefix) or prefix.startswith(key)
                if may_match and (key > start_after or start_after.startswith(key)):
                    yield from self._walk(key, prefix, start_after)
            elif key.startswith(prefix) and key > start_after and entry.is_file():
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue  # removed since its folder was read
                modified = datetime.fromtimestamp(status.st_mtime, UTC)
                yield ObjectInfo(key, status.st_size, _etag(status), modified)

    def find(self, key: str) -> ObjectInfo | None:
        """Return what a listing would say of the file."""
        try:
            with _explained_reading(self._path(key)):
                status = self._path(key).stat()
        except NotFoundError:
            return None
        if not S_ISREG(status.st_mode):
            return None
        return ObjectInfo(key, status.st_size, _etag(status), datetime.fromtimestamp(status.st_mtime, UTC))

    def read(self, key: str, etag: str | None = None) -> bytes:
        """Return the content of the file."""
        return b"".join(self._pieces(key, etag))

    def read_pieces(self, key: str, size: int, etag: str | None = None) -> Iterator[bytes]:
        """Yield the content of the file."""
        read = 0
        for piece in self._pieces(key, etag):
            read += len(piece)
            if read > size:
                break
            yield piece
        if read != size:
            raise _changed(self._path(key))

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return a part of the file."""
        path = self._path(key)
        with _explained_reading(path), path.open("rb") as file:
            file.seek(start)
            data = file.read(length)
        if len(data) != length:
            raise _changed(path)
        return data

    def _pieces(self, key: str, etag: str | None) -> Iterator[bytes]:
        """Look at the version before anything is read, and again after that."""
        path = self._path(key)
        with _explained_reading(path), path.open("rb", buffering=0) as file:
            _expect(etag, path, file)
            while piece := file.read(self._piece):
                yield piece
            _expect(etag, path, file)

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

        The lock of the folder holds off others that look before they write; the system lets go of it when
        its process ends.
        """
        path = self._path(key)
        self._sweep(path.parent)
        temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
        try:
            # The file is in its place before its lock is let go of.
            with _explained_writing(path), self._created(key, temporary) as file:
                fill(file)
                file.flush()
                if synced:
                    os.fsync(file.fileno())
                if over is None:
                    temporary.replace(path)
                    return
                with _locked(path.parent):
                    found = self.find(key)
                    if (found.etag if found else ABSENT) != over:
                        raise _changed(path)
                    temporary.replace(path)
        except BaseException:  # a task may be stopped at any moment
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

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
            path = self._path(key)
            path.unlink(missing_ok=True)
            with suppress(OSError):  # not empty, or somebody else was faster
                for folder in path.parents[: key.count("/")]:
                    folder.rmdir()

    def delete_versions(self, versions: Iterable[Version]) -> dict[str, str]:
        """Remove files that did not change."""
        refused = {}
        for key, etag in versions:
            try:
                found = self.find(key)
                if found is not None and found.etag != etag:
                    raise _changed(self._path(key))
                with _explained_writing(self._path(key)):
                    self.delete([key])
            except (AccessDeniedError, ChangedObjectError, StoreUnavailableError) as error:
                refused[key] = str(error)
        return refused

    def delete_unread(self, versions: Iterable[Version]) -> dict[str, str]:
        """Remove files that did not change: that takes no right to read them."""
        return self.delete_versions(versions)

    def tag_versions(self, versions: Iterable[Version], name: str, value: str) -> dict[str, str]:
        """Files have no tags: raise SettingsError."""
        raise SettingsError(f"Files in the folder {self.uri()} cannot be tagged; objects in a bucket can.")

    def _path(self, key: str) -> Path:
        if key.startswith("/") or any(part in ("", ".", "..") for part in key.split("/")):
            raise PermanentError(f"{key!r} is no key inside {self.root}.")
        return self.root / key


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _explained_writing(path: Path) -> Iterator[None]:
    """Turn the system's exceptions into ours, naming the file."""
    try:
        yield
    except PermissionError as error:
        raise AccessDeniedError(f"{path} may not be written: {error.strerror}.") from error
    except OSError as error:
        raise StoreUnavailableError(f"{path} could not be written: {error}") from error


@contextmanager
def _explained_reading(path: Path) -> Iterator[None]:
    """Turn the system's exceptions into ours, naming the file."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise NotFoundError(f"{path} does not exist.") from error
    except PermissionError as error:
        raise AccessDeniedError(f"{path} may not be read: {error.strerror}.") from error
    except OSError as error:
        raise StoreUnavailableError(f"{path} could not be read: {error}") from error


def _expect(etag: str | None, path: Path, file: FileIO) -> None:
    if etag is not None and _etag(os.fstat(file.fileno())) != etag:
        raise _changed(path)


def _changed(path: Path) -> ChangedObjectError:
    return ChangedObjectError(f"{path} changed after it was listed.")


def _etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"
