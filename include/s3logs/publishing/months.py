"""Months: the mapped totals of a month's log days, merged; derived, and made anew when a day changes.

Publishing reads these instead of thousands of days, and no rows at all.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.s3logs.errors import ReconciliationError
from include.s3logs.lake.checkpoint import Attempt, Checkpoint, fingerprint_of, run_stage
from include.s3logs.lake.local_copies import LocalCopies
from include.s3logs.lake.stages import MONTHS
from include.s3logs.stages.mapping import REQUESTERS, TOTALS_BY, VERSIONS_BY
from include.s3logs.stores.store import Store
from include.s3logs.tables.merging import LIMITS, Limits, ranges
from include.s3logs.tables.order import distinct
from include.s3logs.tables.parquet import RowsFile, to_parquet
from include.s3logs.tables.temporary import temporary_folder
from include.s3logs.tables.totals import TOTALS, total_by

MERGED_BY = {**TOTALS_BY, "by_asset": ("dataset", "asset_path", "week"), **VERSIONS_BY}
"""Outputs and what their totals are by; `week` is the Monday of the event day's week."""
_ROW_GROUP = 1 << 12
"""Rows that are read at least: publishing reads some datasets of all months at a time, again and again."""
OF_ARCHIVE = {"archive_by_day": "by_day", "archive_by_region": "by_region"}
"""Outputs of all datasets together, and whose sums they are."""


def month_of(checkpoint: Checkpoint) -> date:
    """Return the first day of the month of a log day."""
    return date.fromisoformat(checkpoint.log_day).replace(day=1)


def merge_month(
    lake: Store,
    month: date,
    days: Sequence[Checkpoint],
    *,
    force: bool = False,
    limits: Limits = LIMITS,
) -> Checkpoint:
    """Merge the mapped log days of a month, or reuse what was merged of the same.

    Output `digests` tells of each dataset which days had traffic to it: it changes when one of them does. It
    also tells how many rows the dataset has in the other outputs.
    """
    return run_stage(
        lake,
        MONTHS,
        month,
        inputs={"version": MONTHS.version, "days": [[day.log_day, day.content()] for day in days]},
        compute=lambda attempt: _merge(attempt, days, limits),
        force=force,
    ).checkpoint


def _merge(attempt: Attempt, days: Sequence[Checkpoint], limits: Limits) -> Mapping[str, int]:
    with temporary_folder() as folder:
        merge = _Merge(attempt, days, folder, limits)
        for role in MERGED_BY:
            merge.totals(role)
        merge.requesters()
        merge.digests()
    return {name: sum(day.counts[name] for day in days) for name in ("rows", "bytes_sent")}


class _Merge:
    """The merging of one month's days, a range of rows at a time."""

    def __init__(self, attempt: Attempt, days: Sequence[Checkpoint], folder: Path, limits: Limits) -> None:
        self._attempt, self._days, self._folder, self._limits = attempt, days, folder, limits
        self._copies = LocalCopies(attempt.lake, folder)
        self._rows: Counter[str] = Counter()  # of each dataset in all tables

    def totals(self, role: str) -> None:
        """Write the sums of an output of all days, and those of the archive if they are made of them."""
        columns, read, keys = MERGED_BY[role], MERGED_BY[role], MERGED_BY[role]
        if "week" in columns:  # which may be in two ranges of days, so all rows of an asset are taken at once
            read, keys = (*columns[:-1], "event_day"), columns[:-1]
        archive = next((name for name, of in OF_ARCHIVE.items() if of == role), None)
        of_archive: pa.Table = None
        counted: Counter[str] = Counter()
        for part in self._merged(
            role, (*read, *TOTALS), keys, lambda rows: total_by(_with_week(rows, columns), *columns)
        ):
            counted.update({name: pc.sum(part[name]).as_py() or 0 for name in TOTALS})
            if archive:
                own = part.select([columns[-1], *TOTALS])
                both = own if of_archive is None else pa.concat_tables([of_archive, own])
                of_archive = total_by(both, columns[-1])
        if role in TOTALS_BY:
            _reconcile(self._attempt.day, role, counted, self._days)
        if archive:
            self._attempt.write(archive, "parquet", to_parquet(of_archive))

    def requesters(self) -> None:
        """Write the different requesters of each dataset and of the archive."""
        parts = self._merged("requesters", REQUESTERS, REQUESTERS, lambda rows: distinct(rows, *REQUESTERS))
        found = np.unique(np.concatenate([part["requester"].to_numpy() for part in parts]))
        self._attempt.write("archive_requesters", "parquet", to_parquet(pa.table({"requester": found})))

    def digests(self) -> None:
        """Write of each dataset which days had traffic to it, as a digest, and how many rows it has here."""
        contents = defaultdict(list)
        for day, path in zip(self._days, self._copies.paths(self._days, "by_day"), strict=True):
            for dataset in pc.unique(pq.read_table(path, columns=["dataset"])["dataset"]).to_pylist():
                contents[dataset].append(day.content())
        names = sorted(contents)
        digests = [fingerprint_of({"days": contents[name]})[:16] for name in names]
        rows = [self._rows[name] for name in names]
        table = pa.table([names, digests, rows], schema=MONTHS.file("digests").schema)
        self._attempt.write("digests", "parquet", to_parquet(table))

    def _merged(
        self, role: str, columns: Sequence[str], keys: Sequence[str], arrange: Callable[[pa.Table], pa.Table]
    ) -> Iterator[pa.Table]:
        """Yield the arranged ranges of an output of all days, an empty table first; writes them when done."""
        paths = self._copies.paths(self._days, role)
        empty = arrange(pq.read_schema(paths[0]).empty_table().select(list(columns)))
        merged = RowsFile(self._folder / f"{role}.parquet", empty.schema, _ROW_GROUP)
        for part in chain([empty], ranges(paths, columns, keys, arrange, limits=self._limits)):
            merged.add(part)
            for count in pc.value_counts(part["dataset"]).to_pylist():
                self._rows[count["values"]] += count["counts"]
            yield part
        merged.close()
        self._attempt.write_file(role, "parquet", merged.path)


def _with_week(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    if "week" not in columns:
        return rows
    weeks = pc.floor_temporal(rows["event_day"], unit="week", week_starts_monday=True)
    return rows.append_column("week", weeks)


def _reconcile(month: date, role: str, counted: Mapping[str, int], days: Sequence[Checkpoint]) -> None:
    """Every request that map counted is in the table, to the byte."""
    expected = [sum(day.counts[name] for day in days) for name in ("bytes_sent", "rows")]
    found = [counted[name] for name in ("bytes_sent", "number_of_requests")]
    if found != expected:
        raise ReconciliationError(
            f"{role} of {month:%Y-%m} has (bytes, requests) {found}, the log days have {expected}"
        )
