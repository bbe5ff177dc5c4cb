"""Which log days there are, and what state each is in."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime

from include.s3logs.lake.checkpoint import CHECKPOINT, Checkpoint, load_checkpoint
from include.s3logs.lake.open_days import is_day, open_days
from include.s3logs.lake.stages import MAPPED, REDUCED, is_undetermined
from include.s3logs.stores.store import PARALLEL_READS, Store
from include.s3logs.tables.schemas import Column

COMPLETE = "complete"  # the figures hold all log objects that were known when the day was last looked at
OUTDATED = "outdated"  # the figures hold an earlier state of the day; the newest attempt did not get through
INCOMPLETE = "incomplete"  # the day has no figures
_COUNTS = (
    Column("objects", "int64", "log objects of the day"),
    Column("lines", "int64", "lines that are not empty"),
    Column("records", "int64", "lines with a valid reading"),
    Column("rejections", "int64", "lines without one; they are in the quarantine"),
    Column("exact_duplicates", "int64", "records, byte for byte the same as an earlier one of the day"),
    Column("reduced_rows", "int64", "counted requests"),
    Column("bytes_sent", "int64", "bytes of the counted requests"),
)
COLUMNS = (
    Column("log_day", "date", "the log day: the UTC day in the log objects' names"),
    *_COUNTS,
    Column(
        "state",
        "text",
        f"`{COMPLETE}`; `{OUTDATED}`: the figures are of an earlier attempt, the newest failed; "
        f"`{INCOMPLETE}`: no figures",
    ),
)
"""Of `status/log_days.tsv`."""
_COUNTED_AS = {"objects": "log_objects"}  # what reduce calls it, where that differs


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
    counted = [_COUNTED_AS.get(column.name, column.name) for column in _COUNTS]
    lines = ["\t".join(column.name for column in COLUMNS)]
    for day in days:
        numbers = [str(day.counts.get(name, "")) for name in counted]
        lines.append("\t".join([day.log_day, *numbers, day.state]))
    return ("\n".join(lines) + "\n").encode()
