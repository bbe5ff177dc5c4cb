"""How long the regions of a million addresses take, and a refresh of them: python -m tests.bench.regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from include.s3logs.regions import Regions
from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.networks import NetworkTable
from include.s3logs.regions.refresh import SPAN_DAYS, refresh_cache
from include.s3logs.regions.tables import network_table
from include.s3logs.stores.folder import LocalStore
from tests.support.binned_days import bin_rows, remember

ADDRESSES, SHARE_OF_IPV6, RUNS = 1_000_000, 0.1, 5
NOWHERE = [f"240.{n >> 8}.{n & 255}.1" for n in range(1000)]
A_DAY, ROWS_EACH = 50_000, 4
"""Distinct addresses of a log day, and how many rows each of them has."""
TODAY, SALT = date(2026, 9, 21), b"the salt of the benchmark"


def addresses() -> list[str | None]:
    """Invent distinct addresses, the same each time."""
    rng = np.random.default_rng(1)
    count = int(ADDRESSES * (1 - SHARE_OF_IPV6))
    numbers = np.unique(rng.integers(1 << 24, 224 << 24, count))
    texts: list[str | None] = [
        f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in numbers.tolist()
    ]
    groups = rng.integers(0, 1 << 16, (ADDRESSES - count, 6))
    texts += [
        f"2600:1f{a & 255:02x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}:{n % 65_536:x}"
        for n, (a, b, c, d, e, f) in enumerate(groups.tolist())
    ]
    return texts


class Lake(LocalStore):
    """Counts the bytes that are read in parts."""

    given = 0

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return the part."""
        self.given += length
        return super().read_range(key, start, length)


class Service:
    """Answers at once."""

    batch_size = 1000

    def details(self, addresses: Sequence[str]) -> Mapping[str, object]:
        """Say the same of all."""
        return {address: {"ip": address, "country": "NL"} for address in addresses}


def refresh(asked: list[str | None]) -> None:
    """Let the cache know all addresses since yesterday; every day holds some of them, drawn anew."""
    rng = np.random.default_rng(2)
    with TemporaryDirectory() as folder:
        lake, size = Lake(Path(folder)), 0
        for days in range(SPAN_DAYS):
            drawn = [asked[n] for n in rng.choice(len(asked), A_DAY, replace=False).tolist()]
            size += bin_rows(lake, TODAY - timedelta(days=days), drawn * ROWS_EACH).files["rows"].size
        # One that is in no log day, as there always is: so that all days are read.
        remember(lake, SALT, dict.fromkeys([*filter(None, asked), *NOWHERE], "NL"), TODAY - timedelta(days=1))
        regions = Regions(NetworkTable([]), SALT, RegionCache(lake), today=TODAY, service=Service())
        start = perf_counter()
        found = refresh_cache(lake, regions)
        print(
            f"refresh: {SPAN_DAYS} log days of {A_DAY:,} addresses, {found.due:,} entries due, "
            f"{found.answered:,} answered: {perf_counter() - start:.1f} s; "
            f"{lake.given / 1e6:.0f} MB read of {size / 1e6:.0f} MB"
        )


def main() -> None:
    """Build the table, look all addresses up, and refresh a cache of them."""
    with TemporaryDirectory() as folder:
        lake = LocalStore(folder)
        for what in ("build the table of all networks", "read the one that was kept"):
            start = perf_counter()
            table = network_table(lake)
            print(f"{what}: {perf_counter() - start:.3f} s")
        regions = Regions(table, SALT, RegionCache(lake), today=TODAY)
    asked, times = addresses(), []
    for _ in range(RUNS):
        start = perf_counter()
        found = regions.look_up(asked)
        times.append(perf_counter() - start)
    print(
        f"look {len(asked):,} distinct addresses up, {len(set(found)):,} regions: "
        f"{median(times):.2f} s (median of {RUNS}), {1e6 * median(times) / len(asked):.2f} µs each"
    )
    refresh(asked)


if __name__ == "__main__":
    main()
