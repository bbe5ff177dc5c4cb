"""Checkpoints: the proof, beside the data, that one stage of one log day is done.

A checkpoint is a pointer (`pointer.py`) to the files of a stage, with what they were made from and what was
counted. A crash leaves files that nobody names.

    <lake>/<stage>/<log day>/_checkpoint.json     the truth
    <lake>/<stage>/<log day>/<role>-<attempt>.…   the files it names
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

from include.s3logs.errors import ChangedObjectError, CorruptLakeError
from include.s3logs.lake import pointer
from include.s3logs.lake.open_days import open_day
from include.s3logs.lake.pointer import (
    MENDED_BY_REPAIR,
    Found,
    Json,
    Kind,
    NotAPointerError,
    OutputFile,
    Pointer,
    without_checksum,
)
from include.s3logs.lake.stages import Stage, by_name, makes_figures
from include.s3logs.stores.store import ABSENT, Store
from include.s3logs.tables.schemas import check_columns

log = logging.getLogger(__name__)

CHECKPOINT = "_checkpoint.json"
OBJECTS = "objects"
"""The role of the list of log objects that a day was made of."""
SETTINGS = "settings"
"""In `upstream`: the digest of the settings with which a day was reduced."""
KEPT_FOR = "kept_for"
"""A mark: the version of the stage that could not compute the result again."""
RETAINED = "retained"
"""The mark that files with addresses are gone: the day (YYYY-MM-DD) on which they went. Also the role of the
rows of bin without addresses."""
REGIONS = "regions"
"""The mark that says, as inputs of map do, of which regions and salt that is which stands for addresses."""


def _from_1(content: Json, _: Store) -> Json:
    """What only judges a day was among what it was made from."""
    judging = ("rejection_limit", "on_unreadable")
    inputs = {name: value for name, value in content.get("inputs", {}).items() if name not in judging}
    return {**content, "inputs": inputs}


def _from_2(content: Json, lake: Store) -> Json:
    """There was no checksum, and what was said of the stages before had no versions; all had these."""
    versions = {"reduced": 1, "binned": 3}
    upstream = {
        name: {"version": versions[name], **told} if name in versions else told
        for name, told in content.get("upstream", {}).items()
    }
    return without_checksum({**content, "upstream": upstream}, lake)


KIND = Kind(
    "checkpoint",
    3,
    {1: _from_1, 2: _from_2},
    says={
        "stage": "the stage, by its folder",
        "log_day": "the log day; of a month its first",
        "fingerprint": "what tells this result from others, for the next stage",
        "inputs": "all that decides the result: what was read, version, settings, catalog, regions",
        "counts": "what was counted; it reconciles with the stage before. Of reduce `operation …`, too, "
        "where no request of an operation of the settings was counted: how many records of others were seen",
        "upstream": "`fingerprint`, `version` and `counts` of the stages before, and their `marks`, if any; "
        "of reduce `objects` and `settings`, too",
        "marks": "only where there is something to say: `kept_for` is the version of the stage that could "
        "not compute the result again, as what it was made of is gone; `retained` the day on which the files "
        "with addresses went; of bin `regions`, of which regions and salt that is which stands for them",
    },
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one finished stage of one log day read, wrote and counted.

    `inputs` is everything that decides the result, and `fingerprint` its digest (one that an earlier release
    wrote may have been of more). `upstream` holds by stage the fingerprint, version and counts of those
    before, and of reduce the list of log objects as a file and the digest of its settings. `marks` is what
    was found out about the result, or became of it, since; no part of the fingerprint.
    """

    stage: str
    log_day: str
    fingerprint: str
    inputs: Mapping[str, Any]
    files: Mapping[str, OutputFile]
    counts: Mapping[str, int]
    upstream: Mapping[str, Mapping[str, Any]]
    marks: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Found) -> "Checkpoint":
        """Return the checkpoint that a pointer holds; NotAPointerError when something is missing."""
        try:
            return cls(files=found.files, **found.content)
        except TypeError as error:
            raise NotAPointerError(str(error)) from error

    def told(self) -> dict[str, Any]:
        """Return what the pointer says beside its files."""
        told = {name: getattr(self, name) for name in self.__slots__ if name != "files"}
        return told if self.marks else {name: said for name, said in told.items() if name != "marks"}

    @property
    def version(self) -> int:
        """The version of the stage that made it."""
        return int(self.inputs.get("version", 0))

    @property
    def retained(self) -> str:
        """Return the day (YYYY-MM-DD) on which its files with addresses went; "" while they are kept."""
        return str(self.marks.get(RETAINED, ""))

    def content(self) -> str:
        """Return a digest of the outputs: another one than before even where the inputs are the same."""
        return fingerprint_of({role: file.sha256 for role, file in self.files.items()})

    def lineage(self) -> dict[str, Mapping[str, Any]]:
        """Return `upstream` of the next stage: that of this one and this one itself."""
        own: dict[str, Any] = {
            "fingerprint": self.fingerprint,
            "version": self.version,
            "counts": dict(self.counts),
        }
        if self.marks:
            own["marks"] = dict(self.marks)
        if OBJECTS in self.files:
            own |= {OBJECTS: pointer.named(self.files[OBJECTS]), SETTINGS: fingerprint_of(self.settings())}
        return {**self.upstream, self.stage: own}

    def settings(self) -> dict[str, Any]:
        """Return what of the inputs are settings: all but the version and the log objects."""
        return settings_in(self.inputs)

    def told_of(self, stage: str) -> "Checkpoint":
        """Return what this one says of an earlier stage's result, without its files."""
        told = self.upstream[stage]
        inputs = {"version": told["version"]} if "version" in told else {}
        return Checkpoint(stage, self.log_day, told["fingerprint"], inputs, {}, told["counts"], {})

    def is_behind(self) -> bool:
        """Tell whether a stage of today would make it, or what it was made of, by newer rules."""
        return any(kept_for != newest for kept_for, newest in self._older())

    def is_by_older_rules(self) -> bool:
        """Tell whether it, or what it was made of, stays as an earlier version of a stage made it."""
        return any(kept_for == newest for kept_for, newest in self._older())

    def _older(self) -> Iterator[tuple[int | None, int]]:
        """Yield for each part that an earlier version of a stage made: kept for which one, and today's."""
        own = {"version": self.version, "marks": self.marks}
        for name, told in {**self.upstream, self.stage: own}.items():
            stage = by_name(name)
            if stage and told.get("version", stage.version) < stage.version:
                yield told.get("marks", {}).get(KEPT_FOR), stage.version

    def with_(self, **changes: Any) -> "Checkpoint":
        """Return it with something else said; its fingerprint is the same."""
        return replace(self, **changes)

    def is_made_from(self, inputs: Mapping[str, Any]) -> bool:
        """Tell whether the result would be the same with these inputs."""
        return fingerprint_of(self.inputs) == fingerprint_of(inputs)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A stage's checkpoint and whether it was `computed` now or `reused`."""

    checkpoint: Checkpoint
    reused: bool


def settings_in(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of the inputs of reduce are settings."""
    return {k: v for k, v in inputs.items() if k != "version" and not k.startswith("log_objects")}


def fingerprint_of(inputs: Mapping[str, Any]) -> str:
    """Return a digest of everything that decides a stage's result."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def checkpoint_key(stage: str, day: date) -> str:
    """Return the key of a checkpoint in the lake."""
    return f"{stage}/{day}/{CHECKPOINT}"


def load_checkpoint(lake: Store, stage: str, day: date) -> Checkpoint | None:
    """Return the checkpoint, or None when there is none that can be read as one.

    Raises NewerLakeError for one of a later release.
    """
    found = Pointer(lake, checkpoint_key(stage, day), KIND)
    try:
        return Checkpoint.of(told) if (told := found.read()) else None
    except NotAPointerError as error:
        log.warning(
            "%s is no valid checkpoint (%s); the stage is computed again.", lake.uri(found.key), error
        )
        return None


def intact_checkpoint(lake: Store, stage: str, day: date) -> Checkpoint | None:
    """Return the checkpoint if all its files are there in their sizes, else None."""
    found = load_checkpoint(lake, stage, day)
    if found is None:
        return None
    sizes = {info.key: info.size for info in lake.list(f"{stage}/{day}/")}
    return found if all(sizes.get(file.key) == file.size for file in found.files.values()) else None


def amend(
    lake: Store,
    checkpoint: Checkpoint,
    files: Mapping[str, OutputFile],
    marks: Mapping[str, Any],
    *,
    over: str,
) -> Checkpoint:
    """Let a checkpoint name these files and have these marks more, in place of just the version `over`.

    What it was made from stays, so whatever was made of it is reused. ChangedObjectError when another writer
    was faster.
    """
    amended = checkpoint.with_(files=files, marks={**checkpoint.marks, **marks})
    key = checkpoint_key(amended.stage, date.fromisoformat(amended.log_day))
    Pointer(lake, key, KIND).put(amended.files, amended.told(), over=over)
    return amended


def read_output(lake: Store, checkpoint: Checkpoint, role: str) -> bytes:
    """Return the content of one of the checkpoint's files, verified against its digest.

    A table has to have the columns that its stage says.
    """
    data = pointer.read_file(lake, checkpoint.files[role], MENDED_BY_REPAIR)
    _check_columns(lake, checkpoint, role, BytesIO(data))
    return data


def copy_output(lake: Store, checkpoint: Checkpoint, role: str, path: Path) -> Path:
    """Copy one of the checkpoint's files to a local one, verified like `read_output` and piece by piece."""
    pointer.copy_file(lake, checkpoint.files[role], path, MENDED_BY_REPAIR)
    _check_columns(lake, checkpoint, role, path)
    return path


def _check_columns(lake: Store, checkpoint: Checkpoint, role: str, source: Path | BytesIO) -> None:
    stage = by_name(checkpoint.stage)
    columns = stage.file(role).columns if stage else ()
    if columns and (problem := check_columns(source, columns)):
        where = lake.uri(checkpoint.files[role].key)
        raise CorruptLakeError(
            f"{where} is not what {checkpoint.stage} leaves: {problem}. {MENDED_BY_REPAIR}"
        )


class Attempt(pointer.Attempt):
    """One attempt at a stage of a log day; `write` its files, then `commit`."""

    def __init__(self, lake: Store, stage: str, day: date) -> None:
        super().__init__(lake, f"{stage}/{day}")
        self.stage, self.day = stage, day

    def commit(
        self,
        inputs: Mapping[str, Any],
        counts: Mapping[str, int],
        upstream: Mapping[str, Mapping[str, Any]],
        *,
        over: str = ABSENT,
    ) -> Checkpoint:
        """Write the checkpoint in place of just the version `over`: from here on the files count.

        When another attempt was faster, the files are thrown away: ChangedObjectError.
        """
        checkpoint = Checkpoint(
            stage=self.stage,
            log_day=str(self.day),
            fingerprint=fingerprint_of(inputs),
            inputs=inputs,
            files=self.files,
            counts=counts,
            upstream=upstream,
        )
        place = Pointer(self.lake, checkpoint_key(self.stage, self.day), KIND)
        try:
            place.put(self.files, checkpoint.told(), over=over)
        except ChangedObjectError as error:
            self.abandon()
            raise ChangedObjectError(
                f"Another attempt at {self.stage} of {self.day} was faster; its result stands."
            ) from error
        return checkpoint


def run_stage(
    lake: Store,
    stage: Stage,
    day: date,
    *,
    inputs: Mapping[str, Any],
    compute: Callable[[Attempt], Mapping[str, int]],
    upstream: Mapping[str, Mapping[str, Any]] | None = None,
    force: bool = False,
    token: str | None = None,
) -> Outcome:
    """Reuse the stage's result if its inputs are the same, else compute and commit it.

    `compute` writes its files through the attempt and returns counts that it has reconciled. Before work on
    what the figures of the log day wait for, the day is opened with the `token` of the run.
    """
    stored = {info.key: info for info in lake.list(f"{stage.name}/{day}/")}
    place = stored.get(checkpoint_key(stage.name, day))
    earlier = load_checkpoint(lake, stage.name, day) if place else None
    if place and earlier and earlier.is_made_from(inputs) and not force:
        sizes = {key: info.size for key, info in stored.items()}
        if all(sizes.get(file.key) == file.size for file in earlier.files.values()):
            return Outcome(brought_up(lake, earlier, upstream or {}, place.etag), reused=True)
    if token is not None and makes_figures(stage):
        open_day(lake, day, token)
    attempt = Attempt(lake, stage.name, day)
    try:
        counts = compute(attempt)
        checkpoint = attempt.commit(inputs, counts, upstream or {}, over=place.etag if place else ABSENT)
    except ChangedObjectError:
        # A run beside this one may have done the same: then there is nothing left to do.
        found = load_checkpoint(lake, stage.name, day)
        if found and found != earlier and found.is_made_from(inputs):
            return Outcome(found, reused=True)
        raise
    _sweep(lake, checkpoint, earlier)
    return Outcome(checkpoint, reused=False)


def brought_up(
    lake: Store, earlier: Checkpoint, upstream: Mapping[str, Mapping[str, Any]], over: str
) -> Checkpoint:
    """Let a result that is reused say what is known by now of the stages before."""
    if earlier.upstream == upstream:
        return earlier
    found = earlier.with_(upstream=upstream)
    place = Pointer(lake, checkpoint_key(earlier.stage, date.fromisoformat(earlier.log_day)), KIND)
    place.put(found.files, found.told(), over=over)
    return found


def _sweep(lake: Store, newest: Checkpoint, earlier: Checkpoint | None) -> None:
    """Remove files of attempts that came to nothing; those of the earlier checkpoint may be being read."""
    named = {file.key for one in (newest, earlier) if one for file in one.files.values()}
    folder = f"{newest.stage}/{newest.log_day}/"
    pointer.sweep(lake, folder, {*named, f"{folder}{CHECKPOINT}"})
