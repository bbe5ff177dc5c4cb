"""Outputs of stages as local files, which can be read in parts: each is fetched once and verified."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from include.s3logs.lake.checkpoint import Checkpoint, copy_output
from include.s3logs.stores.store import Store

_PARALLEL = 4  # several months may be merged at the same time


class LocalCopies:
    """A local folder in which outputs of checkpoints are kept."""

    def __init__(self, lake: Store, folder: Path) -> None:
        self._lake, self._folder = lake, folder

    def paths(self, checkpoints: Iterable[Checkpoint], role: str) -> list[Path]:
        """Return where the outputs are, in the order of the checkpoints; those not yet there are fetched."""
        with ThreadPoolExecutor(_PARALLEL) as pool:
            return list(pool.map(lambda checkpoint: self._path(checkpoint, role), checkpoints))

    def _path(self, checkpoint: Checkpoint, role: str) -> Path:
        path = self._folder / checkpoint.files[role].key.replace("/", "_")
        if not path.exists():
            copy_output(self._lake, checkpoint, role, path)
        return path
