"""Which published files stand as they were published.

Their names are fixed, so somebody may put something else in their places. A file whose ETag is the one that
was noted after it was written is not read; another is, and its content compared: a copied lake has other
ETags and the same files.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from include.s3logs.errors import ChangedObjectError, NotFoundError
from include.s3logs.lake.pointer import OutputFile
from include.s3logs.stores.store import PARALLEL_READS, ObjectInfo, Store

PLACES = ("usage/", "status/")
"""Where published files are."""
Listed = Mapping[str, ObjectInfo]


def listed(lake: Store) -> dict[str, ObjectInfo]:
    """Return what is in the places of published files, by key."""
    return {info.key: info for prefix in PLACES for info in lake.list(prefix)}


def standing(
    lake: Store, files: Iterable[OutputFile], there: Listed, damaged: Collection[str] = ()
) -> dict[str, OutputFile]:
    """Return those of the files that are there with their content, by key, with the ETags of now.

    `damaged` are keys of which it is known that they are not.
    """
    found, unknown = dict[str, OutputFile](), list[OutputFile]()
    for file in files:
        info = there.get(file.key)
        if info is None or info.size != file.size or file.key in damaged:
            continue
        if file.etag == info.etag:
            found[file.key] = file
        else:
            unknown.append(replace(file, etag=info.etag))
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        same = pool.map(lambda file: _is(lake, file), unknown)
        return found | {file.key: file for file, is_same in zip(unknown, same, strict=True) if is_same}


def with_etags(lake: Store, files: Mapping[str, OutputFile]) -> dict[str, OutputFile]:
    """Return the files, just written or found standing, with their ETags."""
    there = listed(lake)
    return {key: _with_etag(file, there.get(key)) for key, file in files.items()}


def _with_etag(file: OutputFile, info: ObjectInfo | None) -> OutputFile:
    return replace(file, etag=info.etag if info and info.size == file.size else "")


def _is(lake: Store, file: OutputFile) -> bool:
    """Read a file in just this version, and compare."""
    digest = hashlib.sha256()
    try:
        for piece in lake.read_pieces(file.key, file.size, file.etag):
            digest.update(piece)
    except (NotFoundError, ChangedObjectError):
        return False
    return digest.hexdigest() == file.sha256
