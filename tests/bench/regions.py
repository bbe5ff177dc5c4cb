"""How long it takes to find the regions of a million distinct addresses: python -m tests.bench.regions."""

from __future__ import annotations

from datetime import date
from statistics import median
from time import perf_counter

import numpy as np

from include.s3logs.regions import Regions
from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.tables import network_table
from include.s3logs.store import LocalStore

ADDRESSES, SHARE_OF_IPV6, RUNS = 1_000_000, 0.1, 5


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


def main() -> None:
    """Build the table and look all addresses up."""
    nowhere = LocalStore("/nonexistent")
    start = perf_counter()
    table = network_table(nowhere)
    print(f"build the table of all networks: {perf_counter() - start:.2f} s")
    regions = Regions(table, b"the salt of the benchmark", RegionCache(nowhere), today=date(2026, 9, 21))
    asked, times = addresses(), []
    for _ in range(RUNS):
        start = perf_counter()
        found = regions.look_up(asked)
        times.append(perf_counter() - start)
    print(
        f"look {len(asked):,} distinct addresses up, {len(set(found)):,} regions: "
        f"{median(times):.2f} s (median of {RUNS}), {1e6 * median(times) / len(asked):.2f} µs each"
    )


if __name__ == "__main__":
    main()
