"""Months: the mapped totals of a month's log days, merged; derived, and made anew when a day changes.

Publishing reads these instead of thousands of days, and no rows at all.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.checkpoint import Attempt, Checkpoint, fingerprint_of, read_output, run_stage
from include.s3logs.errors import ReconciliationError
from include.s3logs.mapping import REQUESTERS, TOTALS_BY, VERSIONS_BY
from include.s3logs.store import Store
from include.s3logs.tables import distinct, from_parquet, to_parquet, total_by

STAGE = "months"
VERSION = 1
MERGED_BY = {**TOTALS_BY, "by_asset": ("dataset", "asset_path", "week"), **VERSIONS_BY}
"""Outputs and what their totals are by; `week` is the Monday of the event day's week."""
OF_ARCHIVE = {"archive_by_day": "by_day", "archive_by_region": "by_region"}
"""Outputs of all datasets together, and whose sums they are."""


def month_of(checkpoint: Checkpoint) -> date:
    """Return the first day of the month of a log day."""
    return date.fromisoformat(checkpoint.log_day).replace(day=1)


def merge_month(lake: Store, month: date, days: Sequence[Checkpoint], *, force: bool = False) -> Checkpoint:
    """Merge the mapped log days of a month, or reuse what was merged of the same.

    Output `digests` tells of each dataset which days had traffic to it: it changes when one of them does.
    """
    return run_stage(
        lake,
        STAGE,
        month,
        inputs={"version": VERSION, "days": [[day.log_day, day.content()] for day in days]},
        compute=lambda attempt: _merge(attempt, days),
        force=force,
        opens=False,
    ).checkpoint


def _merge(attempt: Attempt, days: Sequence[Checkpoint]) -> Mapping[str, int]:
    for role, columns in MERGED_BY.items():
        table = _concat(attempt.lake, days, role)
        if "week" in columns:
            weeks = pc.floor_temporal(table["event_day"], unit="week", week_starts_monday=True)
            table = table.append_column("week", weeks)
        merged = total_by(table, *columns)
        if role in TOTALS_BY:
            _reconcile(attempt.day, role, merged, days)
        attempt.write(role, "parquet", to_parquet(merged))
        for archive in (name for name, of in OF_ARCHIVE.items() if of == role):
            attempt.write(archive, "parquet", to_parquet(total_by(merged, columns[-1])))
    requesters = distinct(_concat(attempt.lake, days, "requesters"), *REQUESTERS)
    attempt.write("requesters", "parquet", to_parquet(requesters))
    attempt.write("archive_requesters", "parquet", to_parquet(distinct(requesters, "requester")))
    attempt.write("digests", "parquet", to_parquet(_digests(attempt.lake, days)))
    return {name: sum(day.counts[name] for day in days) for name in ("rows", "bytes_sent")}


def _concat(lake: Store, days: Sequence[Checkpoint], role: str) -> pa.Table:
    return pa.concat_tables([from_parquet(read_output(lake, day, role)) for day in days])


def _reconcile(month: date, role: str, merged: pa.Table, days: Sequence[Checkpoint]) -> None:
    """Every request that map counted is in the table, to the byte."""
    expected = [sum(day.counts[name] for day in days) for name in ("bytes_sent", "rows")]
    found = [pc.sum(merged[name]).as_py() or 0 for name in ("bytes_sent", "number_of_requests")]
    if found != expected:
        raise ReconciliationError(
            f"{role} of {month:%Y-%m} has (bytes, requests) {found}, the log days have {expected}"
        )


def _digests(lake: Store, days: Sequence[Checkpoint]) -> pa.Table:
    contents = defaultdict(list)
    for day in days:
        datasets = from_parquet(read_output(lake, day, "by_day"), ["dataset"])["dataset"]
        for dataset in pc.unique(datasets).to_pylist():
            contents[dataset].append(day.content())
    digests = {name: fingerprint_of({"days": days})[:16] for name, days in sorted(contents.items())}
    return pa.table(
        {"dataset": pa.array(digests, pa.string()), "digest": pa.array(digests.values(), pa.string())}
    )
