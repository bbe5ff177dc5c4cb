"""What publishing costs: one new day on top of years of published ones, and a month of many million requests.

    python -m tests.bench.publishing

The history is invented as mapped log days, without parsing. Each step has a process of its own, whose
peak memory is shown.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.claims import UNASSOCIATED
from include.s3logs.lake.checkpoint import Attempt
from include.s3logs.lake.stages import MAPPED
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import publish
from include.s3logs.stages.mapping import REQUESTERS, TOTALS_BY, VERSIONS_BY
from include.s3logs.stores.folder import LocalStore
from include.s3logs.tables.order import distinct, sorted_by_all
from include.s3logs.tables.parquet import to_parquet
from include.s3logs.tables.totals import TOTALS, total_by

LAST = date(2026, 6, 15)
ASSETS, REGIONS, REQUESTS = 4, 40, 2_000  # assets of a dataset; requests of a day
PEOPLE = 200_000
MASKING, OTHER_MASKING = Masking(50, 20), Masking(10, 10)
HEAVY_DAYS = 12
HEAVY = (("000001", 0.75, 300), ("000002", 0.05, 20_000), (UNASSOCIATED, 0.2, 1_000_000))
"""Datasets of the heavy month: which share of the requests they get, and how many assets they have."""


def map_invented_day(lake: LocalStore, day: date, datasets: int, requests: int) -> None:
    """Write the mapped day and its checkpoint, as the stages would."""
    rng = np.random.default_rng(day.toordinal())
    which = (datasets * rng.random(requests) ** 2).astype(int)  # some datasets are asked for more than others
    which[: min(datasets, requests // 4)] = rng.permutation(datasets)[: min(datasets, requests // 4)]
    paths = [f"sub-{n:02}/sub-{n:02}.nwb" for n in rng.integers(0, ASSETS, requests)]
    _write_day(lake, day, [f"{n:06}" for n in which], paths, rng)


def map_heavy_day(lake: LocalStore, day: date, requests: int) -> None:
    """Write a mapped day with very many requests, to the datasets and assets of HEAVY."""
    rng = np.random.default_rng(day.toordinal())
    datasets: list[str] = []
    paths: list[str] = []
    for name, share, assets in HEAVY:
        count = round(requests * share)
        datasets += [name] * count
        paths += [f"sub-{n // 10:06}/session-{n:07}.nwb" for n in rng.integers(0, assets, count)]
    _write_day(lake, day, datasets, paths, rng)


def _write_day(
    lake: LocalStore, day: date, datasets: Sequence[str], paths: Sequence[str], rng: np.random.Generator
) -> None:
    requests = len(datasets)
    seconds = rng.integers(0, 86_400, requests)
    rows = pa.table(
        {
            "dataset": pa.array(datasets),
            "version": pa.array(["draft"] * requests),
            "asset_path": pa.array(paths),
            "timestamp": pa.array(
                np.datetime64(day, "s") + seconds.astype("timedelta64[s]"), pa.timestamp("s", "UTC")
            ),
            "region": pa.array([f"US/State {n:02}" for n in rng.integers(0, REGIONS, requests)]),
            "requester": pa.array(rng.integers(1, PEOPLE, requests).astype(np.uint64)),
            "bytes_sent": pa.array(rng.integers(1, 10**9, requests)),
            "event_day": pa.array([day] * requests, pa.date32()),
            "number_of_requests": pa.array(np.ones(requests, np.int64)),
            "number_of_downloads": pa.array(rng.integers(0, 2, requests)),
            "normalized_downloads": pa.array(rng.integers(0, 10**6, requests)),
        }
    )
    attempt = Attempt(lake, MAPPED.name, day)
    given = {name: rows[name] for name in ("dataset", "asset_path", "timestamp", "bytes_sent", "region")}
    given |= {"object_key": rows["asset_path"], "bucket": pa.repeat("reef", requests)}
    given |= {"version": rows["version"], "object_size": pa.repeat(1000, requests)}
    given |= {"http_status": pa.repeat(pa.scalar(206, pa.int16()), requests)}
    logged = pa.table({name: given[name] for name in MAPPED.file("rows").schema.names})
    attempt.write("rows", "parquet", to_parquet(sorted_by_all(logged, "dataset", "asset_path", "timestamp")))
    claimed = rows.filter(pc.not_equal(rows["dataset"], UNASSOCIATED))
    for role, columns in {**TOTALS_BY, **VERSIONS_BY}.items():
        counted = claimed if role in VERSIONS_BY else rows
        attempt.write(role, "parquet", to_parquet(total_by(counted.select([*columns, *TOTALS]), *columns)))
    attempt.write("requesters", "parquet", to_parquet(distinct(rows, *REQUESTERS)))
    counts = {"rows": requests, "bytes_sent": int(np.sum(rows["bytes_sent"].to_numpy()))}
    reduced = {"fingerprint": "", "counts": dict.fromkeys(("log_objects", "lines", "records"), 0)}
    attempt.commit({"day": str(day)}, counts, {"reduced": reduced})


def timed(name: str, work: Callable[..., object], *given: Any) -> None:
    """Do the work in a process of its own; print how long it took, and the most memory of the process."""
    process = get_context("spawn").Process(target=_measure, args=(name, work, given))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{name}: exit code {process.exitcode}")


def _measure(name: str, work: Callable[..., object], given: Sequence[Any]) -> None:
    start = perf_counter()
    work(*given)
    scale = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6
    print(f"{name:60} {perf_counter() - start:8.1f} s   peak {peak:,.0f} MB", flush=True)


def invent(lake: LocalStore, map_day: Callable[..., None], days: Sequence[date], *given: int) -> None:
    """Map all of the days."""
    for day in days:
        map_day(lake, day, *given)


def years(lake: LocalStore, count: int, datasets: int) -> None:
    """Invent, publish, add a day, publish."""
    days = [LAST - timedelta(days=n) for n in range(count, 0, -1)]
    timed(
        f"invent {count} mapped days of {datasets} datasets",
        *(invent, lake, map_invented_day, days, datasets, REQUESTS),
    )
    timed("publish them all for the first time", publish, lake, MASKING)
    map_invented_day(lake, LAST, datasets, 4 * REQUESTS)
    timed("publish one new day with traffic to every dataset", publish, lake, MASKING)
    map_invented_day(lake, LAST + timedelta(days=1), datasets // 10, REQUESTS // 10)
    timed("publish one new day with traffic to a tenth of them", publish, lake, MASKING)
    timed("publish, nothing new", publish, lake, MASKING)


def heavy_month(lake: LocalStore, requests: int) -> None:
    """Invent a month with very many requests and assets, publish, publish with another masking."""
    first = LAST.replace(day=1)
    days = [first + timedelta(days=n) for n in range(HEAVY_DAYS)]
    timed(
        f"invent {HEAVY_DAYS} mapped days of {requests:,} requests",
        *(invent, lake, map_heavy_day, days, requests),
    )
    timed("publish them for the first time", publish, lake, MASKING)
    timed("publish them with another masking", publish, lake, OTHER_MASKING)


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.publishing", description="Measure publish.")
    parser.add_argument("--days", type=int, default=2000, help="of the years; 0: leave them out")
    parser.add_argument("--datasets", type=int, default=1000, help="of the years")
    parser.add_argument(
        "--requests", type=int, default=500_000, help="a day of the heavy month; 0: leave it out"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="s3logs-bench-") as folder:
        if asked.days:
            years(LocalStore(Path(folder) / "years"), asked.days, asked.datasets)
        if asked.requests:
            heavy_month(LocalStore(Path(folder) / "heavy"), asked.requests)


if __name__ == "__main__":
    main()
