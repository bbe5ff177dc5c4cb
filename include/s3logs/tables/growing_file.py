"""A file that may become large: kept in memory while it is small, on disk from then on."""

from pathlib import Path

SMALL = 1 << 20
"""The most bytes that are kept in memory."""


class GrowingFile:
    """Bytes that are written one after the other; when they are more than `small`, they go to `path`."""

    def __init__(self, path: Path, small: int = SMALL) -> None:
        self._path, self._small = path, small
        self._data = bytearray()
        self._on_disk = False

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._data += data
        if len(self._data) > self._small:
            with self._path.open("ab" if self._on_disk else "wb") as file:
                file.write(self._data)
            self._data, self._on_disk = bytearray(), True

    def content(self) -> bytes | Path:
        """Return all that was written, or the file that holds it; nothing may be written after that."""
        if not self._on_disk:
            return bytes(self._data)
        with self._path.open("ab") as file:
            file.write(self._data)
        return self._path
