"""Which words of the settings match nothing in what a run did: the last words of a run.

What can be known before any work is refused by `faults`; the rest shows in what was counted of the days.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from include.s3logs.catalogs.claims import Catalog
from include.s3logs.days.states import LogDay
from include.s3logs.lake.stages import BINNED
from include.s3logs.secrets import masked
from include.s3logs.settings import Settings
from include.s3logs.stages.operations import of_counts


def unmatched(days: Sequence[LogDay], settings: Settings, catalog: Callable[[], Catalog]) -> list[str]:
    """Return a sentence for each word that matches nothing in the finished ones of these log days.

    The catalog is opened only where it has something to say. Its keys are named, as they are the deployment's
    own; those that were asked for are not.
    """
    found = [*_operations(days, settings)]
    if settings.exclude_datasets and (unknown := catalog().unknown):
        found.append(f"S3LOGS_EXCLUDE_DATASETS: the catalog has no dataset {', '.join(unknown)}.")
    found += _keys(days, catalog)
    return [masked(sentence) for sentence in found]


def _operations(days: Sequence[LogDay], settings: Settings) -> Iterator[str]:
    """Tell of operations of which no record was counted or seen: reduce says so of each day with records."""
    seen = [of_counts(day.counts) for day in days if day.counts.get("records")]
    absent = [name for name in settings.operations if seen and all(day.get(name) == 0 for day in seen)]
    if not absent:
        return
    there = sum((Counter(day) for day in seen), Counter[str]())
    others = f"; those that were there: {', '.join(dict(there.most_common()))}" if there else ""
    these = "this operation" if len(absent) == 1 else "one of these operations"
    yield f"No record has {these} (S3LOGS_OPERATIONS={','.join(absent)}){others}."


def _keys(days: Sequence[LogDay], catalog: Callable[[], Catalog]) -> Iterator[str]:
    """Tell of a catalog that has keys, and none of those that were asked for."""
    asked_for = [day for day in days if day.mapped and day.mapped.counts["rows"]]
    if not asked_for or any(_is_claimed(day.mapped.counts) for day in asked_for if day.mapped):
        return
    if examples := catalog().examples:
        keys, day = max((_number_of_keys(day), day.log_day) for day in asked_for)
        others = f", and none of {len(asked_for) - 1} other log days" if len(asked_for) > 1 else ""
        yield (
            f"0 of {keys} keys of {day}{others} are in the catalog, which has keys like "
            f"{', '.join(map(repr, examples))}."
        )


def _is_claimed(counts: Mapping[str, int]) -> bool:
    return counts["rows_unassociated"] < counts["rows"]


def _number_of_keys(day: LogDay) -> int:
    return int(day.mapped.upstream[BINNED.name]["counts"]["object_keys"]) if day.mapped else 0
