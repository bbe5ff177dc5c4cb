"""Folders for files while they grow, and what is left of them when their process is killed.

A folder is locked as long as its process lives; the system lets go of the lock however that ends. So whoever
makes a folder and gets the lock of another one knows that it was left, and removes it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from include.s3logs.errors import StoreUnavailableError

PREFIX = "s3logs-temporary-"
"""How the names of these folders begin: nobody would name anything else like this."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for files while they grow, for this user alone; it goes away with them.

    A full disk says where it is full.
    """
    try:
        _remove_abandoned(Path(tempfile.gettempdir()))
        folder, lock = _made()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)
            os.close(lock)
    except OSError as error:
        where = tempfile.gettempdir()
        raise StoreUnavailableError(f"The folder for temporary files, {where} (TMPDIR): {error}") from error


def _made() -> tuple[Path, int]:
    """Return a new folder and the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        with suppress(FileNotFoundError):  # before it was locked, somebody took it for one that was left
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.is_dir():
                return folder, lock
            os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders whose process is gone; those of other users stay."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
            finally:
                os.close(lock)
