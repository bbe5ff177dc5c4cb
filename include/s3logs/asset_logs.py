"""The anonymised usage log of each asset: when it was asked for, how much was sent, and to which region.

Files are of one month of log days each, so that a new day costs a month and not all of history.

    usage/<dataset>/logs/<asset path>/<YYYY-MM>.tsv     one asset
    usage/<dataset>/logs/<YYYY-MM>.parquet              all assets of the dataset
"""

from collections.abc import Iterator, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs import UNASSOCIATED
from include.s3logs.checkpoint import Checkpoint, read_output
from include.s3logs.store import Store
from include.s3logs.tables import from_parquet, sorted_by_all, split, to_parquet
from include.s3logs.usage_files import LOGS, folder_in, folder_of_dataset, quoted, tsv

_COLUMNS = ["timestamp", "bytes_sent", "region"]


def asset_logs(
    lake: Store, month: date, days: Sequence[Checkpoint], datasets: Sequence[str]
) -> Iterator[dict[str, bytes]]:
    """Yield the files of each of the datasets for a month, whose mapped log days are given.

    What nobody claims is no asset and has none.
    """
    claimed = pa.array([name for name in datasets if name != UNASSOCIATED], pa.string())
    if not len(claimed):
        return
    rows = pa.concat_tables([_rows(lake, day, claimed) for day in days])
    for dataset, own in split(sorted_by_all(rows, "dataset", "asset_path"), "dataset").items():
        folder = f"{folder_of_dataset(dataset)}/{LOGS}"
        files = {f"{folder}/{month:%Y-%m}.parquet": to_parquet(own)}
        for path, log in split(own, "asset_path").items():
            files[f"{folder}/{folder_in(path)}/{month:%Y-%m}.tsv"] = _tsv(log)
        yield files


def _rows(lake: Store, day: Checkpoint, datasets: pa.Array) -> pa.Table:
    rows = from_parquet(read_output(lake, day, "rows"), ["dataset", "asset_path", *_COLUMNS])
    return rows.filter(pc.is_in(rows["dataset"], datasets))


def _tsv(log: pa.Table) -> bytes:
    seconds = pc.cast(log["timestamp"], pa.timestamp("s", "UTC"))  # Parquet has milliseconds
    times = pc.strftime(seconds, format="%Y-%m-%dT%H:%M:%SZ")
    return tsv(
        {
            "timestamp": times,
            "bytes_sent": pc.cast(log["bytes_sent"], pa.string()),
            "region": quoted(log["region"]),
        }
    )
