"""Manifests: which log objects a roll-up holds, where in it, and the digests that prove it."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from include.s3logs.lake.pointer import Kind, load_json
from include.s3logs.logs.rolled_up.codecs import SUFFIXES, Codec
from include.s3logs.logs.rolled_up.levels import Level, interval_of_file
from include.s3logs.logs.rolled_up.origins import ObjectVersion, address, base_name

KIND = Kind(
    "manifest",
    says={
        "level": "`10min`, `hour`, `day` or `month`",
        "interval": "the date in the name",
        "codec": "`none`, `gzip`, `bzip2` or `zstd`",
        "rollup": "`key` in the destination it was written to (wherever the files are since, the roll-up is "
        "the one beside its manifest); `size`, `sha256`, `etag` of the stored object; `bytes`, `lines`, "
        "`content_sha256` of what is packed in it",
        "objects": "of each log object `source` and `key`; `size` and `etag`, which tell the version; "
        "`lines`, `bytes` and `sha256` of its unpacked content, which begins at `offset` in the roll-up",
        "tagged": "the tag that all originals got, if they did",
        "replaces": "of an attempt that is at work or died: the roll-up that was there before",
    },
)


class Member(NamedTuple):
    """One log object in a roll-up.

    `source` and `key` give its address, `size` and `etag` say which version it was. `lines`, `sha256` and
    `bytes` are those of its unpacked content, which begins at `offset` in the roll-up's. Where it does not
    end with a newline, one that belongs to no member follows it.
    """

    source: str
    key: str
    size: int
    etag: str
    lines: int
    sha256: str
    offset: int
    bytes: int

    @property
    def version(self) -> ObjectVersion:
        """What tells it from all others: its address, whatever part of that the source was, and its ETag."""
        return address(self.source, self.key), self.etag

    @property
    def identity(self) -> tuple[str, str, int]:
        """What a copy of it has in common with it, wherever it is and however it is packed or was stored."""
        return base_name(self.key), self.sha256, self.bytes


@dataclass(frozen=True, slots=True)
class RollUpFile:
    """The roll-up as it is stored (`size`, `sha256`) and its unpacked content.

    `etag` is that of the stored object which was read back and found to have this digest; None in the
    manifest of an attempt.
    """

    key: str
    size: int
    sha256: str
    bytes: int
    lines: int
    content_sha256: str
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a roll-up is made of. `tagged` is the tag (`name=value`) that all its log objects got, if any."""

    level: Level
    interval: str
    codec: Codec
    rollup: RollUpFile
    objects: tuple[Member, ...]
    tagged: str | None = None
    replaces: RollUpFile | None = None
    """Only in the manifest of an attempt: the roll-up that was there before."""

    def to_json(self) -> bytes:
        """Serialise: a line for each log object, in the order of their keys."""
        content: dict[str, Any] = {
            "format": KIND.format,
            "level": self.level,
            "interval": self.interval,
            "codec": self.codec,
            "rollup": asdict(self.rollup),
        }
        if self.tagged:
            content["tagged"] = self.tagged
        if self.replaces:
            content["replaces"] = asdict(self.replaces)
        objects = sorted(self.objects, key=lambda member: (member.key, *member))
        lines = [f'"{name}": {json.dumps(value)},\n' for name, value in content.items()]
        members = ",\n".join([json.dumps(member._asdict()) for member in objects])
        return "".join(["{\n", *lines, '"objects": [\n', members, "\n]}\n"]).encode()

    @classmethod
    def from_json(cls, data: bytes, key: str) -> "Manifest":
        """Parse what is stored as `key`; ValueError when it is no manifest of this format.

        Raises NewerLakeError for one of a later release.

        A roll-up stands beside its manifest: its key in the one returned is that in the store which has
        `key`. The one that is stored is that in the store it was written to, which may begin elsewhere.
        """
        content = load_json(data, KIND, key)
        del content["format"]
        try:
            content["rollup"] = _beside(key, RollUpFile(**content["rollup"]))
            content["objects"] = tuple(Member(**member) for member in content["objects"])
            if content["codec"] not in SUFFIXES or any(map(_is_wrong, content["objects"])):
                raise TypeError("an unknown codec, or a value of another type")
            if replaced := content.get("replaces"):
                content["replaces"] = _beside(key, RollUpFile(**replaced))
            return cls(**content)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a manifest of format {KIND.format}: {error}") from error

    def is_stored_as(self, data: bytes, key: str) -> bool:
        """Tell whether this is what is stored as `key`, wherever the store of whoever wrote it began."""
        try:
            return Manifest.from_json(data, key).to_json() == self.to_json()
        except ValueError:
            return False

    def holds(self) -> set[ObjectVersion]:
        """Return the versions of all log objects in the roll-up."""
        return {member.version for member in self.objects}


def _is_wrong(member: Member) -> bool:
    return tuple(map(type, member)) != tuple(Member.__annotations__.values())


def _beside(key: str, file: RollUpFile) -> RollUpFile:
    """Return the file with the key that it has beside the manifest with this key."""
    interval = interval_of_file(key)
    if interval is None:
        raise ValueError(f"{key!r} is no name of a manifest")
    packed = (codec for codec, suffix in SUFFIXES.items() if suffix and file.key.endswith(suffix))
    return replace(file, key=interval.rollup_key(next(packed, "none")))
