"""The table of networks as a file, so that a task reads in milliseconds what takes a second to build.

    regions/networks/<digest>.table

The digest in the name is that of all that the table is made of, so no file ever changes, and of several tasks
that find none each writes the same. A file can always be made anew: one that is damaged is, and one that
cannot be written or read costs that second. Of a lake on S3 a copy is kept in the user's cache; there is the
table, too, when the lake may not be written.

The content: a line with the SHA-256 of the rest, and that, compressed (zstd): a line of JSON with the digest
of the name, the labels, and how many stretches there are of each kind of addresses; then the arrays.
"""

import hashlib
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from include.s3logs.errors import NotFoundError, S3LogsError
from include.s3logs.lake.pointer import sweep
from include.s3logs.regions.addresses import V6_KEY
from include.s3logs.regions.networks import NetworkTable, Stretches
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)

FOLDER = "regions/networks/"
FORMAT = 1
SUFFIX = ".table"
_KEEP = timedelta(days=10)
"""A file of another table that is older than this goes: the lists of networks change every day."""
_CODEC = "zstd"
_V4_START, _CODE = np.dtype("<i8"), np.dtype("<i4")


class KeptNetworks:
    """The table that is made of what has this digest, in the lake and in the user's cache, if any."""

    def __init__(self, lake: Store, digest: str, cache: Path | None, *, age: timedelta = _KEEP) -> None:
        self._lake, self._digest, self._age = lake, digest, age
        self._own = [LocalStore(cache)] if cache else []
        self._is_near = isinstance(lake, LocalStore)

    def find(self) -> NetworkTable | None:
        """Return the table from the nearest place that has it whole; None when none has."""
        for place in [self._lake, *self._own] if self._is_near else [*self._own, self._lake]:
            if (data := self._read(place)) is not None:
                try:
                    table = unpacked(data, self._digest)
                except ValueError as error:
                    log.warning("%s is %s, and is made anew.", place.uri(self._key), error)
                    continue
                if place is self._lake and not self._is_near:
                    self._keep_near(data)
                return table
        return None

    def keep(self, table: NetworkTable) -> None:
        """Keep the table for later tasks, wherever that can be done."""
        data = packed(table, self._digest)
        if not self._write(self._lake, data) or not self._is_near:
            self._keep_near(data)

    def _keep_near(self, data: bytes) -> None:
        for store in self._own:
            self._write(store, data)

    @property
    def _key(self) -> str:
        return f"{FOLDER}{self._digest}{SUFFIX}"

    def _read(self, place: Store) -> bytes | None:
        try:
            return place.read(self._key)
        except NotFoundError:
            return None
        except S3LogsError as error:
            log.info("The table of networks is built, as none can be read: %s", error)
            return None

    def _write(self, place: Store, data: bytes) -> bool:
        try:
            place.write(self._key, data)
            sweep(place, FOLDER, {self._key}, self._age)
        except (S3LogsError, OSError) as error:
            log.info("The table of networks is not kept for later tasks: %s", error)
            return False
        return True


def packed(table: NetworkTable, digest: str) -> bytes:
    """Return the content of the file."""
    labels, v4, v6 = table.labels[:-1].tolist(), table.v4, table.v6
    head = {"of": digest, "labels": labels, "v4": len(v4.starts), "v6": len(v6.starts)}
    arrays = (v4.starts.astype(_V4_START), v4.codes.astype(_CODE), v6.starts, v6.codes.astype(_CODE))
    whole = b"".join([json.dumps(head).encode(), b"\n", *(array.tobytes() for array in arrays)])
    body: bytes = pa.compress(whole, _CODEC, asbytes=True)
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def unpacked(data: bytes, digest: str) -> NetworkTable:
    """Return the table; ValueError, which says what this is instead, when it is not that of the digest."""
    whole = pa.CompressedInputStream(pa.BufferReader(_body(data)), _CODEC).read()
    line, _, arrays = whole.partition(b"\n")
    head = json.loads(line)
    if head["of"] != digest:
        raise ValueError("a table of other networks")
    v4, rest = _stretches(arrays, _V4_START, head["v4"])
    v6, _ = _stretches(rest, V6_KEY, head["v6"])
    return NetworkTable.of(head["labels"], v4, v6)


def damaged_tables(lake: Store) -> list[str]:
    """Return the keys of tables that do not have the content that was written."""
    found = []
    for info in lake.list(FOLDER):
        try:
            unpacked(lake.read(info.key), info.key.removeprefix(FOLDER).removesuffix(SUFFIX))
        except NotFoundError:  # it was swept meanwhile
            continue
        except ValueError:
            found.append(info.key)
    return found


def _body(data: bytes) -> bytes:
    told, _, body = data.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != told:
        raise ValueError("damaged")
    return body


def _stretches(data: bytes, kind: np.dtype[Any], count: int) -> tuple[Stretches, bytes]:
    """Return so many stretches, whose starts are of that kind, and what follows them."""
    end = kind.itemsize * count
    starts, codes = np.frombuffer(data, kind, count), np.frombuffer(data, _CODE, count, end)
    # A copy is where the processor likes numbers to be, and in its own order of bytes.
    native = Stretches(starts.astype(kind.newbyteorder("=")), codes.astype(np.int32))
    return native, data[end + _CODE.itemsize * count :]
