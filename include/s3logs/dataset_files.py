"""The published files of one dataset after the other, from the history of all months."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.history import History
from include.s3logs.privacy import Masking
from include.s3logs.regions import country_of
from include.s3logs.tables import TOTALS, split, total_by
from include.s3logs.usage_files import (
    Files,
    by_week,
    folder_in,
    folder_of_dataset,
    measures,
    requester_count,
    summary,
)

_AT_ONCE = 250  # datasets: what is held in memory is theirs


@dataclass(frozen=True, slots=True)
class DatasetFigures:
    """Exact figures of a dataset, of which the files about all datasets are made. Never shown as such."""

    sums: Mapping[str, int]
    regions: int
    countries: int
    requesters: int

    def to_dict(self) -> dict[str, Any]:
        """Return what `DatasetFigures(**…)` takes."""
        return asdict(self)

    def summary(self, masking: Masking) -> dict[str, Any]:
        """Return what `totals.json` says of it."""
        return summary(self.sums, self.regions, self.countries, self.requesters, masking)


def dataset_files(
    history: History, datasets: Sequence[str], masking: Masking
) -> Iterator[tuple[str, DatasetFigures, dict[str, bytes]]]:
    """Yield each dataset with its figures and its files, by their keys in the lake."""
    for first in range(0, len(datasets), _AT_ONCE):
        names = datasets[first : first + _AT_ONCE]
        tables = {role: history.totals(role, names) for role in ("by_day", "by_asset", "by_region")}
        versions = {
            role: {
                name: split(table, "version")
                for name, table in history.totals(f"versions_{role}", names).items()
            }
            for role in ("by_day", "by_asset", "by_region")
        }
        requesters = history.requesters(names)
        for name in names:
            own = {role: table[name] for role, table in tables.items()}
            of_versions = {role: table.get(name, {}) for role, table in versions.items()}
            figures = _figures(own["by_day"], own["by_region"], requesters.get(name, 0))
            files = _files(own, of_versions, figures, masking)
            yield name, figures, {f"{folder_of_dataset(name)}/{path}": data for path, data in files}


def _figures(days: pa.Table, regions: pa.Table, requesters: int) -> DatasetFigures:
    sums = {name: pc.sum(days[name]).as_py() for name in TOTALS}
    return DatasetFigures(sums, regions.num_rows, countries(regions), requesters)


def countries(regions: pa.Table) -> int:
    """Return how many countries the regions are in."""
    return len({country_of(region) for region in regions["region"].to_pylist()} - {None})


def _files(
    own: Mapping[str, pa.Table],
    of_versions: Mapping[str, Mapping[str, pa.Table]],
    figures: DatasetFigures,
    masking: Masking,
) -> Files:
    yield from measures("by_day", own["by_day"], masking)
    yield from measures("by_asset", total_by(own["by_asset"], "asset_path"), masking)
    yield from measures("by_region", own["by_region"], masking)
    yield from by_week(own["by_asset"])
    yield from requester_count(figures.requesters, masking)
    for role, tables in of_versions.items():
        for version, table in tables.items():
            yield from measures(f"{folder_in(version)}/{role}", table, masking)
