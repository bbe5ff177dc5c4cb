"""The published files of one dataset after the other, from the history of all months."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.claims import UNASSOCIATED
from include.s3logs.publishing.figures import (
    Files,
    folder_in,
    folder_of_dataset,
    measures,
    requester_count,
    summary,
)
from include.s3logs.publishing.history import History
from include.s3logs.publishing.limits import LIMITS, Limits
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.schemas import BY_ASSET, BY_DAY, BY_REGION
from include.s3logs.publishing.weeks import by_week
from include.s3logs.regions import country_of
from include.s3logs.tables.order import split
from include.s3logs.tables.totals import TOTALS, total_of_runs


@dataclass(frozen=True, slots=True)
class DatasetFigures:
    """Exact figures of a dataset, of which the files about all datasets are made. Never shown as such.

    `requesters` is None where they were hashed with different salts.
    """

    sums: Mapping[str, int]
    regions: int
    countries: int
    requesters: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return what `DatasetFigures(**…)` takes."""
        return asdict(self)

    def summary(self, masking: Masking) -> dict[str, Any]:
        """Return what `totals.json` says of it."""
        return summary(self.sums, self.regions, self.countries, self.requesters, masking)


def dataset_files(
    history: History,
    rows: Mapping[str, int],
    masking: Masking,
    folder: Path,
    limits: Limits = LIMITS,
) -> Iterator[tuple[str, DatasetFigures, Files]]:
    """Yield each dataset with its figures and its files, by their keys in the lake.

    `rows` are the datasets, and how many rows each has in the history. Files have to be used before the next
    dataset is asked for.
    """
    for names, tables, versions, requesters in _one_ahead(history, _batches(rows, limits.rows)):
        for name in names:
            own = {role: table.pop(name) for role, table in tables.items()}
            of_versions = {role: table.pop(name, None) for role, table in versions.items()}
            figures = _figures(own["by_day"], own["by_region"], requesters.get(name, 0))
            most = limits.columns if name == UNASSOCIATED else None
            files = _files(own, of_versions, figures, masking, folder, limits=limits, most_columns=most)
            yield name, figures, ((f"{folder_of_dataset(name)}/{path}", data) for path, data in files)


class _Batch(NamedTuple):
    """What the history knows of some datasets."""

    names: list[str]
    totals: dict[str, dict[str, pa.Table]]
    of_versions: dict[str, dict[str, pa.Table]]
    requesters: dict[str, int | None]


def _one_ahead(history: History, batches: Iterable[list[str]]) -> Iterator[_Batch]:
    """Yield the batches; one is read while the files of the one before are made."""

    def read(names: list[str]) -> _Batch:
        totals = {role: history.totals(role, names) for role in ("by_day", "by_asset", "by_region")}
        of_versions = {role: history.totals(f"versions_{role}", names) for role in totals}
        return _Batch(names, totals, of_versions, history.requesters(names))

    with ThreadPoolExecutor(1) as pool:
        coming = deque[Future[_Batch]]()
        for names in batches:
            coming.append(pool.submit(read, names))
            if len(coming) > 1:
                yield coming.popleft().result()
        for batch in coming:
            yield batch.result()


def _batches(rows: Mapping[str, int], most: int) -> Iterator[list[str]]:
    """Yield the datasets in order, as many at a time as have `most` rows together, but at least one."""
    batch: list[str] = []
    held = 0
    for name in sorted(rows):
        if batch and held + rows[name] > most:
            yield batch
            batch, held = [], 0
        batch.append(name)
        held += rows[name]
    if batch:
        yield batch


def _figures(days: pa.Table, regions: pa.Table, requesters: int | None) -> DatasetFigures:
    sums = {name: pc.sum(days[name]).as_py() for name in TOTALS}
    return DatasetFigures(sums, regions.num_rows, countries(regions), requesters)


def countries(regions: pa.Table) -> int:
    """Return how many countries the regions are in."""
    return len({country_of(region) for region in regions["region"].to_pylist()} - {None})


def _files(
    own: Mapping[str, pa.Table],
    of_versions: Mapping[str, pa.Table | None],
    figures: DatasetFigures,
    masking: Masking,
    folder: Path,
    *,
    limits: Limits,
    most_columns: int | None,
) -> Files:
    yield from measures(BY_DAY, own["by_day"], masking, folder, limits)
    assets = total_of_runs(own["by_asset"], "asset_path")
    yield from measures(BY_ASSET, assets, masking, folder, limits)
    yield from measures(BY_REGION, own["by_region"], masking, folder, limits)
    yield from by_week(own["by_asset"], folder, most_columns, limits)
    yield from requester_count(figures.requesters, masking)
    for table in (BY_DAY, BY_ASSET, BY_REGION):
        totals = of_versions[table.name]
        for version, sums in split(totals, "version").items() if totals else ():
            yield from measures(table, sums, masking, folder, limits, place=f"{folder_in(version)}/")
