"""Checkpoints: the proof, beside the data, that one stage of one log day is done.

A stage writes its files under names that no earlier attempt used and then one `_checkpoint.json`; readers
trust only files that a checkpoint names. Nothing is renamed, so the protocol is the same in a folder and
on S3. A crash leaves files that nobody names; they are swept when they are a day old.

    <lake>/<stage>/<log day>/_checkpoint.json     the truth
    <lake>/<stage>/<log day>/<role>-<attempt>.…   the files it names
    <lake>/open/<log day>                         there while a log day is not finished
"""

import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from include.s3logs.errors import ChangedObjectError, CorruptLakeError, NotFoundError
from include.s3logs.lake.open_days import open_day
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)
FORMAT = 1
CHECKPOINT = "_checkpoint.json"
_ORPHAN_AGE = timedelta(days=1)  # older than any attempt that may still be running


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a stage wrote: its key in the lake, size in bytes and SHA-256."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one finished stage of one log day read, wrote and counted.

    `inputs` is everything that decides the result, and `fingerprint` its digest; `upstream` holds the
    fingerprint and counts of the stages before, by stage.
    """

    stage: str
    log_day: str
    fingerprint: str
    inputs: Mapping[str, Any]
    files: Mapping[str, OutputFile]
    counts: Mapping[str, int]
    upstream: Mapping[str, Mapping[str, Any]]
    format: int = FORMAT

    def to_json(self) -> bytes:
        """Serialise, byte-identical for equal checkpoints."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> "Checkpoint":
        """Parse; ValueError when it is no checkpoint of this format."""
        content = json.loads(data)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"not a checkpoint of format {FORMAT}")
        content["files"] = {role: OutputFile(**file) for role, file in content["files"].items()}
        try:
            return cls(**content)
        except TypeError as error:
            raise ValueError(str(error)) from error

    def content(self) -> str:
        """Return a digest of the outputs: another one than before even where the inputs are the same."""
        return fingerprint_of({role: file.sha256 for role, file in self.files.items()})

    def lineage(self) -> dict[str, Mapping[str, Any]]:
        """Return `upstream` of the next stage: that of this one and this one itself."""
        return {**self.upstream, self.stage: {"fingerprint": self.fingerprint, "counts": dict(self.counts)}}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A stage's checkpoint and whether it was `computed` now or `reused`."""

    checkpoint: Checkpoint
    reused: bool


def fingerprint_of(inputs: Mapping[str, Any]) -> str:
    """Return a digest of everything that decides a stage's result."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def checkpoint_key(stage: str, day: date) -> str:
    """Return the key of a checkpoint in the lake."""
    return f"{stage}/{day}/{CHECKPOINT}"


def load_checkpoint(lake: Store, stage: str, day: date) -> Checkpoint | None:
    """Return the checkpoint, or None when there is none that can be read as one."""
    key = checkpoint_key(stage, day)
    try:
        return Checkpoint.from_json(lake.read(key))
    except NotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s is no valid checkpoint (%s); the stage is computed again.", lake.uri(key), error)
        return None


def read_output(lake: Store, checkpoint: Checkpoint, role: str) -> bytes:
    """Return the content of one of the checkpoint's files, verified against its digest."""
    file = checkpoint.files[role]
    try:
        data = lake.read(file.key)
    except NotFoundError:
        data = None
    if data is None or hashlib.sha256(data).hexdigest() != file.sha256:
        raise _corrupt(lake, checkpoint, file)
    return data


def copy_output(lake: Store, checkpoint: Checkpoint, role: str, path: Path) -> Path:
    """Copy one of the checkpoint's files to a local one, verified like `read_output` and piece by piece."""
    file, digest = checkpoint.files[role], hashlib.sha256()
    try:
        with path.open("wb") as copy:
            for piece in lake.read_pieces(file.key, file.size):
                digest.update(piece)
                copy.write(piece)
    except (NotFoundError, ChangedObjectError) as error:
        raise _corrupt(lake, checkpoint, file) from error
    if digest.hexdigest() != file.sha256:
        raise _corrupt(lake, checkpoint, file)
    return path


def _corrupt(lake: Store, checkpoint: Checkpoint, file: OutputFile) -> CorruptLakeError:
    return CorruptLakeError(
        f"{lake.uri(file.key)} does not have the content that its checkpoint promises. "
        f"Run log day {checkpoint.log_day} again with force."
    )


class Attempt:
    """One attempt at a stage of a log day; `write` its files, then `commit`."""

    def __init__(self, lake: Store, stage: str, day: date) -> None:
        self.lake, self.stage, self.day = lake, stage, day
        self.token = secrets.token_hex(8)
        self.files: dict[str, OutputFile] = {}

    def write(self, role: str, suffix: str, data: bytes) -> None:
        """Write one output file under a name of this attempt alone."""
        key = self._key(role, suffix)
        self.lake.write(key, data)
        self.files[role] = OutputFile(key, len(data), hashlib.sha256(data).hexdigest())

    def write_file(self, role: str, suffix: str, path: Path) -> None:
        """Write one output file, as `write` does, from a local file that may be larger than the memory."""
        key = self._key(role, suffix)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.lake.write_file(key, path)
        self.files[role] = OutputFile(key, path.stat().st_size, digest)

    def _key(self, role: str, suffix: str) -> str:
        return f"{self.stage}/{self.day}/{role}-{self.token}.{suffix}"

    def commit(
        self, inputs: Mapping[str, Any], counts: Mapping[str, int], upstream: Mapping[str, Mapping[str, Any]]
    ) -> Checkpoint:
        """Write the checkpoint: from here on the files count."""
        checkpoint = Checkpoint(
            stage=self.stage,
            log_day=str(self.day),
            fingerprint=fingerprint_of(inputs),
            inputs=inputs,
            files=self.files,
            counts=counts,
            upstream=upstream,
        )
        self.lake.write(checkpoint_key(self.stage, self.day), checkpoint.to_json())
        return checkpoint


def run_stage(
    lake: Store,
    stage: str,
    day: date,
    *,
    inputs: Mapping[str, Any],
    compute: Callable[[Attempt], Mapping[str, int]],
    upstream: Mapping[str, Mapping[str, Any]] | None = None,
    force: bool = False,
    opens: bool = True,
) -> Outcome:
    """Reuse the stage's result if its inputs are the same, else compute and commit it.

    `compute` writes its files through the attempt and returns counts that it has reconciled. A stage of the
    log day `opens` it; something derived does not.
    """
    earlier = load_checkpoint(lake, stage, day)
    if earlier and not force and earlier.fingerprint == fingerprint_of(inputs) and _intact(lake, earlier):
        return Outcome(earlier, reused=True)
    if opens:
        open_day(lake, day)
    attempt = Attempt(lake, stage, day)
    counts = compute(attempt)
    checkpoint = attempt.commit(inputs, counts, upstream or {})
    _sweep(lake, checkpoint, earlier)
    return Outcome(checkpoint, reused=False)


def _intact(lake: Store, checkpoint: Checkpoint) -> bool:
    sizes = {info.key: info.size for info in lake.list(f"{checkpoint.stage}/{checkpoint.log_day}/")}
    return all(sizes.get(file.key) == file.size for file in checkpoint.files.values())


def _sweep(lake: Store, *keep: Checkpoint | None) -> None:
    """Remove files of attempts that came to nothing; those of the earlier checkpoint may be being read."""
    newest = keep[0]
    if newest is None:
        return
    named = {file.key for checkpoint in keep if checkpoint for file in checkpoint.files.values()}
    named.add(checkpoint_key(newest.stage, date.fromisoformat(newest.log_day)))
    before = datetime.now(UTC) - _ORPHAN_AGE
    folder = f"{newest.stage}/{newest.log_day}/"
    lake.delete([i.key for i in lake.list(folder) if i.key not in named and i.modified < before])
