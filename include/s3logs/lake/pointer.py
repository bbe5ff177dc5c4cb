"""Pointers: files under names that nobody used before, and one JSON, written last, that names them.

All that consists of several files is kept this way: checkpoints, months, the publication, what was fetched of
a catalog, the region cache, roll-ups. Readers trust only files that a pointer names, and compare digests.
Nothing is renamed, locked or appended to, so it is the same in a folder and on S3, and whenever a process
dies, the pointer names whole files: the earlier ones or the new ones.

A pointer is put in place of the very version that its writer began with. Of two writers at once one is the
first; the other throws its files away. Files that nobody names are swept when they are a day old.

A pointer has a digest of itself, too, so that no byte of it changes unnoticed.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from include.s3logs.errors import ChangedObjectError, CorruptLakeError, NewerLakeError, NotFoundError
from include.s3logs.stores.store import ABSENT, Store

Json = dict[str, Any]
CHECKSUM = "checksum"
"""In a pointer: the digest of everything else in it. Those of formats before today's may have none."""
MENDED_BY_REPAIR = (
    "`make verify REPAIR=1`, or the DAG s3_lake_verification with Repair, mends what can be mended and loses "
    "nothing."
)
ORPHAN_AGE = timedelta(days=1)
"""Older than any attempt that may still be running, or any reader of what was replaced."""


def without_checksum(content: Json, _: Store) -> Json:
    """Upgrade from a format that had no checksum: nothing else is different."""
    return content


class NotAPointerError(ValueError):
    """What is stored is no pointer of its kind; says why."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a pointer names: its key in the lake, size in bytes and SHA-256.

    `etag` is known of those whose name is fixed, so that a change shows without reading them; else "".
    """

    key: str
    size: int
    sha256: str
    etag: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a pointer is: its name in messages, its format, and how the format before becomes the next.

    `upgrades[n]` makes content of format n + 1 of one of format n; what is stored without a format has 1.
    `says` is what each part of its content means, for people; its files and its format are no part of that.
    """

    name: str
    format: int = 1
    upgrades: Mapping[int, Callable[[Json, Store], Json]] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A pointer as it stands in the lake: its files by role, and whatever else it says.

    `format` is the one it was written in; `content` and `files` are those of today's.
    """

    files: Mapping[str, OutputFile]
    content: Mapping[str, Any]
    format: int


class Pointer:
    """The pointer at one key of a store."""

    def __init__(self, lake: Store, key: str, kind: Kind) -> None:
        self.lake, self.key, self.kind = lake, key, kind

    def read(self) -> Found | None:
        """Return what it says; None when there is none.

        Raises NotAPointerError, and NewerLakeError for a format of a later release.
        """
        try:
            data = self.lake.read(self.key)
        except NotFoundError:
            return None
        return self.parsed(data)

    def version(self) -> str:
        """Return what a writer has to begin with: the ETag of what is stored now, or `ABSENT`."""
        found = self.lake.find(self.key)
        return found.etag if found else ABSENT

    def parsed(self, data: bytes) -> Found:
        """Return what these bytes say, brought to today's format; raises as `read` does."""
        content = load_json(data, self.kind, self.lake.uri(self.key))
        written = content["format"]
        check_checksum(content, required=written == self.kind.format)
        del content["format"]
        try:
            for number in range(written, self.kind.format):
                content = self.kind.upgrades[number](content, self.lake)
            files = {
                role: OutputFile(**{"key": role, **file}) for role, file in content.pop("files", {}).items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise NotAPointerError(f"it makes no sense: {error}") from error
        return Found(files, content, written)

    def put(self, files: Mapping[str, OutputFile], content: Mapping[str, Any], *, over: str) -> None:
        """Write it in place of just the version `over`; ChangedObjectError when another writer was first."""
        told = {role: named(file, role) for role, file in files.items()}
        whole = {"format": self.kind.format, "files": told, **content}
        whole[CHECKSUM] = checksum(whole)
        put(self.lake, self.key, json.dumps(whole, indent=1, sort_keys=True).encode() + b"\n", over=over)


class Attempt:
    """Files in the making, under names of this attempt alone: `<folder>/<role>-<token>.<suffix>`."""

    def __init__(self, lake: Store, folder: str) -> None:
        self.lake, self.folder = lake, folder
        self.token = secrets.token_hex(8)
        self.files: dict[str, OutputFile] = {}

    def write(self, role: str, suffix: str, data: bytes) -> OutputFile:
        """Write one file."""
        key = self._key(role, suffix)
        self.lake.write(key, data)
        return self._note(role, OutputFile(key, len(data), hashlib.sha256(data).hexdigest()))

    def write_file(self, role: str, suffix: str, path: Path) -> OutputFile:
        """Write one file, as `write` does, from a local one that may be larger than the memory."""
        key = self._key(role, suffix)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.lake.write_file(key, path)
        return self._note(role, OutputFile(key, path.stat().st_size, digest))

    def abandon(self) -> None:
        """Throw the files away."""
        self.lake.delete([file.key for file in self.files.values()])

    def _key(self, role: str, suffix: str) -> str:
        return f"{self.folder}/{role}-{self.token}.{suffix}"

    def _note(self, role: str, file: OutputFile) -> OutputFile:
        self.files[role] = file
        return file


def named(file: OutputFile, role: str = "") -> Json:
    """Return what a pointer says of a file: not its key where that is the role, nor what is not known."""
    return {name: value for name, value in asdict(file).items() if value not in ("", role)}


def checksum(content: Mapping[str, Any]) -> str:
    """Return the digest of what a pointer says."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_json(data: bytes, kind: Kind, where: str) -> Json:
    """Return the JSON object with its `format`; raises NotAPointerError and NewerLakeError (at `where`)."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotAPointerError(f"no JSON: {error}") from error
    written = content.setdefault("format", 1) if isinstance(content, dict) else None
    if type(written) is not int or written < 1:
        raise NotAPointerError(f"not a {kind.name} of format {kind.format}")
    if written > kind.format:
        raise NewerLakeError(
            f"{where} was written by a later release of s3logs (format {written}; this release knows formats "
            f"up to {kind.format}). Use that release, or another lake; nothing was changed."
        )
    found: Json = content
    return found


def put(store: Store, key: str, data: bytes, *, over: str) -> None:
    """Write `data` in place of just the version `over`.

    A server may do so, and its answer get lost: then the repeated request is refused, and it is done all the
    same.
    """
    try:
        store.write(key, data, over=over)
    except ChangedObjectError:
        if not _is_there(store, key, data):
            raise


def read_file(lake: Store, file: OutputFile, remedy: str) -> bytes:
    """Return the content of a file, verified; CorruptLakeError says what is wrong and the `remedy`."""
    try:
        data = lake.read(file.key)
    except NotFoundError:
        data = None
    if data is None or hashlib.sha256(data).hexdigest() != file.sha256:
        raise _corrupt(lake, file, remedy)
    return data


def copy_file(lake: Store, file: OutputFile, path: Path, remedy: str) -> Path:
    """Copy a file to a local one, verified as `read_file` does and piece by piece."""
    digest = hashlib.sha256()
    try:
        with path.open("wb") as copy:
            for piece in lake.read_pieces(file.key, file.size):
                digest.update(piece)
                copy.write(piece)
    except (NotFoundError, ChangedObjectError) as error:
        raise _corrupt(lake, file, remedy) from error
    if digest.hexdigest() != file.sha256:
        raise _corrupt(lake, file, remedy)
    return path


def sweep(lake: Store, prefix: str, keep: Collection[str], age: timedelta = ORPHAN_AGE) -> None:
    """Remove what is below a prefix, of that age at least, and not kept: of attempts that came to nothing."""
    before = datetime.now(UTC) - age
    lake.delete([info.key for info in lake.list(prefix) if info.key not in keep and info.modified < before])


def check_checksum(content: Json, *, required: bool = False) -> None:
    """Take the checksum out; NotAPointerError when it is another one than that of the rest."""
    told = content.pop(CHECKSUM, None)
    if told is None and not required:
        return
    if told != checksum(content):
        raise NotAPointerError("it does not say what was written: its checksum is that of other content")


def _is_there(store: Store, key: str, data: bytes) -> bool:
    try:
        return store.read(key) == data
    except NotFoundError:
        return False


def _corrupt(lake: Store, file: OutputFile, remedy: str) -> CorruptLakeError:
    return CorruptLakeError(
        f"{lake.uri(file.key)} does not have the content that the lake promises. {remedy}"
    )
