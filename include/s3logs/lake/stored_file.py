"""A key of a store as a file to seek in, so that Parquet reads the columns it is asked for and no others."""

import io

from include.s3logs.stores.store import Store


class StoredFile(io.RawIOBase):
    """A file of `size` bytes (known from a checkpoint); each read is one request for just these bytes.

    `bytes_read` counts them. Raises what `Store.read_range` does.
    """

    def __init__(self, store: Store, key: str, size: int) -> None:
        super().__init__()
        self._store, self._key, self._size, self._at = store, key, size, 0
        self.bytes_read = 0

    def readable(self) -> bool:
        """Return True: it is there to be read."""
        return True

    def seekable(self) -> bool:
        """Return True: Parquet begins at the end."""
        return True

    def tell(self) -> int:
        """Return where the next read starts."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move there; nothing is read."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, or all that are left."""
        left = max(0, self._size - self._at)
        length = left if size < 0 else min(size, left)
        data = self._store.read_range(self._key, self._at, length) if length else b""
        self._at += length
        self.bytes_read += length
        return data
