"""Temporary files in folders, and what their writers leave of them when they are killed.

A writer holds the lock of its file from the start until the file is in its place; the system lets go of it
when the process ends, however that happens. So whoever gets the lock knows that nobody writes any more.
"""

import fcntl
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".s3logs-tmp-"
"""How the names of temporary files begin."""
OLD = 86_400.0
"""Seconds after which nobody writes any more, for file systems without locks."""


def create_locked(path: Path, mode: int) -> BinaryIO | None:
    """Create a file with this mode (less the umask) and hold its lock; None if it was removed meanwhile."""
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")
    with suppress(OSError):  # a file system without locks
        fcntl.flock(file, fcntl.LOCK_EX)
    if os.fstat(file.fileno()).st_nlink:
        return file
    file.close()  # somebody was faster with the lock, and took it for one that was left
    return None


def remove_abandoned(entries: "Iterable[os.DirEntry[str]]") -> None:
    """Remove those of a folder's entries that are temporary and whose writers are gone.

    Those of other users may stay.
    """
    for entry in entries:
        if entry.name.startswith(TEMPORARY):
            with suppress(OSError):  # it is gone, or somebody else's
                descriptor = os.open(entry.path, os.O_RDWR | os.O_NOFOLLOW)
                try:
                    if _is_abandoned(descriptor):
                        Path(entry.path).unlink()
                finally:
                    os.close(descriptor)


def _is_abandoned(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - os.fstat(descriptor).st_mtime > OLD
    return True
