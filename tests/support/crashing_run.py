"""Run all stages of one log day and publish, and die by SIGKILL at the n-th write to the lake.

    python -m tests.support.crashing_run SAMPLE LAKE_URI DAY NTH

Prints how many writes there were when it survives.
"""

import os
import signal
import sys
from datetime import date
from pathlib import Path

from include.s3logs.catalogs.manifest import ManifestCatalog
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import publish
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from s3logs_airflow.connections.deployment import open_deployment
from tests.support.offline_regions import offline_regions
from tests.support.one_day import bin_day, map_day, reduce_day


class CrashingStore:
    """A store whose process is killed when half of the n-th object is written."""

    def __init__(self, store, nth):
        self.store, self.nth, self.writes = store, nth, 0

    def __getattr__(self, name):
        return getattr(self.store, name)

    def write(self, key, data, **condition):
        self._count(key, data)
        self.store.write(key, data, **condition)

    def write_many(self, files):
        for key, data in files.items():
            self._count(key, data)
            self.store.write_many({key: data})

    def write_file(self, key, path, **condition):
        self._count(key, path.read_bytes())
        self.store.write_file(key, path, **condition)

    def _count(self, key, data):
        self.writes += 1
        if self.writes == self.nth:
            if isinstance(self.store, LocalStore):  # a half-written temporary file stays behind
                half = self.store.root / key
                half.parent.mkdir(parents=True, exist_ok=True)
                half.with_name(".s3logs-tmp-half").write_bytes(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)


def main(sample, lake_uri, day, nth):
    """Do what the DAG does for one day."""
    lake = CrashingStore(open_deployment().open_store(lake_uri), int(nth))
    day = date.fromisoformat(day)
    stores = {"logs": LocalStore(Path(sample) / "logs")}
    catalog = ManifestCatalog((Path(sample) / "catalog.csv").read_bytes(), "catalog.csv")
    listing = find_log_objects(stores, day, day)
    reduced = reduce_day(lake, stores, day, listing, Settings(_env_file=None)).checkpoint
    map_day(lake, bin_day(lake, reduced).checkpoint, catalog, offline_regions())
    publish(lake, Masking(50, 20), [day])
    print(lake.writes)


if __name__ == "__main__":
    main(*sys.argv[1:])
