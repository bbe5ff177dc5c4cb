"""A lake, a source and the lines of its log objects, for tests of reduce."""

import json
from datetime import date
from io import BytesIO

import pyarrow.parquet as pq

from include.s3logs.lake.checkpoint import read_output
from include.s3logs.logs.limits import LIMITS
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.settings import Settings
from include.s3logs.stages.limits import Limits
from include.s3logs.stores.folder import LocalStore
from tests.support.one_day import reduce_day

DAY = date(2024, 6, 1)
GARBAGE = b"this is no record\n"
BROKEN_GZIP = b"\x1f\x8bzz"


def settings(**values):
    return Settings(_env_file=None, **values)


def line(key="a.txt", *, ip="192.0.2.10", status=200, sent=100, operation="REST.GET.OBJECT", request_id="R1"):
    return (
        f"owner reef [01/Jun/2024:10:00:00 +0000] {ip} - {request_id} {operation} {key} "
        f'"GET /x HTTP/1.1" {status} - {sent} 500 9 8 "-" "curl/8" -\n'
    ).encode()


def name(unique="A", day=DAY):
    return f"logs/{day}-11-00-00-{unique}"


class World:
    """A lake and one source, both folders; with `limits` of its own, of which so much is held at once.

    `bounds` are other limits of the stages.
    """

    def __init__(self, folder, limits=LIMITS, **bounds):
        self.lake = LocalStore(folder / "lake")
        self.stores = {"reef": LocalStore(folder / "reef", limits.piece)}
        self.limits, self.bounds = limits, bounds

    def deliver(self, content, key=None, source="reef"):
        self.stores[source].write(key or name(), content)

    def remove(self, key=None, source="reef"):
        self.stores[source].delete([key or name()])

    def listing(self, day=DAY):
        return find_log_objects(self.stores, day, day)

    def reduce(self, *, listing=None, day=DAY, force=False, carried=None, first_try=True, **values):
        """Reduce the day; `listing` is one, or what gives one when it is asked for."""
        options = {"force": force, "carried": carried, "first_try": first_try}
        listing = self.listing(day) if listing is None else listing
        limits = Limits(logs=self.limits, **self.bounds)
        return reduce_day(self.lake, self.stores, day, listing, settings(**values), limits=limits, **options)

    def text(self, checkpoint, role):
        return read_output(self.lake, checkpoint, role).decode("utf-8", "surrogateescape")

    def quarantine(self, checkpoint):
        return [json.loads(text) for text in self.text(checkpoint, "quarantine").splitlines()]

    def objects(self, checkpoint):
        header, *rows = (row.split("\t") for row in self.text(checkpoint, "objects").split("\n")[:-1])
        return [dict(zip(header, row, strict=True)) for row in rows]

    def rows(self, checkpoint):
        return pq.read_table(BytesIO(read_output(self.lake, checkpoint, "rows"))).to_pylist()


def assert_reconciled(world, checkpoint):
    counts = checkpoint.counts
    assert counts["lines"] == counts["records"] + counts["rejections"]
    assert counts["records"] == counts["reduced_rows"] + counts["filtered"] + counts["exact_duplicates"]
    rows, objects = world.rows(checkpoint), world.objects(checkpoint)
    assert counts["reduced_rows"] == len(rows)
    assert counts["bytes_sent"] == sum(row["bytes_sent"] for row in rows)
    assert counts["log_objects"] == len(objects)
    assert counts["lines"] == sum(int(row["lines"]) for row in objects)
    assert counts["rejections"] == sum(int(row["rejections"]) for row in objects)
    assert counts["rejections"] + counts["unreadable_objects"] == len(world.quarantine(checkpoint))
