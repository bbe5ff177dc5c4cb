"""Folders for files while they grow."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.s3logs.errors import StoreUnavailableError


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for files while they grow; it goes away with them. A full disk says where it is full."""
    try:
        with tempfile.TemporaryDirectory(prefix="s3logs-") as folder:
            yield Path(folder)
    except OSError as error:
        where = tempfile.gettempdir()
        raise StoreUnavailableError(f"The folder for temporary files, {where} (TMPDIR): {error}") from error
