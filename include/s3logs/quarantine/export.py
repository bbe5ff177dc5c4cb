"""The quarantine of all log days, read back and written with invented values for a bug report."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from include.s3logs.errors import PermanentError
from include.s3logs.lake.checkpoint import CHECKPOINT, Checkpoint, load_checkpoint, read_output
from include.s3logs.lake.open_days import is_day
from include.s3logs.lake.stages import REDUCED
from include.s3logs.parsing.strict import Reason
from include.s3logs.quarantine.anonymise import Anonymiser
from include.s3logs.stores.store import Store

_REASONS = {str(reason) for reason in Reason}
_UNKNOWN = "another reason"  # of another version of s3logs: what it wrote might say more than a reason

Days = Callable[[date], bool]


def quarantined(lake: Store, days: Days | None = None) -> Iterator[dict[str, Any]]:
    """Yield the quarantine's entries as reduce wrote them, day by day; `days` says which log days count.

    Of days whose raw lines went with their addresses there are none.
    """
    for checkpoint in _reduced(lake, days):
        if not checkpoint.retained:
            for line in read_output(lake, checkpoint, "quarantine").splitlines():
                yield json.loads(line)


def without_lines(lake: Store, days: Days | None = None) -> dict[str, str]:
    """Return the log days whose unreadable lines went with their addresses, and when they did."""
    return {
        checkpoint.log_day: checkpoint.retained
        for checkpoint in _reduced(lake, days)
        if checkpoint.retained and checkpoint.counts["rejections"]
    }


def _reduced(lake: Store, days: Days | None) -> Iterator[Checkpoint]:
    infos = lake.list(f"{REDUCED.name}/")
    names = (info.key.removeprefix(f"{REDUCED.name}/").removesuffix(f"/{CHECKPOINT}") for info in infos)
    for day in sorted(date.fromisoformat(name) for name in names if is_day(name)):
        if days is not None and not days(day):
            continue
        if checkpoint := load_checkpoint(lake, REDUCED.name, day):
            yield checkpoint


def export(lake: Store, target: Path, days: Days | None = None) -> Counter[str]:
    """Write the lines of the quarantine with invented values to `target`; return how many of which reason.

    Without any line nothing is written. Where a line came from is left out, and so are log objects that could
    not be read: they have no line.
    """
    found = [(entry["raw"], entry["reason"]) for entry in quarantined(lake, days) if entry["raw"] is not None]
    if not found:
        return Counter()
    anonymiser = Anonymiser(raw for raw, _ in found)
    counts: Counter[str] = Counter()
    written = []
    for raw, reason in found:
        shown = reason if reason in _REASONS else _UNKNOWN
        counts[shown] += 1
        invented = anonymiser.line(raw).decode("utf-8", "surrogateescape")
        written.append(json.dumps({"reason": shown, "raw": invented}) + "\n")
    try:
        target.write_text("".join(written), encoding="utf-8")
    except OSError as error:
        raise PermanentError(f"{target} cannot be written: {error.strerror}.") from error
    return counts
