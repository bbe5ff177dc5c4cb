"""A lake of a few requests that are reduced, binned and mapped."""

from datetime import date
from io import BytesIO

import pyarrow.parquet as pq

from include.s3logs.catalogs.manifest import ManifestCatalog
from include.s3logs.lake.checkpoint import read_output
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.support.offline_regions import offline_regions
from tests.support.one_day import bin_day, map_day, reduce_day

REGIONS = offline_regions()
EVE, DAY, NEXT = date(2024, 5, 31), date(2024, 6, 1), date(2024, 6, 2)


def line(key="a.txt", *, time="01/Jun/2024:10:00:00", ip="192.0.2.10", status=200, sent=100):
    return (
        f"owner reef [{time} +0000] {ip} - R1 REST.GET.OBJECT {key} "
        f'"GET /x HTTP/1.1" {status} - {sent} 500 9 8 "-" "curl/8" -\n'
    ).encode()


def catalog(*rows):
    return ManifestCatalog(
        "\n".join(["object_key,dataset,version,asset_path", *rows]).encode(), "catalog.csv"
    )


REEF = catalog("a.txt,reef,0.9,old.nc", "a.txt,reef,0.10,new.nc", "zarr/1/,kelp,draft,one.zarr")
IPS = ["8.8.8.8", "192.0.2.77", "203.0.113.99", "2001:db8::7777", "2606:4700::1111", "::ffff:9.9.9.9"]


class World:
    def __init__(self, folder):
        self.lake = LocalStore(folder / "lake")
        self.source = LocalStore(folder / "reef")

    def binned(self, *content, day=DAY):
        """Deliver one object (none: go on with what is there), reduce and bin; return both outcomes."""
        if content:
            self.source.write(f"{day}-11-00-00-A", b"".join(content))
        stores = {"reef": self.source}
        listing = find_log_objects(stores, day, day)
        reduced = reduce_day(self.lake, stores, day, listing, Settings(_env_file=None))
        return reduced, bin_day(self.lake, reduced.checkpoint)

    def mapped(self, found, *content, day=DAY):
        return map_day(self.lake, self.binned(*content, day=day)[1].checkpoint, found, REGIONS)

    def table(self, checkpoint, role):
        return pq.read_table(BytesIO(read_output(self.lake, checkpoint, role)))

    def rows(self, outcome):
        return self.table(outcome.checkpoint, "rows").to_pylist()

    def figures(self, checkpoint, role):
        """The table as {key columns: measures}."""
        rows = [tuple(row.values()) for row in self.table(checkpoint, role).to_pylist()]
        return {row[:-4]: row[-4:] for row in rows}
