"""What publishing one new day costs on top of years of published ones: python -m tests.bench.publishing.

The history is invented as mapped log days, without parsing anything. Nothing of it is read again but the
month of the new day and the merged months.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa

from include.s3logs.checkpoint import Attempt
from include.s3logs.mapping import REQUESTERS, STAGE, TOTALS_BY, VERSIONS_BY
from include.s3logs.privacy import Masking
from include.s3logs.publish import publish
from include.s3logs.store import LocalStore
from include.s3logs.tables import TOTALS, distinct, sorted_by_all, to_parquet, total_by

LAST = date(2026, 6, 15)
ASSETS, REGIONS, REQUESTS = 4, 40, 2_000  # assets of a dataset; requests of a day
PEOPLE = 200_000
MASKING = Masking(50, 20)


def map_invented_day(lake: LocalStore, day: date, datasets: int, requests: int) -> None:
    """Write the mapped day and its checkpoint, as the stages would."""
    rng = np.random.default_rng(day.toordinal())
    which = (datasets * rng.random(requests) ** 2).astype(int)  # some datasets are asked for more than others
    which[: min(datasets, requests // 4)] = rng.permutation(datasets)[: min(datasets, requests // 4)]
    asset = rng.integers(0, ASSETS, requests)
    seconds = rng.integers(0, 86_400, requests)
    rows = pa.table(
        {
            "dataset": pa.array([f"{n:06}" for n in which]),
            "version": pa.array(["draft"] * requests),
            "asset_path": pa.array([f"sub-{n:02}/sub-{n:02}.nwb" for n in asset]),
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
    attempt = Attempt(lake, STAGE, day)
    logged = rows.select(["dataset", "asset_path", "timestamp", "bytes_sent", "region"])
    attempt.write("rows", "parquet", to_parquet(sorted_by_all(logged, "dataset", "asset_path", "timestamp")))
    for role, columns in {**TOTALS_BY, **VERSIONS_BY}.items():
        attempt.write(role, "parquet", to_parquet(total_by(rows.select([*columns, *TOTALS]), *columns)))
    attempt.write("requesters", "parquet", to_parquet(distinct(rows, *REQUESTERS)))
    counts = {"rows": requests, "bytes_sent": int(np.sum(rows["bytes_sent"].to_numpy()))}
    reduced = {"fingerprint": "", "counts": dict.fromkeys(("log_objects", "lines", "records"), 0)}
    attempt.commit({"day": str(day)}, counts, {"reduced": reduced})


def timed(name: str, work: Callable[[], object]) -> None:
    """Do the work and print how long it took, and the most memory of the process so far."""
    start = perf_counter()
    work()
    scale = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6
    print(f"{name:60} {perf_counter() - start:8.1f} s   peak {peak:,.0f} MB", flush=True)


def main() -> None:
    """Invent, publish, add a day, publish."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.publishing", description="Measure publish.")
    parser.add_argument("--days", type=int, default=2000)
    parser.add_argument("--datasets", type=int, default=1000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="s3logs-bench-") as folder:
        lake = LocalStore(Path(folder))
        days = [LAST - timedelta(days=n) for n in range(asked.days, 0, -1)]

        def invent() -> None:
            for day in days:
                map_invented_day(lake, day, asked.datasets, REQUESTS)

        timed(f"invent {asked.days} mapped days of {asked.datasets} datasets", invent)
        timed("publish them all for the first time", lambda: publish(lake, MASKING))
        map_invented_day(lake, LAST, asked.datasets, 4 * REQUESTS)
        timed("publish one new day with traffic to every dataset", lambda: publish(lake, MASKING))
        map_invented_day(lake, LAST + timedelta(days=1), asked.datasets // 10, REQUESTS // 10)
        timed("publish one new day with traffic to a tenth of them", lambda: publish(lake, MASKING))
        timed("publish, nothing new", lambda: publish(lake, MASKING))


if __name__ == "__main__":
    main()
