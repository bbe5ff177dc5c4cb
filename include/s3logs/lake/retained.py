"""Which log days hold addresses or raw lines, and which do no more.

The names of the files tell, without reading any: what no checkpoint names holds them, too, and what a stage
does not know may.
"""

from collections import defaultdict
from datetime import date

from include.s3logs.lake import stages
from include.s3logs.lake.checkpoint import CHECKPOINT, RETAINED
from include.s3logs.lake.open_days import is_day
from include.s3logs.lake.stages import BINNED, Stage
from include.s3logs.stores.store import Store


def with_addresses(lake: Store, day: date | None = None) -> dict[date, list[str]]:
    """Return by log day (of all, or of one) the keys of the files with addresses, whoever left them."""
    found: dict[date, list[str]] = defaultdict(list)
    for stage in stages.STAGES:
        if held := stage.roles_with_addresses:
            without = {file.role for file in stage.files} - held
            for of_day, role, key in _files(lake, stage, day):
                if role not in without:
                    found[of_day].append(key)
    return dict(found)


def retained_days(lake: Store) -> set[str]:
    """Return the log days (YYYY-MM-DD) whose rows are kept without addresses, and nothing with them."""
    kept = {day for day, role, _ in _files(lake, BINNED) if role == RETAINED}
    return {str(day) for day in kept - with_addresses(lake).keys()} if kept else set()


def _files(lake: Store, stage: Stage, day: date | None = None) -> list[tuple[date, str, str]]:
    """Return day, role and key of the files of a stage but its checkpoints."""
    found = []
    for info in lake.list(f"{stage.name}/{day}/" if day else f"{stage.name}/"):
        folder, _, name = info.key.removeprefix(f"{stage.name}/").partition("/")
        if is_day(folder) and name != CHECKPOINT:
            found.append((date.fromisoformat(folder), name.rpartition("-")[0], info.key))
    return found
