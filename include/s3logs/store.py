"""Where objects live: one small interface, a local folder here and S3 in `store_s3`.

A store is a flat map from key to bytes, like a bucket. Keys use `/` and never start with one. Writing one
key is atomic (readers see the old bytes or the new ones); nothing else is promised, so the checkpoint
protocol needs no rename, no lock and no append.
"""

import os
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

from include.s3logs.errors import (
    AccessDeniedError,
    ChangedObjectError,
    NotFoundError,
    PermanentError,
    StoreUnavailableError,
)

_TEMPORARY = ".s3logs-tmp-"
PARALLEL_READS = 16
_CREATE_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One listed object: `size` in bytes, `etag` changes whenever the content does, `modified` in UTC."""

    key: str
    size: int
    etag: str
    modified: datetime


class Store(Protocol):
    """A flat map from key to bytes. Every method raises the errors of `include.s3logs.errors`."""

    def uri(self, key: str = "") -> str:
        """Return where a person finds `key`: a path or an `s3://` address."""

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects whose key starts with `prefix` and comes after `start_after`, sorted.

        AWS sorts keys by their bytes, some other servers by path segment; callers rely on neither.
        """

    def read(self, key: str, etag: str | None = None) -> bytes:
        """Return the bytes of `key`; with `etag`, only if it is still that version (ChangedObjectError)."""

    def write(self, key: str, data: bytes) -> None:
        """Put `data` under `key`, atomically."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the keys; those that are not there are fine."""


def read_all(store: Store, keys: Iterable[str]) -> Iterator[bytes]:
    """Yield the bytes of each key in the order given, reading a few ahead in parallel."""
    iterator = iter(keys)
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        ahead = [pool.submit(store.read, key) for key in islice(iterator, 2 * PARALLEL_READS)]
        while ahead:
            done = ahead.pop(0)
            yield done.result()
            ahead += [pool.submit(store.read, key) for key in islice(iterator, 1)]


class LocalStore:
    """A folder as a store. Listing order and atomic writes match those of S3."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().absolute()

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
                found = sorted(
                    (folder + entry.name + ("/" if entry.is_dir(follow_symlinks=False) else ""), entry)
                    for entry in entries
                    if not entry.name.startswith(_TEMPORARY)
                )
        except FileNotFoundError:
            return
        except PermissionError as error:
            raise AccessDeniedError(f"The folder {self.uri(folder)} may not be listed: {error}") from error
        for key, entry in found:
            if key.endswith("/"):
                may_match = key.startswith(prefix) or prefix.startswith(key)
                if may_match and (key > start_after or start_after.startswith(key)):
                    yield from self._walk(key, prefix, start_after)
            elif key.startswith(prefix) and key > start_after and entry.is_file():
                status = entry.stat()
                modified = datetime.fromtimestamp(status.st_mtime, UTC)
                yield ObjectInfo(key, status.st_size, _etag(status), modified)

    def read(self, key: str, etag: str | None = None) -> bytes:
        """Return the content of the file."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                data = file.read()
                now = _etag(os.fstat(file.fileno()))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFoundError(f"{path} does not exist.") from error
        except PermissionError as error:
            raise AccessDeniedError(f"{path} may not be read: {error.strerror}.") from error
        except OSError as error:
            raise StoreUnavailableError(f"{path} could not be read: {error}") from error
        if etag is not None and now != etag:
            raise ChangedObjectError(f"{path} changed after it was listed.")
        return data

    def write(self, key: str, data: bytes) -> None:
        """Write beside the file first and move it into place, so that readers never see half of it."""
        path = self._path(key)
        temporary = path.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")
        try:
            with _created(temporary) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except PermissionError as error:
            raise AccessDeniedError(f"{path} may not be written: {error.strerror}.") from error
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise StoreUnavailableError(f"{path} could not be written: {error}") from error

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the files, and the folders that are empty after that."""
        for key in keys:
            path = self._path(key)
            path.unlink(missing_ok=True)
            with suppress(OSError):  # not empty, or somebody else was faster
                for folder in path.parents[: key.count("/")]:
                    folder.rmdir()

    def _path(self, key: str) -> Path:
        if key.startswith("/") or any(part in ("", ".", "..") for part in key.split("/")):
            raise PermanentError(f"{key!r} is no key inside {self.root}.")
        return self.root / key


def _created(path: Path) -> BinaryIO:
    """Open a new file; its folder may be removed by a concurrent `delete` until the file is there."""
    for _ in range(_CREATE_ATTEMPTS):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return path.open("xb")
    raise StoreUnavailableError(f"The folder {path.parent} vanishes as soon as it is made.")


def _etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"
