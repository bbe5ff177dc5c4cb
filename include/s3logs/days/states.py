"""Which log days there are, and what state each is in."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile
from typing import Any

from include.s3logs.days.salts import can_be_mapped_again, salt_of
from include.s3logs.lake.checkpoint import CHECKPOINT, RETAINED, SETTINGS, Checkpoint, load_checkpoint
from include.s3logs.lake.open_days import is_day, open_days
from include.s3logs.lake.retained import retained_days
from include.s3logs.lake.stages import BINNED, MAPPED, REDUCED, Stage, is_undetermined
from include.s3logs.stores.store import PARALLEL_READS, Store
from include.s3logs.tables.schemas import Column

COMPLETE = "complete"
EMPTY = "empty"
PARTIAL = "partial"
OUTDATED = "outdated"
INCOMPLETE = "incomplete"
MEANINGS = {
    COMPLETE: "the figures hold all log objects that were known when the day was last looked at",
    EMPTY: "so they do, and there was no log object",
    PARTIAL: "so they do, but for log objects that could not be read",
    OUTDATED: "the figures are of an earlier attempt, the newest did not get through",
    INCOMPLETE: "no figures",
}
"""What is said of a log day, and what that means."""
LOST = "figures lost"
OTHER_SALT = "other salt"
OTHER_SETTINGS = "other settings"
UPGRADE = "upgrade"
OLDER_RULES = "older rules"
REASONS = {
    LOST: "the day had figures, and they are gone from the lake; the next daily run makes them again",
    UPGRADE: "a stage has a newer version; daily runs compute such days again, and until all are done the "
    "earlier publication stays",
    OLDER_RULES: "an earlier version of a stage made it, and what it was made of is gone: it stays",
    OTHER_SALT: "its requesters are hashed with another salt than today's and cannot be counted with others; "
    "a run of the day makes it alike",
    OTHER_SETTINGS: "it was reduced with other settings than today's; a run of the day makes it alike",
    RETAINED: "its addresses and raw lines are gone from the lake (`S3LOGS_KEEP_ADDRESSES_DAYS`)",
}
"""What more there may be to say, and what that means; of several the first, as it asks for something."""
_COUNTS = (
    Column("objects", "int64", "log objects of the day"),
    Column("unreadable", "int64", "of these, those that could not be read and were left out"),
    Column("foreign", "int64", "objects that the day's listing came across and that are no access logs"),
    Column("lines", "int64", "lines that are not empty"),
    Column("records", "int64", "lines with a valid reading"),
    Column("rejections", "int64", "lines without one; they are in the quarantine"),
    Column("exact_duplicates", "int64", "records, byte for byte the same as an earlier one of the day"),
    Column("filtered", "int64", "records of other operations or statuses, or from excluded addresses"),
    Column("reduced_rows", "int64", "counted requests"),
    Column("bytes_sent", "int64", "bytes of the counted requests"),
)
COLUMNS = (
    Column("log_day", "date", "the log day: the UTC day in the log objects' names"),
    *_COUNTS,
    Column("state", "text", "; ".join(f"`{state}`: {meaning}" for state, meaning in MEANINGS.items())),
    Column(
        "reason",
        "text",
        "nothing, or " + "; ".join(f"`{reason}`: {meaning}" for reason, meaning in REASONS.items()),
    ),
)
"""Of `status/log_days.tsv`."""
_COUNTED_AS = {  # what reduce calls it, where that differs
    "objects": "log_objects",
    "unreadable": "unreadable_objects",
    "foreign": "foreign_objects",
}
_LEFT_OUT = ("unreadable", "foreign", "filtered")
_SILENT_DAYS = 3


@dataclass(frozen=True, slots=True)
class LogDay:
    """One log day (YYYY-MM-DD), its state, the checkpoint of its newest figures, and the reason, if any.

    `mappable` tells of days with another salt whether they can be mapped again; of others it is not asked.
    """

    log_day: str
    state: str
    mapped: Checkpoint | None
    reason: str = ""
    mappable: bool = True

    @property
    def counts(self) -> Mapping[str, int]:
        """Return what reduce counted for the figures, empty when there are none."""
        return self.mapped.upstream[REDUCED.name]["counts"] if self.mapped else {}

    def __str__(self) -> str:
        """Return the day with its state and reason, as it stands in messages."""
        return f"{self.log_day} ({self.state}{f', {self.reason}' if self.reason else ''})"


@dataclass(frozen=True, slots=True)
class Today:
    """What log days would be made with now: the digest of the settings (`reduce.settings_digest`), the salt.

    Days that were made with others say so; of what is "" nothing is said.
    """

    settings: str = ""
    salt: str = ""


UNKNOWN = Today()


def states(
    lake: Store, asked: Iterable[date] = (), had_figures: Iterable[str] = (), today: Today = UNKNOWN
) -> list[LogDay]:
    """Return every log day the lake has a trace of, and those asked for, in order.

    `had_figures` are log days that were published before.
    """
    unfinished = open_days(lake)
    loaded = _load(lake, list(mapped_at(lake)))
    mapped = {str(day): checkpoint for day, checkpoint in loaded.items()}
    mappable = {str(day): again for day, again in _of_other_salt(lake, today.salt, loaded).items()}
    retained = retained_days(lake)
    known = sorted({*mapped, *unfinished, *map(str, asked), *had_figures})
    found = []
    for day in known:
        checkpoint = mapped.get(day)
        state = _state(checkpoint, day in unfinished)
        lost = LOST if day in had_figures else ""
        reason = _reason(checkpoint, today, day in mappable) if checkpoint else lost
        reason = reason or (RETAINED if day in retained else "")
        found.append(LogDay(day, state, checkpoint, reason, mappable.get(day, True)))
    return found


def unfinished(days: Iterable[LogDay], *, partial: bool = True) -> list[LogDay]:
    """Return the days whose figures lack something; `partial` ones, too, unless those are accepted."""
    lacking = {INCOMPLETE, OUTDATED, *([PARTIAL] if partial else [])}
    return [day for day in days if day.state in lacking]


def silent_since(days: Sequence[LogDay]) -> tuple[str, int] | None:
    """Return since which log day there is no log object any more, and for how many days.

    None when there are some, or never were, or it is not yet three log days in a row.
    """
    count = sum(1 for _ in takewhile(lambda day: day.state == EMPTY, reversed(days)))
    if count < _SILENT_DAYS or not any(day.counts.get("log_objects") for day in days):
        return None
    return days[-count].log_day, count


def tally(days: Sequence[LogDay]) -> dict[str, Any]:
    """Return how many days are in each state, and have each reason; and what of all of them did not count."""
    others = {name: sum(day.counts.get(_COUNTED_AS.get(name, name), 0) for day in days) for name in _LEFT_OUT}
    reasons = Counter(day.reason for day in days if day.reason)
    return {"states": Counter(day.state for day in days), "reasons": reasons, **others}


def finished_days(lake: Store) -> dict[date, Checkpoint]:
    """Return the log days with figures, and the checkpoints of these.

    The day that was mapped the longest ago comes first. That reads every finished day's checkpoint, no rows.
    """
    when = mapped_at(lake)
    return _load(lake, sorted(when, key=lambda day: (when[day], day)))


def is_partial(mapped: Checkpoint) -> bool:
    """Tell whether figures lack log objects that could not be read."""
    return bool(mapped.upstream[REDUCED.name]["counts"].get("unreadable_objects"))


def can_be_determined(lake: Store, mapped: Checkpoint) -> bool:
    """Tell whether regions of a day could not be asked for and still can be: its addresses are there."""
    if not is_undetermined(mapped.counts):
        return False
    binned = load_checkpoint(lake, BINNED.name, date.fromisoformat(mapped.log_day))
    return binned is None or not binned.retained


def days_of_other_salt(lake: Store, salt: str, first: date | None, last: date | None) -> set[date]:
    """Return the log days of a span (None: no bound) with another salt that can be mapped again."""
    within = [day for day in mapped_at(lake) if (first or day) <= day <= (last or day)]
    return {day for day, again in _of_other_salt(lake, salt, _load(lake, within)).items() if again}


def mapped_at(lake: Store) -> dict[date, datetime]:
    """Return the log days with figures, and when these were made."""
    return _done_at(lake, MAPPED)


def unmapped_days(lake: Store) -> list[date]:
    """Return the log days that an earlier stage has a result of, and map has none: lost, or never made."""
    begun = {day for stage in (REDUCED, BINNED) for day in _done_at(lake, stage)}
    return sorted(begun - mapped_at(lake).keys())


def _done_at(lake: Store, stage: Stage) -> dict[date, datetime]:
    found = {}
    for info in lake.list(f"{stage.name}/"):
        folder, _, name = info.key.removeprefix(f"{stage.name}/").partition("/")
        if name == CHECKPOINT and is_day(folder):
            found[date.fromisoformat(folder)] = info.modified
    return found


def _load(lake: Store, days: Sequence[date]) -> dict[date, Checkpoint]:
    """Return the checkpoints of map that can be read, in the order of the days."""
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        loaded = pool.map(lambda day: load_checkpoint(lake, MAPPED.name, day), days)
        return {day: found for day, found in zip(days, loaded, strict=True) if found is not None}


def _state(mapped: Checkpoint | None, is_open: bool) -> str:
    if mapped is None:
        return INCOMPLETE
    if is_open or mapped.is_behind():
        return OUTDATED
    if is_partial(mapped):
        return PARTIAL
    return COMPLETE if mapped.upstream[REDUCED.name]["counts"]["log_objects"] else EMPTY


def _reason(mapped: Checkpoint, today: Today, is_of_other_salt: bool) -> str:
    if mapped.is_behind():
        return UPGRADE
    if is_of_other_salt:
        return OTHER_SALT
    if mapped.is_by_older_rules():
        return OLDER_RULES
    own = mapped.upstream[REDUCED.name].get(SETTINGS)
    return OTHER_SETTINGS if own and today.settings and own != today.settings else ""


def _of_other_salt(lake: Store, salt: str, mapped: Mapping[date, Checkpoint]) -> dict[date, bool]:
    """Return the days with another salt than that, if any, and whether they can be mapped again."""
    days = [day for day, checkpoint in mapped.items() if salt and salt_of(checkpoint) not in ("", salt)]
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        found = pool.map(lambda day: can_be_mapped_again(lake, day, salt), days)
        return dict(zip(days, found, strict=True))


def to_tsv(days: Iterable[LogDay]) -> bytes:
    """Return `status/log_days.tsv`; a day without figures has empty numbers."""
    counted = [_COUNTED_AS.get(column.name, column.name) for column in _COUNTS]
    lines = ["\t".join(column.name for column in COLUMNS)]
    for day in days:
        numbers = [str(day.counts.get(name, "")) for name in counted]
        lines.append("\t".join([day.log_day, *numbers, day.state, day.reason]))
    return ("\n".join(lines) + "\n").encode()
