"""Which log days there are, and what state each is in."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime

from include.s3logs.lake.checkpoint import CHECKPOINT, Checkpoint, load_checkpoint
from include.s3logs.lake.open_days import is_day, open_days
from include.s3logs.lake.stages import MAPPED, REDUCED, is_undetermined
from include.s3logs.stores.store import PARALLEL_READS, Store

COMPLETE = "complete"  # the figures hold all log objects that were known when the day was last looked at
OUTDATED = "outdated"  # the figures hold an earlier state of the day; the newest attempt did not get through
INCOMPLETE = "incomplete"  # the day has no figures
_COLUMNS = {
    "objects": "log_objects",
    "lines": "lines",
    "records": "records",
    "rejections": "rejections",
    "exact_duplicates": "exact_duplicates",
    "reduced_rows": "reduced_rows",
    "bytes_sent": "bytes_sent",
}


@dataclass(frozen=True, slots=True)
class LogDay:
    """One log day (YYYY-MM-DD), its state, and the checkpoint of its newest figures."""

    log_day: str
    state: str
    mapped: Checkpoint | None

    @property
    def counts(self) -> Mapping[str, int]:
        """Return what reduce counted for the figures, empty when there are none."""
        return self.mapped.upstream[REDUCED.name]["counts"] if self.mapped else {}


def states(lake: Store, asked: Iterable[date] = ()) -> list[LogDay]:
    """Return every log day the lake has a trace of, and those asked for, in order."""
    unfinished = open_days(lake)
    mapped = {str(day): checkpoint for day, checkpoint in _load(lake, list(mapped_at(lake))).items()}
    known = sorted({*mapped, *unfinished, *map(str, asked)})
    return [LogDay(day, _state(day in mapped, day in unfinished), mapped.get(day)) for day in known]


def undetermined_days(lake: Store) -> list[date]:
    """Return the finished log days some of whose regions could not be asked for.

    The day that was mapped the longest ago comes first. That reads every finished day's checkpoint, no rows.
    """
    when = mapped_at(lake)
    in_turn = sorted(when, key=lambda day: (when[day], day))
    loaded = _load(lake, in_turn).items()
    return [day for day, checkpoint in loaded if is_undetermined(checkpoint.counts)]


def mapped_at(lake: Store) -> dict[date, datetime]:
    """Return the log days with figures, and when these were made."""
    found = {}
    for info in lake.list(f"{MAPPED.name}/"):
        folder, _, name = info.key.removeprefix(f"{MAPPED.name}/").partition("/")
        if name == CHECKPOINT and is_day(folder):
            found[date.fromisoformat(folder)] = info.modified
    return found


def _load(lake: Store, days: Sequence[date]) -> dict[date, Checkpoint]:
    """Return the checkpoints of map that can be read, in the order of the days."""
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        loaded = pool.map(lambda day: load_checkpoint(lake, MAPPED.name, day), days)
        return {day: found for day, found in zip(days, loaded, strict=True) if found is not None}


def _state(has_figures: bool, unfinished: bool) -> str:
    if not has_figures:
        return INCOMPLETE
    return OUTDATED if unfinished else COMPLETE


def to_tsv(days: Iterable[LogDay]) -> bytes:
    """Return `status/log_days.tsv`; a day without figures has empty numbers."""
    lines = ["\t".join(["log_day", *_COLUMNS, "state"])]
    for day in days:
        numbers = [str(day.counts.get(name, "")) for name in _COLUMNS.values()]
        lines.append("\t".join([day.log_day, *numbers, day.state]))
    return ("\n".join(lines) + "\n").encode()
