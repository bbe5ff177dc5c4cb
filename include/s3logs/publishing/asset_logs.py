"""The anonymised usage log of each asset: when it was asked for, how much was sent, and to which region.

Files are of one month of log days each, so that a new day costs a month and not all of history.

    usage/<dataset>/logs/<asset path>/<YYYY-MM>.tsv     one asset
    usage/<dataset>/logs/<YYYY-MM>.parquet              all assets of the dataset
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.claims import UNASSOCIATED
from include.s3logs.lake.checkpoint import Checkpoint
from include.s3logs.lake.local_copies import LocalCopies
from include.s3logs.publishing.figures import (
    Files,
    folder_in,
    folder_of_dataset,
    lines,
    quoted,
)
from include.s3logs.publishing.limits import LIMITS, Limits
from include.s3logs.publishing.schemas import ASSET_LOG, ASSET_LOGS, LOGS
from include.s3logs.stores.store import Store
from include.s3logs.tables.growing_file import GrowingFile
from include.s3logs.tables.merging import ranges, runs
from include.s3logs.tables.order import sorted_by_all
from include.s3logs.tables.parquet import RowsFile
from include.s3logs.tables.temporary import temporary_folder

_ORDER = ("dataset", "asset_path", "timestamp")


def asset_logs(
    lake: Store,
    month: date,
    days: Sequence[Checkpoint],
    datasets: Sequence[str],
    limits: Limits = LIMITS,
) -> Files:
    """Yield the files of the datasets for a month, whose mapped log days are given, by their keys.

    A local file may be used until the next one is asked for. What nobody claims is no asset and has no log.
    """
    claimed = [name for name in datasets if name != UNASSOCIATED]
    if not claimed:
        return
    with temporary_folder() as folder:
        paths = LocalCopies(lake, folder).paths(days, "rows")
        columns = ("dataset", *ASSET_LOGS.names)
        rows = ranges(
            paths,
            columns,
            _ORDER,
            lambda part: sorted_by_all(part, *_ORDER[:2]),
            claimed,
            limits=limits.merging,
        )
        for dataset, own in runs(rows, "dataset"):
            for name, content in _of_dataset(own, f"{month:%Y-%m}", folder, limits):
                yield f"{folder_of_dataset(dataset)}/{LOGS}/{name}", content


def _of_dataset(rows: Iterator[pa.Table], month: str, folder: Path, limits: Limits) -> Files:
    first = next(rows)
    whole = RowsFile(folder / f"{month}.parquet", ASSET_LOGS.schema, limits.row_group)
    for path, log in runs(_added(whole, chain([first], rows)), "asset_path"):
        text = GrowingFile(folder / f"{month}.tsv", limits.small)
        text.write(ASSET_LOG.header)
        for part in log:
            text.write(_lines(part))
        yield f"{folder_in(path)}/{month}.tsv", text.content()
    whole.close()
    yield f"{month}.parquet", whole.path


def _added(file: RowsFile, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the tables, each written to the file before."""
    for table in tables:
        file.add(table)
        yield table


def _lines(log: pa.Table) -> bytes:
    seconds = pc.cast(log["timestamp"], pa.timestamp("s", "UTC"))  # Parquet has milliseconds
    times = pc.strftime(seconds, format="%Y-%m-%dT%H:%M:%SZ")
    return lines(times, pc.cast(log["bytes_sent"], pa.string()), quoted(log["region"]))
