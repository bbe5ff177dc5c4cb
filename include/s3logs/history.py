"""History: the totals of all months, of some datasets at a time."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.checkpoint import Checkpoint, read_output
from include.s3logs.mapping import REQUESTERS
from include.s3logs.months import MERGED_BY, OF_ARCHIVE, merge_month, month_of
from include.s3logs.store import PARALLEL_READS, Store
from include.s3logs.tables import TOTALS, distinct, from_parquet, split, total_by

Digests = dict[str, dict[str, str]]


class History:
    """All mapped log days, by month; months that changed are merged anew."""

    def __init__(self, lake: Store, mapped: Sequence[Checkpoint], *, force: bool = False) -> None:
        self._lake = lake
        self.days = {month: list(days) for month, days in groupby(mapped, month_of)}
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            merged = pool.map(
                lambda month: merge_month(lake, month, self.days[month], force=force), self.days
            )
            self.months: dict[date, Checkpoint] = dict(zip(self.days, merged, strict=True))

    def digests(self) -> Digests:
        """Return {dataset: {YYYY-MM: digest}}: what changes when a day with traffic to the dataset does."""
        found: Digests = {}
        for month, table in zip(self.months, self._tables("digests"), strict=True):
            for dataset, digest in zip(*(column.to_pylist() for column in table.columns), strict=True):
                found.setdefault(dataset, {})[f"{month:%Y-%m}"] = digest
        return found

    def totals(self, role: str, datasets: Sequence[str]) -> dict[str, pa.Table]:
        """Return the sums of `months.MERGED_BY[role]` over all months, for each of the datasets."""
        columns = MERGED_BY[role]
        of_datasets = (_of(table, datasets) for table in self._tables(role))
        return split(total_by(_concat(of_datasets, *columns, *TOTALS), *columns), "dataset")

    def requesters(self, datasets: Sequence[str]) -> dict[str, int]:
        """Return how many different requesters each of the datasets had."""
        of_datasets = (_of(table, datasets) for table in self._tables("requesters"))
        different = distinct(_concat(of_datasets, *REQUESTERS), *REQUESTERS)
        counts = different.group_by("dataset").aggregate([([], "count_all")])
        return dict(zip(*(counts[name].to_pylist() for name in ("dataset", "count_all")), strict=True))

    def of_archive(self, role: str) -> pa.Table:
        """Return the sums of all datasets: `archive_by_day` or `archive_by_region`."""
        column = MERGED_BY[OF_ARCHIVE[role]][-1]
        return total_by(_concat(self._tables(role), column, *TOTALS), column)

    def requesters_of_archive(self) -> int:
        """Return how many different requesters there were."""
        return len(pc.unique(_concat(self._tables("archive_requesters"), "requester")["requester"]))

    def _tables(self, role: str) -> Iterator[pa.Table]:
        """Yield the table of each month, reading a few ahead."""
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            yield from pool.map(
                lambda month: from_parquet(read_output(self._lake, month, role)), self.months.values()
            )


def _concat(tables: Iterable[pa.Table], *columns: str) -> pa.Table:
    """Join tables of these columns; there may be none."""
    kinds = {"event_day": pa.date32(), "week": pa.date32(), "requester": pa.uint64()}
    kinds |= dict.fromkeys(TOTALS, pa.int64())
    empty = pa.schema([(column, kinds.get(column, pa.string())) for column in columns]).empty_table()
    return pa.concat_tables([empty, *tables])


def _of(table: pa.Table, datasets: Sequence[str]) -> pa.Table:
    return table.filter(pc.is_in(table["dataset"], pa.array(datasets, pa.string())))
