"""Local files as objects: what the system says of them, opened for reading, its errors as ours."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISLNK, S_ISREG
from typing import BinaryIO

from include.s3logs.errors import (
    AccessDeniedError,
    ChangedObjectError,
    NotFoundError,
    StoreUnavailableError,
)
from include.s3logs.stores.abandoned import TEMPORARY, remove_abandoned
from include.s3logs.stores.store import ObjectInfo

_NO_CONTENT = {errno.ELOOP, errno.ENXIO}  # a link to itself; a socket


def entries(path: Path, folder: str, *, sweep: bool) -> Iterable[tuple[str, os.DirEntry[str]]]:
    """Return what lies right in the folder at `path`, by its key, sorted; folders have a `/` at their end.

    With `sweep`, what killed writers left there is removed.
    """
    try:
        with os.scandir(path) as found:
            present = list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:
        raise AccessDeniedError(f"The folder {path} may not be listed: {error}") from error
    if sweep:
        remove_abandoned(present)
    return sorted(
        (f"{folder}{entry.name}/" if _is_folder(entry) else folder + entry.name, entry)
        for entry in present
        if not entry.name.startswith(TEMPORARY)
    )


def holds_others(key: str, entry: os.DirEntry[str]) -> bool:
    """Tell whether one of the `entries` is a folder, and no link to one."""
    return key.endswith("/") and not entry.is_symlink()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or to where we may not look
        return False


def look(key: str, file: Path | os.DirEntry[str]) -> ObjectInfo | None:
    """Return what a listing says of a file; None when it is not there."""
    try:
        status = file.stat()
        is_here = S_ISREG(status.st_mode)
    except OSError:
        is_here = False
        with explained_reading(Path(file)):
            try:
                status = file.stat(follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                return None
            if not S_ISLNK(status.st_mode):
                raise
    size, etag = (status.st_size, etag_of(status)) if is_here else (0, f"no-content-{etag_of(status)}")
    return ObjectInfo(key, size, etag, datetime.fromtimestamp(status.st_mtime, UTC))


@contextmanager
def opened(path: Path, buffering: int = -1) -> Iterator[BinaryIO]:
    """Open a file for reading; never wait for one that is a pipe."""
    with explained_reading(path), open(path, "rb", buffering, opener=_at_once) as file:
        if not S_ISREG(os.fstat(file.fileno()).st_mode):
            raise NotFoundError(f"{path} is no regular file: its content is not here.")
        yield file


def read_whole(path: str, size: int, etag: str | None) -> bytes:
    """Return the content of a file of so many bytes in one go; raises ChangedObjectError if it has others.

    What `opened` does, with few calls of the system and little else: there may be very many small files.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            before = os.fstat(descriptor)
            if not S_ISREG(before.st_mode):
                raise NotFoundError(f"{path} is no regular file: its content is not here.")
            content = os.read(descriptor, size + 1)
            while len(content) < size and (more := os.read(descriptor, size + 1 - len(content))):
                content += more
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        with explained_reading(Path(path)):
            raise
    if len(content) != size or (etag is not None and not etag_of(before) == etag == etag_of(after)):
        raise changed_file(Path(path))
    return content


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


@contextmanager
def explained_writing(path: Path) -> Iterator[None]:
    """Turn the system's exceptions into ours, naming the file."""
    try:
        yield
    except PermissionError as error:
        raise AccessDeniedError(f"{path} may not be written: {error.strerror}.") from error
    except OSError as error:
        raise StoreUnavailableError(f"{path} could not be written: {error}") from error


@contextmanager
def explained_reading(path: Path) -> Iterator[None]:
    """Turn the system's exceptions into ours, naming the file."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        if path.is_symlink():
            raise NotFoundError(f"{path} is a dangling link: its content is not here.") from error
        raise NotFoundError(f"{path} does not exist.") from error
    except PermissionError as error:
        raise AccessDeniedError(f"{path} may not be read: {error.strerror}.") from error
    except OSError as error:
        if error.errno in _NO_CONTENT:
            raise NotFoundError(f"{path} ({error.strerror}): its content is not here.") from error
        raise StoreUnavailableError(f"{path} could not be read: {error}") from error


def expect_version(etag: str | None, path: Path, file: BinaryIO) -> None:
    """Raise ChangedObjectError when an open file is not this version."""
    if etag is not None and etag_of(os.fstat(file.fileno())) != etag:
        raise changed_file(path)


def changed_file(path: Path) -> ChangedObjectError:
    """Return the error that says so."""
    return ChangedObjectError(f"{path} changed after it was listed.")


def etag_of(status: os.stat_result) -> str:
    """Return the ETag: it changes whenever the content does, as far as the system tells."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"
