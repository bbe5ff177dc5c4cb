"""What bin and map write does not depend on how many rows they take into memory at once."""

import random

import pyarrow as pa
import pytest

from include.s3logs.catalogs.claims import claims_digest
from include.s3logs.errors import ReconciliationError
from include.s3logs.lake.checkpoint import read_output
from include.s3logs.stages import binning, mapping
from include.s3logs.stages.limits import Limits
from include.s3logs.tables.order import distinct, sorted_by_all
from include.s3logs.tables.sorting import Limits as Sorting
from include.s3logs.tables.totals import total_by
from tests.support.mapping_world import DAY, EVE, IPS, REGIONS, World, catalog, line
from tests.support.one_day import bin_day, map_day

ARCHIVE = catalog(
    *(f"k{n},reef,{version},{version}/{n}.nc" for n in range(0, 12, 2) for version in ("draft", "0.1")),
    *(f"k{n},kelp,,{n}.nc" for n in range(1, 6, 2)),
    *("zarr/1,reef,0.1,one.zarr", "zarr/1,reef,0.1,another.zarr", "zarr/1,reef,0.2,one.zarr"),
)
SMALL = [
    Limits(3, 3, Sorting(run=300, batch=2, step=200, runs=2, piece=5)),
    Limits(1, 1, Sorting(run=1, batch=1, step=1, runs=3, piece=1)),
    Limits(7, 7, Sorting(run=2_000, batch=3, step=1, runs=50, piece=2)),
]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def requests():
    """Requests of two event days, some for the same key at the same time; one key has half of them."""
    some = random.Random(1)
    keys = [*(f"k{n}" for n in range(12)), "zarr/1/0", "zarr/1/1", "nobody's", "-"]
    times = ["01/Jun/2024:10:00:00", "01/Jun/2024:10:00:01", "31/May/2024:23:59:59"]
    return [
        line(
            some.choice(["k4", some.choice(keys)]),
            time=some.choice(times),
            ip=some.choice([*IPS, "-"]),
            status=some.choice([200, 206]),
            sent=some.choice([0, 5, some.randrange(1000)]),
        )
        for _ in range(150)
    ]


def outputs(world, checkpoint):
    return {role: read_output(world.lake, checkpoint, role) for role in checkpoint.files}


@pytest.mark.parametrize("limits", SMALL)
def test_the_bytes_are_those_of_a_day_that_is_worked_on_at_once(world, tmp_path, limits):
    reduced, binned = (outcome.checkpoint for outcome in world.binned(*requests()))
    mapped = map_day(world.lake, binned, ARCHIVE, REGIONS).checkpoint
    again = bin_day(world.lake, reduced, force=True, limits=limits).checkpoint
    assert outputs(world, again) == outputs(world, binned)
    assert again.counts == binned.counts
    (tmp_path / "keys").write_bytes(read_output(world.lake, again, "keys"))
    claims = list(mapping._claims(ARCHIVE, tmp_path / "keys", limits.keys))
    assert len(claims) > 1
    assert claims_digest(found for found, _ in claims) == mapped.inputs["claims"]
    mapped_again = map_day(world.lake, again, ARCHIVE, REGIONS, force=True, limits=limits).checkpoint
    assert outputs(world, mapped_again) == outputs(world, mapped)
    assert mapped_again.counts == mapped.counts


def test_the_tables_of_a_day_agree_with_each_other(world):
    """Each total is that of the rows; the versions' are the totals of the keys that they hold."""
    binned = world.binned(*requests())[1].checkpoint
    mapped = map_day(world.lake, binned, ARCHIVE, REGIONS).checkpoint
    rows = world.table(mapped, "rows")
    assert rows.equals(sorted_by_all(rows, "dataset", "asset_path", "timestamp"))
    measured = binning.measured(rows)
    for role, columns in mapping.TOTALS_BY.items():
        assert world.table(mapped, role).equals(total_by(measured, *columns)), role
    for role, columns in mapping.VERSIONS_BY.items():
        table = world.table(mapped, role)
        assert table.equals(total_by(table, *columns)), role
    assert world.table(mapped, "requesters").equals(
        distinct(world.table(mapped, "requesters"), *mapping.REQUESTERS)
    )
    reef = rows.filter(pa.compute.equal(rows["dataset"], "reef"))
    drafts = reef.filter(pa.compute.equal(reef["version"], "draft"))
    zarr = reef.filter(pa.compute.equal(reef["object_key"], "zarr/1"))
    by_version = {"draft": drafts, "0.1": reef, "0.2": zarr}
    for version, part in by_version.items():
        sums = world.figures(mapped, "versions_by_day")
        for day in (EVE, DAY):
            of_day = binning.measured(part)
            of_day = of_day.filter(pa.compute.equal(of_day["event_day"], day))
            assert sums["reef", version, day][:2] == (
                pa.compute.sum(of_day["bytes_sent"]).as_py(),
                of_day.num_rows,
            )


def test_a_day_whose_keys_and_rows_are_not_of_each_other_fails(world):
    """The keys say how many requests each has; with keys of fewer, some rows would not be looked at."""
    binned = world.binned(line("k1"), line("k2"))[1].checkpoint
    other = World(world.lake.root.parent / "other")
    fewer = other.binned(line("k1"))[1].checkpoint
    world.lake.write(fewer.files["keys"].key, other.lake.read(fewer.files["keys"].key))
    mixed = type(binned)(
        **{name: getattr(binned, name) for name in binned.__slots__}
        | {"files": {**binned.files, "keys": fewer.files["keys"]}}
    )
    with pytest.raises(ReconciliationError, match="map has 1 rows, bin gave 2"):
        map_day(world.lake, mixed, ARCHIVE, REGIONS)
