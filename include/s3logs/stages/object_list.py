"""The list of log objects that a finished day was computed from, and what became of them since."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.s3logs.errors import CorruptLakeError, MissingLogObjectsError
from include.s3logs.lake.checkpoint import OBJECTS, Checkpoint, intact_checkpoint, load_checkpoint
from include.s3logs.lake.open_days import open_day
from include.s3logs.lake.pointer import OutputFile, read_file
from include.s3logs.lake.stages import BINNED, MAPPED, REDUCED
from include.s3logs.logs.listings import escaped
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.rolled_up.levels import interval_of_file
from include.s3logs.stages.work import Work

log = logging.getLogger(__name__)

HEADER = "source\tkey\tsize\tetag\tlines\trejections"
DIGEST = "log_objects_digest"
_OF_OBJECTS = "log_objects"  # begins the names of inputs that tell of them
_Listed = tuple[str, str, str]
_REMEDY = "Without it, only the number of lines tells whether a day loses any."


def row(log_object: LogObject, lines: int, rejections: int) -> str:
    """Return the line of the list for one log object."""
    source, key, size, etag = log_object
    return f"{escaped(source)}\t{escaped(key)}\t{size}\t{etag}\t{lines}\t{rejections}"


def to_tsv(rows: Sequence[str]) -> bytes:
    """Return the list as a file."""
    return ("\n".join(rows) + "\n").encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Before:
    """What a finished day was made of, by whichever checkpoint is left.

    `objects` are its log objects as in the list: key, size and ETag (None: only the counts are known, as the
    list is gone or was not looked at). `reduced` is its checkpoint of reduce, or None when that is gone.
    """

    counts: Mapping[str, int]
    objects: Counter[_Listed] | None
    reduced: Checkpoint | None

    def gone(self, objects: Sequence[LogObject]) -> list[str]:
        """Return the keys of its log objects that are not among these; skipped roll-ups are none."""
        if self.objects is None:
            return [] if objects or not self.counts["lines"] else ["all of them"]
        return _log_objects(_by_key(self.objects) - _by_key(_listed(objects)))

    def grew(self, objects: Sequence[LogObject]) -> bool:
        """Tell whether there are log objects, or versions of such, that the day was not made of."""
        return bool(_listed(objects) - (self.objects or Counter()))


def made_before(work: Work, inputs: Mapping[str, Any]) -> Before | None:
    """Return what the finished day was made of; None when there is no trace of an earlier result.

    The list is not read where `inputs`, those of now, are of the same log objects.
    """
    reduced = load_checkpoint(work.lake, REDUCED.name, work.day)
    if reduced is not None:
        same = reduced.inputs.get(DIGEST) == inputs[DIGEST]
        return Before(reduced.counts, None if same else _objects(work, reduced.files[OBJECTS]), reduced)
    for stage in (BINNED, MAPPED):
        found = load_checkpoint(work.lake, stage.name, work.day)
        told = found.upstream.get(REDUCED.name) if found else None
        if told:
            objects = told.get(OBJECTS)
            return Before(told["counts"], _objects(work, OutputFile(**objects)) if objects else None, None)
    return None


def result_that_stays(
    work: Work, before: Before, inputs: Mapping[str, Any], objects: Sequence[LogObject]
) -> Checkpoint | None:
    """Return the result of a finished day that must not be computed again from `objects`; None when it may.

    That is where log objects are gone that it was made of. `inputs` are those of reducing `objects`. A day
    that lost objects and differs in another way cannot be computed again without losing requests:
    MissingLogObjectsError. Where all are gone, other settings do not count: there is nothing left that they
    could be applied to. Where the rows of reduce are gone, too, what bin made of them stays.
    """
    gone = before.gone(objects)
    if not gone:
        return None
    reduced = before.reduced
    if reduced and (not objects or (not before.grew(objects) and same_settings(reduced, inputs))):
        log.warning("%s: log objects of this day are gone from the sources; its result stays.", work.day)
        if not same_settings(reduced, inputs):
            log.warning("%s: that result was made with other settings, or by an earlier version.", work.day)
        return reduced
    if reduced is None and not before.grew(objects) and (binned := _binned(work)):
        log.warning("%s: log objects are gone, and the rows of reduce: what bin made stays.", work.day)
        told = binned.upstream[REDUCED.name]
        return Checkpoint(REDUCED.name, str(work.day), told["fingerprint"], {}, {}, told["counts"], {})
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
    held = before.objects if before else None
    if seen is None:
        kept = max(len(objects), before.counts[_OF_OBJECTS] if before else 0)
        gone, first = work.carried.objects - kept, "unknown"
    else:
        missing = _by_key(_listed(seen)) - _by_key(_listed(objects)) - _by_key(held or Counter())
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


def same_settings(earlier: Checkpoint, inputs: Mapping[str, Any]) -> bool:
    """Tell whether a day was reduced with the settings, and by the version, of these inputs."""
    return _settings(earlier.inputs) == _settings(inputs)


def _settings(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if not name.startswith(_OF_OBJECTS)}


def _listed(objects: Sequence[LogObject]) -> Counter[_Listed]:
    return Counter((escaped(o.key), str(o.size), o.etag) for o in objects)


def _by_key(objects: Counter[_Listed]) -> Counter[str]:
    return Counter(key for key, *_ in objects.elements())


def _log_objects(keys: Counter[str]) -> list[str]:
    """Return the keys of log objects, in order; roll-ups that could not be read are none."""
    return sorted(key for key in keys.elements() if interval_of_file(key) is None)


def _objects(work: Work, file: OutputFile) -> Counter[_Listed] | None:
    """Return what is in the list; None when it is gone or damaged, and that is said."""
    try:
        table = read_file(work.lake, file, _REMEDY).decode("utf-8", "surrogateescape")
    except CorruptLakeError as error:
        log.warning("%s", error)
        return None
    rows = (line.split("\t") for line in table.split("\n")[1:-1])
    return Counter((key, size, etag) for _, key, size, etag, *_ in rows)


def _binned(work: Work) -> Checkpoint | None:
    found = intact_checkpoint(work.lake, BINNED.name, work.day)
    return found if found and REDUCED.name in found.upstream else None
