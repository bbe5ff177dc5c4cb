"""How long the stages take for the sample's seven days, over a lake in a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

Result = TypeVar("Result")


def measure_stages(runs: int) -> dict[str, list[float]]:
    """Return for each stage the milliseconds a day of each run (publish: of all days together)."""
    with tempfile.TemporaryDirectory(prefix="s3logs-bench-") as folder:
        _, *measured = [_one_run(Path(folder), run) for run in range(runs + 1)]  # the first warms up
    return {name: [run[name] for run in measured] for name in measured[0]}


def _one_run(folder: Path, run: int) -> dict[str, float]:
    from include.s3logs.catalogs.manifest import ManifestCatalog
    from include.s3logs.logs.sources import find_log_objects
    from include.s3logs.publishing.masking import Masking
    from include.s3logs.publishing.publish import publish
    from include.s3logs.sample import LOG_DAYS, write_sample
    from include.s3logs.settings import Settings
    from include.s3logs.stores.folder import LocalStore
    from tests.support.offline_regions import offline_regions
    from tests.support.one_day import bin_day, map_day, reduce_day

    write_sample(folder / "sample")
    stores = {"logs": LocalStore(folder / "sample/logs")}
    catalog = ManifestCatalog((folder / "sample/catalog.csv").read_bytes(), "catalog.csv")
    listing = find_log_objects(stores, LOG_DAYS[0], LOG_DAYS[-1])
    settings, masking = Settings(_env_file=None), Masking(0, 1)  # type: ignore[call-arg]
    (folder / f"lake-{run}").mkdir()
    lake = LocalStore(folder / f"lake-{run}")
    times: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Result], share: int = 1) -> Result:
        start = perf_counter()
        result = work()
        times[name] = times.get(name, 0.0) + 1000 * (perf_counter() - start) / share
        return result

    for again in ("", " again"):
        outcomes = []
        for day in LOG_DAYS:
            work = partial(reduce_day, lake, stores, day, listing, settings)
            reduced = timed(f"reduce{again}", work, len(LOG_DAYS))
            binned = timed(
                f"bin{again}", partial(bin_day, lake, reduced.checkpoint, settings=settings), len(LOG_DAYS)
            )
            work = partial(map_day, lake, binned.checkpoint, catalog, offline_regions(), settings=settings)
            outcomes += [reduced, binned, timed(f"map{again}", work, len(LOG_DAYS))]
        published = timed(f"publish{again}", partial(publish, lake, masking))
        if {published.reused, *(outcome.reused for outcome in outcomes)} != {bool(again)}:
            raise AssertionError("the first pass has to compute everything, the second nothing")
    return times


def stage_rows(times: dict[str, list[float]]) -> list[list[str]]:
    """Return the rows of the table: the stage, computed, and again with nothing changed."""
    return [
        [stage, _shown(times[stage]), _shown(times[f"{stage} again"])]
        for stage in ("reduce", "bin", "map", "publish")
    ]


def _shown(values: list[float]) -> str:
    return f"{median(values):.1f} ({min(values):.1f} … {max(values):.1f})"
