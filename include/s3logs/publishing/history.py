"""History: the totals of all months, of some datasets at a time."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.s3logs.days.salts import salts_by_month
from include.s3logs.lake.checkpoint import Checkpoint
from include.s3logs.lake.local_copies import LocalCopies
from include.s3logs.lake.stages import MONTHS
from include.s3logs.publishing.limits import LIMITS, Limits
from include.s3logs.publishing.months import MERGED_BY, OF_ARCHIVE, merge_month, month_of
from include.s3logs.stages.mapping import REQUESTERS
from include.s3logs.stores.store import Store
from include.s3logs.tables.merging import ranges, runs
from include.s3logs.tables.order import distinct
from include.s3logs.tables.totals import TOTALS, total_by

Digests = dict[str, dict[str, str]]
_MERGED_AT_ONCE = 4  # months: what is held in memory is theirs


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is known of each dataset without reading its totals.

    `digests`: {dataset: {YYYY-MM: digest}}; one changes when a day with traffic to the dataset does. `rows`:
    {dataset: how many it has in the tables of all months}.
    """

    digests: Digests
    rows: dict[str, int]


class History:
    """All mapped log days, by month; months that changed are merged anew.

    Copies of the merged months are kept in a local folder, which has to stay while the history is used.
    Requesters of log days that were mapped with different salts cannot be told apart: they are not counted.
    """

    def __init__(
        self,
        lake: Store,
        mapped: Sequence[Checkpoint],
        folder: Path,
        *,
        force: bool = False,
        limits: Limits = LIMITS,
    ) -> None:
        self._copies, self._limits = LocalCopies(lake, folder), limits.merging
        self.days = {month: list(days) for month, days in groupby(mapped, month_of)}
        self._salts = salts_by_month(mapped)
        with ThreadPoolExecutor(_MERGED_AT_ONCE) as pool:
            merged = pool.map(
                lambda month: merge_month(lake, month, self.days[month], force=force, limits=limits.merging),
                self.days,
            )
            self.months: dict[date, Checkpoint] = dict(zip(self.days, merged, strict=True))

    @cached_property
    def traffic(self) -> Traffic:
        """Return what is known of each dataset."""
        found = Traffic({}, {})
        for month, table in zip(self.months, self._tables("digests"), strict=True):
            for dataset, digest, rows in zip(*(column.to_pylist() for column in table.columns), strict=True):
                found.digests.setdefault(dataset, {})[f"{month:%Y-%m}"] = digest
                found.rows[dataset] = found.rows.get(dataset, 0) + rows
        return found

    def totals(self, role: str, datasets: Sequence[str]) -> dict[str, pa.Table]:
        """Return the sums of `months.MERGED_BY[role]` over all months, for each of the datasets."""
        columns = MERGED_BY[role]
        sums = ranges(
            self._paths(role),
            (*columns, *TOTALS),
            columns,
            lambda rows: total_by(rows, *columns),
            datasets,
            limits=self._limits,
        )
        return {name: pa.concat_tables(tables) for name, tables in runs(sums, "dataset")}

    def mixes_salts(self, dataset: str) -> bool:
        """Tell whether the months in which the dataset had traffic were mapped with different salts."""
        return self._mix(self.traffic.digests.get(dataset, ()))

    def requesters(self, datasets: Sequence[str]) -> dict[str, int | None]:
        """Return how many different requesters each of the datasets had; None where salts are mixed."""
        mixed = [name for name in datasets if self.mixes_salts(name)]
        counted = [name for name in datasets if name not in mixed]
        tables_of = runs(self._different("requesters", REQUESTERS, counted), "dataset")
        counts = {name: sum(table.num_rows for table in tables) for name, tables in tables_of}
        return counts | dict.fromkeys(mixed)

    def of_archive(self, role: str) -> pa.Table:
        """Return the sums of all datasets: `archive_by_day` or `archive_by_region`."""
        column = MERGED_BY[OF_ARCHIVE[role]][-1]
        empty = MONTHS.file(role).schema.empty_table()
        return total_by(pa.concat_tables([empty, *self._tables(role)]), column)

    def requesters_of_archive(self) -> int | None:
        """Return how many different requesters there were; None where salts are mixed."""
        if self._mix(self._salts):
            return None
        count: int = sum(table.num_rows for table in self._different("archive_requesters", ("requester",)))
        return count

    def _different(
        self, role: str, columns: Sequence[str], datasets: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        return ranges(
            self._paths(role),
            columns,
            columns,
            lambda rows: distinct(rows, *columns),
            datasets,
            limits=self._limits,
        )

    def _mix(self, months: Collection[str]) -> bool:
        return len(set[str]().union(*(self._salts[month] for month in months))) > 1

    def _paths(self, role: str) -> list[Path]:
        return self._copies.paths(self.months.values(), role)

    def _tables(self, role: str) -> Iterable[pa.Table]:
        """Yield the table of each month: a small one."""
        return map(pq.read_table, self._paths(role))
