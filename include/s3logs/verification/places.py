"""Where the lake keeps something: each place has a pointer, and files that it names.

<stage>/<log day>/  months/<first day>/     a place each
publish/, with usage/ and status/           one place
catalog/dandi/  regions/cache/              one place each
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import chain

from include.s3logs.catalogs import claims, dandi
from include.s3logs.lake import checkpoint
from include.s3logs.lake.checkpoint import Checkpoint, checkpoint_key
from include.s3logs.lake.open_days import is_day, open_days
from include.s3logs.lake.pointer import ORPHAN_AGE, Found, Kind, NotAPointerError, OutputFile
from include.s3logs.lake.stages import MONTHS, STAGES, Stage, by_name
from include.s3logs.publishing import publish, standing
from include.s3logs.regions import cache
from include.s3logs.stores.store import ObjectInfo, Store
from include.s3logs.tables.schemas import Columns
from include.s3logs.verification.findings import CATALOG, PUBLICATION, REGIONS

Listed = Mapping[str, ObjectInfo]


@dataclass(frozen=True, slots=True)
class Place:
    """A pointer with its key and kind, and the beginnings of the keys of all that belongs to it.

    `expected`: there has to be one, by what else is in the lake. `check` raises NotAPointerError for content
    that makes no sense here, and returns what it names.
    """

    area: str
    key: str
    kind: Kind
    prefixes: tuple[str, ...]
    check: Callable[[Found], Iterable[OutputFile]]
    log_day: str = ""
    expected: bool = False
    columns: Mapping[str, Columns] = field(default_factory=dict)
    """Of tables, by the beginning of their keys."""

    def listed(self, lake: Store) -> dict[str, ObjectInfo]:
        """Return what is there now, by key; the pointer's own key, too."""
        return {info.key: info for prefix in (*self.prefixes, self.key) for info in lake.list(prefix)}

    def columns_of(self, key: str) -> Columns:
        """Return which columns a file has to have, none for what is no table."""
        return next((columns for start, columns in self.columns.items() if key.startswith(start)), ())


@dataclass(frozen=True, slots=True)
class Layout:
    """All places of a lake, each with what is there as it was listed."""

    places: Sequence[tuple[Place, Listed]]
    log_days: int


def layout(lake: Store, published: Found | None) -> Layout:
    """Return the places of the lake; `published` is what was published, as far as that can be read."""
    days = {stage.name: _by_day(lake, stage.name) for stage in (*STAGES, MONTHS)}
    shown = days_of_publication(published)
    at_work = open_days(lake)
    everything = {*chain.from_iterable(days[stage.name] for stage in STAGES), *shown}
    found = list[tuple[Place, Listed]]()
    for day in sorted(everything):
        has = {stage.name for stage in STAGES if _key(stage, day) in days[stage.name].get(day, {})}
        for stage in STAGES:
            expected = day in shown or _is_expected(stage, has, day in at_work)
            found.append((_of_stage(stage, day, expected=expected), days[stage.name].get(day, {})))
    months = {f"{day[:7]}-01" for day in shown}
    for month in sorted({*days[MONTHS.name], *months}):
        found.append((_of_stage(MONTHS, month, expected=month in months), days[MONTHS.name].get(month, {})))
    for place in (_publication(), _catalog(), _regions()):
        listed = place.listed(lake)
        # Files without the pointer that names them: it was lost.
        found.append((replace(place, expected=_is_left(place, listed)), listed))
    return Layout([(place, listed) for place, listed in found if listed or place.expected], len(everything))


def days_of_publication(published: Found | None) -> set[str]:
    """Return the log days whose figures were published."""
    if published is None:
        return set()
    return {day for day, content in published.content["inputs"]["days"] if content is not None}


def orphans(place: Place, listed: Listed, named: Iterable[str]) -> list[ObjectInfo]:
    """Return what of a place nobody names, and is older than any attempt that may still be running."""
    before = datetime.now(UTC) - ORPHAN_AGE
    known = {place.key, *named}
    return [info for key, info in listed.items() if key not in known and info.modified < before]


def _by_day(lake: Store, folder: str) -> dict[str, dict[str, ObjectInfo]]:
    found: dict[str, dict[str, ObjectInfo]] = defaultdict(dict)
    for info in lake.list(f"{folder}/"):
        day = info.key.split("/")[1]
        if is_day(day):
            found[day][info.key] = info
    return found


def _key(stage: Stage, day: str) -> str:
    return checkpoint_key(stage.name, date.fromisoformat(day))


def _is_expected(stage: Stage, has: set[str], is_open: bool) -> bool:
    """Tell whether a day must have a checkpoint of the stage, by those that it has.

    Every stage was done before those that read it; and a day that is not open any more has figures.
    """
    if any(stage.name in _before(by_name(name)) for name in has):
        return True
    return stage.closes and not is_open and stage.reads in has


def _before(stage: Stage | None) -> Iterator[str]:
    """Yield the names of the stages that a stage goes back to."""
    while stage is not None and stage.reads:
        yield stage.reads
        stage = by_name(stage.reads)


def _of_stage(stage: Stage, day: str, *, expected: bool) -> Place:
    folder = f"{stage.name}/{day}/"

    def check(found: Found) -> Iterable[OutputFile]:
        told = Checkpoint.of(found)
        if (told.stage, told.log_day) != (stage.name, day):
            raise NotAPointerError(f"it is that of {told.stage} of {told.log_day}")
        return found.files.values()

    return Place(
        area=stage.name,
        key=_key(stage, day),
        kind=checkpoint.KIND,
        prefixes=(folder,),
        check=check,
        log_day=day,
        expected=expected,
        columns={f"{folder}{file.role}-": file.columns for file in stage.files},
    )


def _publication() -> Place:
    def check(found: Found) -> Iterable[OutputFile]:
        try:
            days_of_publication(found)
        except (KeyError, TypeError, ValueError) as error:
            raise NotAPointerError(str(error)) from error
        return found.files.values()

    return Place(PUBLICATION, publish.CHECKPOINT, publish.KIND, standing.PLACES, check)


def _catalog() -> Place:
    def check(found: Found) -> Iterable[OutputFile]:
        return (dandi.Fetched.of(found).file,)

    folder = f"{dandi.FOLDER}/"
    columns = {f"{folder}{dandi.ASSETS}-": claims.COLUMNS}
    return Place(CATALOG, dandi.POINTER, dandi.KIND, (folder,), check, columns=columns)


def _regions() -> Place:
    def check(found: Found) -> Iterable[OutputFile]:
        if cache.BASE not in found.files:
            raise NotAPointerError("it names no base")
        return found.files.values()

    folder = f"{cache.FOLDER}/"
    columns = {f"{folder}{cache.BASE}-": cache.COLUMNS, cache.NEW: cache.COLUMNS}
    return Place(REGIONS, cache.POINTER, cache.KIND, (folder,), check, columns=columns)


def _is_left(place: Place, listed: Listed) -> bool:
    return any(key != place.key and not key.startswith(cache.NEW) for key in listed)
