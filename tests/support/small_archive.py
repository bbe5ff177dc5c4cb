"""An archive of a few invented requests: deliver log objects, do all stages of a day, look at the figures."""

import csv
import json
import shutil
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO, StringIO

import pandas as pd
import pyarrow.parquet as pq

from include.s3logs.catalogs.manifest import ManifestCatalog
from include.s3logs.lake.checkpoint import load_checkpoint, read_output
from include.s3logs.lake.pointer import Pointer
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import CHECKPOINT, KIND, publish
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from include.s3logs.tables.temporary import temporary_folder
from tests.support.offline_regions import offline_regions
from tests.support.one_day import bin_day, map_day, reduce_day

EXACT = Masking(0, 1)
FIRST, SECOND, THIRD = date(2024, 6, 1), date(2024, 6, 2), date(2024, 6, 3)
BOTH = {"reef.txt": "reef", "kelp.txt": "kelp"}
COLUMNS = ("bytes_sent", "number_of_requests", "number_of_downloads", "normalized_downloads")
DERIVED = ("publish", "usage", "status", "months")
"""What publish makes in a lake, and can make again."""


def line(key="reef.txt", *, day=FIRST, time="10:00:00", ip="192.0.2.10", status=200, sent=100, size=500):
    return (
        f"owner bucket [{day:%d/%b/%Y}:{time} +0000] {ip} - R1 REST.GET.OBJECT {key} "
        f'"GET /x HTTP/1.1" {status} - {sent} {size} 9 8 "-" "curl/8" -\n'
    ).encode()


def lines(key, requests, **values):
    """As many records that differ, in one byte or more, from each other."""
    return b"".join(line(key, **values).replace(b" R1 ", b" R%d " % n) for n in range(requests))


def catalog(datasets):
    """A catalog that gives each key to a dataset, with the key as asset path; or one of these rows."""
    if isinstance(datasets, dict):
        datasets = [[key, dataset, "1", key] for key, dataset in datasets.items()]
    text = StringIO()
    csv.writer(text).writerows([["object_key", "dataset", "version", "asset_path"], *datasets])
    return ManifestCatalog(text.getvalue().encode(), "catalog.csv")


@dataclass(frozen=True)
class Written:
    """A file as it was written: another writing of the same bytes is another one."""

    size: int
    etag: str
    modified: datetime


class Archive:
    """A lake, its source and the stages before publish."""

    def __init__(self, folder):
        self.folder = folder
        self.lake = LocalStore(folder / "lake")
        self.source = LocalStore(folder / "source")

    def do(self, day, *content, datasets=BOTH, name="A", regions=None, force=False):
        """Deliver one object (none: go on with what is there) and do all stages of the day."""
        if content:
            self.source.write(f"{day}-11-00-00-{name}", b"".join(content))
        stores = {"source": self.source}
        listing = find_log_objects(stores, day, day)
        reduced = reduce_day(self.lake, stores, day, listing, Settings(_env_file=None), force=force)
        binned = bin_day(self.lake, reduced.checkpoint)
        return map_day(self.lake, binned.checkpoint, catalog(datasets), regions or offline_regions())

    def output(self, stage, day, role):
        """The table of a stage in the lake."""
        return pq.read_table(BytesIO(read_output(self.lake, load_checkpoint(self.lake, stage, day), role)))

    def table(self, key):
        return pd.read_csv(
            BytesIO(self.lake.read(key)), sep="\t", dtype=str, keep_default_na=False, index_col=False
        )

    def rows(self, key):
        return self.table(key).values.tolist()

    def parquet(self, key):
        return pq.read_table(BytesIO(self.lake.read(key)))

    def json(self, key):
        return json.loads(self.lake.read(key))

    def files(self, *prefixes):
        """{key: (size, ETag, time written)} of what may be shown, or of other parts of the lake."""
        return {
            info.key: Written(info.size, info.etag, info.modified)
            for prefix in prefixes or ("usage/", "status/")
            for info in self.lake.list(prefix)
        }

    def published(self):
        """What the checkpoint of the publication says; ETags do not count."""
        return Pointer(self.lake, CHECKPOINT, KIND).read()

    def contents(self):
        return {key: self.lake.read(key) for key in self.files()}

    def made(self, masking, limits):
        """What a first publication writes below `usage/`, made with such limits: {key: bytes}."""
        with temporary_folder() as folder:
            other = Archive(folder)
            shutil.copytree(self.lake.root, other.lake.root, ignore=shutil.ignore_patterns(*DERIVED))
            publish(other.lake, masking, limits=limits)
            return {key: other.lake.read(key) for key in other.files("usage/")}

    def copy(self, folder):
        """The same lake and source elsewhere."""
        shutil.copytree(self.folder / "lake", folder / "lake")
        shutil.copytree(self.folder / "source", folder / "source")
        return Archive(folder)

    def unpublished(self, folder):
        """A copy of the lake that nobody ever published."""
        other = self.copy(folder)
        for name in DERIVED:
            shutil.rmtree(other.lake.root / name, ignore_errors=True)
        return other
