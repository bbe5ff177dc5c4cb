"""The published files of the whole archive, from the history of all months and the figures of datasets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.s3logs.publishing.dataset_files import DatasetFigures, countries
from include.s3logs.publishing.figures import (
    Files,
    measures,
    requester_count,
    summary,
    to_json,
)
from include.s3logs.publishing.history import History
from include.s3logs.publishing.limits import LIMITS, Limits
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.schemas import (
    ARCHIVE_TOTALS,
    BY_DATASET,
    BY_DAY,
    BY_REGION,
    COORDINATES,
    TOTALS_OF_DATASETS,
)
from include.s3logs.regions.places import coordinates_table
from include.s3logs.tables.totals import TOTALS

_FOLDER = "usage/archive/"


def archive_files(
    history: History,
    datasets: Mapping[str, DatasetFigures],
    masking: Masking,
    folder: Path,
    limits: Limits = LIMITS,
) -> tuple[dict[str, Any], Files]:
    """Return the totals of the archive, and the files below `usage/` that are of no dataset alone."""
    regions, requesters = history.of_archive("archive_by_region"), history.requesters_of_archive()
    sums = {total: sum(figures.sums[total] for figures in datasets.values()) for total in TOTALS}
    totals = summary(sums, regions.num_rows, countries(regions), requesters, masking)

    def files() -> Files:
        names = sorted(datasets)
        columns = {
            total: pa.array([datasets[name].sums[total] for name in names], pa.int64()) for total in TOTALS
        }
        by_dataset = pa.table({"dataset": pa.array(names, pa.string()), **columns})
        for table, of in (
            (BY_DAY, history.of_archive("archive_by_day")),
            (BY_REGION, regions),
            (BY_DATASET, by_dataset),
        ):
            yield from measures(table, of, masking, folder, limits, place=_FOLDER)
        for name, data in requester_count(requesters, masking):
            yield f"{_FOLDER}{name}", data
        yield TOTALS_OF_DATASETS.key, to_json({name: datasets[name].summary(masking) for name in names})
        yield ARCHIVE_TOTALS.key, to_json(totals)
        yield COORDINATES.key, to_json(coordinates_table(regions["region"].to_pylist()))

    return totals, files()
