"""Manifests: which log objects a roll-up holds, where in it, and the digests that prove it."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from include.s3logs.lake.pointer import Kind, load_json
from include.s3logs.logs.rolled_up.codecs import SUFFIXES, Codec
from include.s3logs.logs.rolled_up.levels import Interval, Level, interval_of_file
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

_MOST = 1 << 63  # bytes or lines: what Parquet and Arrow can hold
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SAFE_KEY = re.compile(r"(?!(?:.*/)?\.{0,2}(?:/|$)).+", re.DOTALL)  # no part is empty, one dot or two dots
_TIMES: dict[str, str] = {
    "month": r"-{day}-{hour}-{sixty}-{sixty}",
    "day": r"-{hour}-{sixty}-{sixty}",
    "hour": r"-{sixty}-{sixty}",
    "10min": r"[0-9]-{sixty}",
}


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
        """Parse what is stored as `key`; ValueError when it is no manifest of this format, or makes no sense.

        Raises NewerLakeError for one of a later release.

        A roll-up stands beside its manifest: its key in the one returned is that in the store which has
        `key`. The one that is stored is that in the store it was written to, which may begin elsewhere.
        """
        interval = interval_of_file(key)
        if interval is None:
            raise ValueError(f"{key!r} is no name of a manifest")
        content = load_json(data, KIND, key)
        del content["format"]
        try:
            content["rollup"] = RollUpFile(**content["rollup"])
            content["objects"] = tuple(Member(**member) for member in content["objects"])
            if replaced := content.get("replaces"):
                content["replaces"] = _beside(interval, RollUpFile(**replaced))
            manifest = cls(**content)
            _check(manifest, interval)
            return replace(manifest, rollup=_beside(interval, manifest.rollup))
        except (TypeError, KeyError, AttributeError, ValueError) as error:
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


def _beside(interval: Interval, file: RollUpFile) -> RollUpFile:
    """Return the file with the key that it has beside the manifest of this interval."""
    packed = (codec for codec, suffix in SUFFIXES.items() if suffix and file.key.endswith(suffix))
    return replace(file, key=interval.rollup_key(next(packed, "none")))


def _check(manifest: Manifest, interval: Interval) -> None:
    """Raise ValueError for the first value that makes no sense, naming it.

    The manifest is stored as, and by its name is, that of `interval`. Whether a roll-up is what its manifest
    says, only reading it tells.
    """
    _expect(
        (manifest.level, manifest.interval) == (interval.level, interval.name), "it is of another interval"
    )
    _expect(manifest.codec in SUFFIXES, f"{manifest.codec!r} is no codec")
    written = manifest.rollup.key  # where it was written to: the files may be elsewhere since
    is_named_so = written.endswith(interval.name + SUFFIXES[manifest.codec])
    _expect(is_named_so, f"{written!r} is no roll-up of {interval.name} with the codec {manifest.codec}")
    _expect(manifest.tagged is None or type(manifest.tagged) is str, "`tagged` is no tag")
    for file in (manifest.rollup, manifest.replaces):
        if file is not None:
            _check_file(file)
    _check_members(manifest.objects, interval)
    _check_order(manifest.rollup, manifest.objects)


def _check_file(file: RollUpFile) -> None:
    for number in (file.size, file.bytes, file.lines):
        _expect(_is_count(number), f"{number!r} is no size of {file.key!r} and no count of its lines")
    for digest in (file.sha256, file.content_sha256):
        _expect(_is_digest(digest), f"{digest!r} is no SHA-256 of {file.key!r}")
    _expect(
        file.etag is None or (type(file.etag) is str and file.etag != ""), f"{file.key!r} has no such ETag"
    )


def _check_members(members: Sequence[Member], interval: Interval) -> None:
    is_named_so = _names(interval).fullmatch
    for source, key, size, etag, lines, sha256, offset, length in members:  # maybe millions
        if not type(source) is type(key) is type(etag) is str:
            raise ValueError(f"{key!r} is no log object")
        if not (_is_count(size) and _is_count(lines) and _is_count(offset) and _is_count(length)):
            raise ValueError(f"{key!r} has a size or count that is none")
        if not _is_digest(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256 of {key!r}")
        if not is_named_so(key):
            raise ValueError(f"{key!r} is no log object of {interval.name}")
        if not (source.startswith("s3://") or (source.startswith("/") and _SAFE_KEY.fullmatch(key))):
            raise ValueError(f"{key!r} is no key inside {source!r}")
    versions = {member.version for member in members}
    _expect(len(versions) == len(members), "it names a version of a log object twice")


def _check_order(rollup: RollUpFile, members: Sequence[Member]) -> None:
    """Members follow each other without a gap, but for the newline that is added where one is missing."""
    end, length = 0, 0
    ordered = sorted((member.offset, member.bytes, member.key) for member in members)
    for offset, following, key in [*ordered, (rollup.bytes, 0, rollup.key)]:
        if offset != end and not (offset == end + 1 and length):
            raise ValueError(f"{key!r} does not follow what is before it, or is no end of it")
        end, length = offset + following, following
    lines = sum(member.lines for member in members)
    _expect(lines == rollup.lines, "its log objects do not have as many lines as it has")


def _names(interval: Interval) -> re.Pattern[str]:
    """Return what the keys of delivered log objects of the interval look like, all times of it being real."""
    days = "|".join(f"{day:%d}" for day in interval.days)
    time = _TIMES[interval.level].format(day=f"(?:{days})", hour="(?:[01][0-9]|2[0-3])", sixty="[0-5][0-9]")
    beginning = interval.name[:-1] if interval.level == "10min" else interval.name
    return re.compile(f".*{re.escape(beginning)}{time}-[0-9A-Za-z]+", re.DOTALL)


def _is_count(number: object) -> bool:
    return type(number) is int and 0 <= number < _MOST


def _is_digest(text: object) -> bool:
    return type(text) is str and _DIGEST.fullmatch(text) is not None


def _expect(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)
