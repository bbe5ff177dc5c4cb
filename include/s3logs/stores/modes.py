"""The modes of files and folders: who may read them."""

from contextlib import suppress
from pathlib import Path

USUAL_FILE = 0o666
"""What the umask leaves of it."""
PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700
_OF_OTHERS = 0o077


def make_private_folders(root: Path, folder: Path) -> None:
    """Make a folder and those between it and the root, or have those that are there, for their owner alone.

    The root itself is made as usual: others have to pass it to get at what they may read.
    """
    root.mkdir(parents=True, exist_ok=True)
    below = folder.relative_to(root)
    for part in [root / each for each in (*reversed(below.parents), below)][1:]:
        try:
            part.mkdir(_PRIVATE_FOLDER)
        except FileExistsError:
            if part.stat().st_mode & _OF_OTHERS:
                with suppress(PermissionError):  # it belongs to somebody else
                    part.chmod(_PRIVATE_FOLDER)
