"""Never less without force: what a finished day was made of, and whether another result may replace it."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.s3logs.errors import CorruptLakeError, MissingLogObjectsError
from include.s3logs.lake.checkpoint import (
    OBJECTS,
    Checkpoint,
    intact_checkpoint,
    load_checkpoint,
    settings_in,
)
from include.s3logs.lake.open_days import open_day
from include.s3logs.lake.pointer import OutputFile, read_file
from include.s3logs.lake.stages import BINNED, MAPPED, REDUCED
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.rolled_up.levels import interval_of_file
from include.s3logs.stages.object_list import Listed, Version, from_tsv, versions
from include.s3logs.stages.older_rules import settle
from include.s3logs.stages.work import Work
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)

DIGEST = "log_objects_digest"
_OF_OBJECTS = "log_objects"  # begins the names of inputs that tell of them
_REMEDY = "Without it, only the number of lines tells whether a day loses any."


@dataclass(frozen=True, slots=True)
class Before:
    """What a finished day was made of, by whichever checkpoint is left.

    `listed` are its log objects as in the list (None: only the counts are known, as the list is gone or was
    not looked at). `reduced` is its checkpoint of reduce, or None when that is gone.
    """

    counts: Mapping[str, int]
    listed: Sequence[Listed] | None
    reduced: Checkpoint | None

    @property
    def objects(self) -> Counter[Version]:
        """The versions of its log objects, none when these are not known."""
        return versions([row.log_object for row in self.listed or ()])

    def gone(self, objects: Sequence[LogObject]) -> list[str]:
        """Return the keys of its log objects that are not among these; skipped roll-ups are none."""
        if self.listed is None:
            return [] if objects or not self.counts["lines"] else ["all of them"]
        return _log_objects(_by_key(self.objects) - _by_key(versions(objects)))

    def grew(self, objects: Sequence[LogObject]) -> bool:
        """Tell whether there are log objects, or versions of such, that the day was not made of."""
        return bool(versions(objects) - self.objects)

    def unreadable(self) -> list[Listed]:
        """Return the log objects that it had to do without."""
        if not self.counts.get("unreadable_objects"):
            return []
        rows = self.listed or ()
        if any(row.unreadable for row in rows):
            return [row for row in rows if row.unreadable]
        return [row for row in rows if not row.lines and row.log_object.size]  # it may be one of these

    def gave_lines(self) -> dict[Version, int]:
        """Return by version how many lines a log object gave; those that gave none are left out."""
        return {(o.key, o.size, o.etag): lines for o, lines, *_ in self.listed or () if lines}


def made_before(work: Work, inputs: Mapping[str, Any]) -> Before | None:
    """Return what the finished day was made of; None when there is no trace of an earlier result.

    The list is not read where `inputs`, those of now, are of the same log objects and all could be read.
    """
    reduced = load_checkpoint(work.lake, REDUCED.name, work.day)
    if reduced is not None:
        same = reduced.inputs.get(DIGEST) == inputs[DIGEST]
        needed = not same or reduced.counts.get("unreadable_objects")
        listed = read_list(work.lake, reduced.files[OBJECTS]) if needed else None
        return Before(reduced.counts, listed, reduced)
    for stage in (BINNED, MAPPED):
        found = load_checkpoint(work.lake, stage.name, work.day)
        told = found.upstream.get(REDUCED.name) if found else None
        if told:
            objects = told.get(OBJECTS)
            listed = read_list(work.lake, OutputFile(**objects)) if objects else None
            return Before(told["counts"], listed, None)
    return None


def result_that_stays(
    work: Work, before: Before, inputs: Mapping[str, Any], objects: Sequence[LogObject]
) -> Checkpoint | None:
    """Return the result of a finished day that must not be computed again from `objects`; None when it may.

    That is where log objects are gone that it was made of. `inputs` are those of reducing `objects`. A day
    that lost objects and differs in another way cannot be computed again without losing requests:
    MissingLogObjectsError. Where all are gone, other settings do not count: there is nothing left that they
    could be applied to; nor where a newer version of reduce is why the day was opened: then the result is
    upgraded, or left. Where the rows of reduce are gone, too, what bin made of them stays, or, when a stage
    is newer, what map made.
    """
    gone = before.gone(objects)
    if not gone:
        return None
    reduced = before.reduced
    if reduced and (not objects or not (before.grew(objects) or _is_another(reduced, inputs))):
        log.warning("%s: log objects of this day are gone from the sources; its result stays.", work.day)
        if not _same_settings(reduced, inputs):
            log.warning("%s: that result was made with other settings.", work.day)
        return settle(work.lake, work.day, REDUCED, reduced)
    if reduced is None and not before.grew(objects):
        binned = _binned(work)
        if told := binned.told_of(REDUCED.name) if binned else work.told_later(REDUCED):
            log.warning("%s: log objects are gone, and the rows of reduce: what was made stays.", work.day)
            return told
    open_day(work.lake, work.day, work.token)
    raise MissingLogObjectsError(
        f"Log day {work.day} was computed from {before.counts[_OF_OBJECTS]} log objects; {len(gone)} of them "
        f"are gone from the sources (first: {gone[0]}). Computing it again would lose their requests; "
        "the earlier result stays. Put them back, or run the day with force to go on without them."
    )


def refuse_less_than_seen(
    work: Work, before: Before | None, objects: Sequence[LogObject], seen: Sequence[LogObject] | None
) -> None:
    """Raise MissingLogObjectsError where log objects are gone since the run found them.

    Those that an earlier result holds are not lost. `seen` are those that the run found; None where only
    their number is known.
    """
    if work.carried is None:
        return
    if seen is None:
        kept = max(len(objects), before.counts[_OF_OBJECTS] if before else 0)
        gone, first = work.carried.objects - kept, "unknown"
    else:
        held = before.objects if before else Counter[Version]()
        missing = _by_key(versions(seen)) - _by_key(versions(objects)) - _by_key(held)
        lost = _log_objects(missing)
        gone, first = len(lost), next(iter(lost), "")
    if gone > 0:
        open_day(work.lake, work.day, work.token)
        raise MissingLogObjectsError(
            f"This run found {work.carried.objects} log objects of {work.day}, and {gone} of them are gone "
            f"since (first: {first}). Put them back, or run the day with force to go on without them."
        )


def refuse_fewer(work: Work, before: Before | None, counts: Mapping[str, int]) -> None:
    """Raise MissingLogObjectsError when a day was computed from fewer lines than before."""
    if before and not work.force and counts["lines"] < before.counts["lines"]:
        raise MissingLogObjectsError(
            f"Log day {work.day} has {counts['lines']} lines now and had {before.counts['lines']}: what was "
            "there is gone or cannot be read. The earlier result stays. Put it back, or run the day with "
            "force to go on without it."
        )


def _is_another(earlier: Checkpoint, inputs: Mapping[str, Any]) -> bool:
    """Tell whether the day is to be reduced with other settings, and not because of a newer version."""
    return earlier.version == inputs["version"] and not _same_settings(earlier, inputs)


def _same_settings(earlier: Checkpoint, inputs: Mapping[str, Any]) -> bool:
    return earlier.settings() == settings_in(inputs)


def _by_key(objects: Counter[Version]) -> Counter[str]:
    return Counter(key for key, *_ in objects.elements())


def _log_objects(keys: Counter[str]) -> list[str]:
    """Return the keys of log objects, in order; roll-ups that could not be read are none."""
    return sorted(key for key in keys.elements() if interval_of_file(key) is None)


def read_list(lake: Store, file: OutputFile) -> list[Listed] | None:
    """Return what is in the list of a day; None when it is gone or damaged, and that is said."""
    try:
        return from_tsv(read_file(lake, file, _REMEDY))
    except CorruptLakeError as error:
        log.warning("%s", error)
        return None


def _binned(work: Work) -> Checkpoint | None:
    found = intact_checkpoint(work.lake, BINNED.name, work.day)
    return found if found and REDUCED.name in found.upstream else None
