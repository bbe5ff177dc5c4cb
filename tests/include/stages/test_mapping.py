"""Map: binned rows to dataset, version, asset and region, with no IP left."""

from dataclasses import replace
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.s3logs.catalogs.claims import EmptyCatalog
from include.s3logs.errors import ReconciliationError
from include.s3logs.lake.checkpoint import load_checkpoint, read_output
from include.s3logs.lake.open_days import open_days
from tests.support.mapping_world import DAY, EVE, IPS, NEXT, REEF, REGIONS, World, catalog, line
from tests.support.one_day import map_day


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_claimed_rows_get_dataset_newest_version_and_path(world):
    outcome = world.mapped(REEF, line("a.txt"), line("zarr/1/0/0"), line("zarr/1/0/1"))
    found = [(r["object_key"], r["dataset"], r["version"], r["asset_path"]) for r in world.rows(outcome)]
    assert found == [
        ("zarr/1", "kelp", "draft", "one.zarr"),
        ("zarr/1", "kelp", "draft", "one.zarr"),
        ("a.txt", "reef", "0.10", "new.nc"),
    ]
    assert outcome.checkpoint.counts == {
        "rows": 3,
        "rows_unassociated": 0,
        "rows_undetermined": 0,
        "datasets": 2,
        "bytes_sent": 300,
    }


def test_traffic_that_no_dataset_claims_is_kept_as_unassociated_under_its_key(world):
    outcome = world.mapped(REEF, line("a.txt"), line("b.txt", sent=7), line("-", sent=8))
    found = [(r["dataset"], r["version"], r["asset_path"], r["bytes_sent"]) for r in world.rows(outcome)]
    assert found == [
        ("reef", "0.10", "new.nc", 100),
        ("unassociated", None, "-", 8),
        ("unassociated", None, "b.txt", 7),
    ]
    assert outcome.checkpoint.counts["rows_unassociated"] == 2
    assert outcome.checkpoint.counts["bytes_sent"] == 115


def test_without_a_catalog_everything_is_unassociated(world):
    outcome = world.mapped(EmptyCatalog(), line("a.txt"), line("b.txt"))
    assert {row["dataset"] for row in world.rows(outcome)} == {"unassociated"}
    assert outcome.checkpoint.counts["datasets"] == 0


def test_totals_by_day_asset_and_region_are_exact(world):
    content = [
        line("a.txt", sent=1, ip="8.8.8.8"),
        line("a.txt", sent=2, ip="8.8.8.8", status=206, time="31/May/2024:23:59:59"),
        line("zarr/1/0", sent=3, ip="192.0.2.1"),
        line("zarr/1/1", sent=4, ip="-"),
        line("b.txt", sent=5, ip="2606:4700::1"),
    ]
    checkpoint = world.mapped(REEF, *content).checkpoint

    def totals(role):
        return [tuple(row.values()) for row in world.table(checkpoint, role).to_pylist()]

    assert totals("by_day") == [
        ("kelp", DAY, 7, 2, 2, 14_000),
        ("reef", EVE, 2, 1, 0, 4_000),
        ("reef", DAY, 1, 1, 1, 2_000),
        ("unassociated", DAY, 5, 1, 1, 10_000),
    ]
    assert totals("by_asset") == [
        ("kelp", "one.zarr", DAY, 7, 2, 2, 14_000),
        ("reef", "new.nc", EVE, 2, 1, 0, 4_000),
        ("reef", "new.nc", DAY, 1, 1, 1, 2_000),
        ("unassociated", "b.txt", DAY, 5, 1, 1, 10_000),
    ]
    assert totals("by_region") == [
        ("kelp", "bogon", 3, 1, 1, 6_000),
        ("kelp", "unknown", 4, 1, 1, 8_000),
        ("reef", "US", 3, 2, 1, 6_000),
        ("unassociated", "US", 5, 1, 1, 10_000),
    ]


def test_a_requesters_address_becomes_a_region(world):
    regions = {
        "8.8.8.8": "US",
        "::ffff:8.8.4.4": "US",
        "193.0.6.139": "NL",
        "192.0.2.7": "bogon",
        "10.1.2.3": "bogon",
        "::ffff:10.1.2.4": "bogon",
        "2001:db8::1": "bogon",
        "2606:4700::1": "US",
        "2a02:2e0::1": "DE",
        "-": "unknown",
    }
    outcome = world.mapped(REEF, *(line(f"k{n}", ip=ip) for n, ip in enumerate(regions)))
    assert {row["asset_path"]: row["region"] for row in world.rows(outcome)} == {
        f"k{n}": region for n, region in enumerate(regions.values())
    }


def strings_of(lake, stage):
    """All text in all Parquet files of a stage, unpacked."""
    texts = set()
    for info in lake.list(f"{stage}/"):
        if info.key.endswith(".parquet"):
            table = pq.read_table(BytesIO(lake.read(info.key)))
            for column in table.columns:
                values = column.cast(pa.string()).to_pylist()
                texts.update(value for value in values if value is not None)
    return texts


def test_no_ip_address_is_in_any_file_that_map_writes(world):
    world.mapped(REEF, *(line(key, ip=ip) for ip in IPS for key in ("a.txt", "b.txt", "zarr/1/0", "-")))
    assert strings_of(world.lake, "binned").issuperset(IPS)  # this search would find them
    texts = strings_of(world.lake, "mapped")
    assert {"reef", "US", "bogon"} <= texts
    assert not [(ip, text) for ip in IPS for text in texts if ip in text]
    for info in world.lake.list("mapped/"):
        assert not [ip for ip in IPS if ip.encode() in world.lake.read(info.key)]


def test_a_changed_catalog_maps_again_only_the_days_whose_keys_it_touches(world):
    world.mapped(REEF, line("a.txt"), day=DAY)
    world.mapped(REEF, line("zarr/1/0"), day=NEXT)
    newer = catalog("a.txt,reef,0.11,newest.nc", "zarr/1/,kelp,draft,one.zarr", "else.txt,reef,0.11,else.nc")
    reduced, binned = world.binned(day=DAY)
    touched = map_day(world.lake, binned.checkpoint, newer, REGIONS)
    assert (reduced.reused, binned.reused, touched.reused) == (True, True, False)
    assert [row["asset_path"] for row in world.rows(touched)] == ["newest.nc"]
    assert world.mapped(newer, day=NEXT).reused


@pytest.mark.parametrize(
    "rows",
    [
        ["a.txt,kelp,0.10,new.nc"],
        ["a.txt,reef,0.11,new.nc"],
        ["a.txt,reef,0.10,moved.nc"],
        [],
        ["a.txt,reef,0.10,new.nc", "b.txt,reef,0.10,b.nc"],
    ],
    ids=["dataset", "version", "path", "claimed-no-more", "another-key-claimed"],
)
def test_any_change_of_what_the_catalog_says_of_the_days_keys_maps_it_again(world, rows):
    first = world.mapped(catalog("a.txt,reef,0.10,new.nc"), line("a.txt"), line("b.txt"))
    again = world.mapped(catalog(*rows))
    assert not again.reused
    assert again.checkpoint.fingerprint != first.checkpoint.fingerprint


def test_the_order_of_the_catalogs_rows_does_not_matter(world):
    rows = ["a.txt,reef,1,a.nc", "b.txt,reef,1,b.nc"]
    world.mapped(catalog(*rows), line("a.txt"), line("b.txt"))
    assert world.mapped(catalog(*rows[::-1])).reused


def test_mapping_again_gives_the_same_bytes(world):
    binned = world.binned(*(line(key, ip=ip) for ip in IPS for key in ("a.txt", "b.txt", "-")))[1].checkpoint
    first, second = (map_day(world.lake, binned, REEF, REGIONS, force=True).checkpoint for _ in range(2))
    for role in first.files:
        assert first.files[role].key != second.files[role].key
        assert read_output(world.lake, first, role) == read_output(world.lake, second, role)


def test_a_day_is_open_until_it_is_mapped(world):
    binned = world.binned(line())[1].checkpoint
    assert open_days(world.lake) == {str(DAY)}
    map_day(world.lake, binned, REEF, REGIONS)
    assert open_days(world.lake) == set()


def test_a_day_that_was_marked_open_is_closed_also_when_its_mapping_is_reused(world):
    world.mapped(REEF, line())
    world.lake.write(f"open/{DAY}", b"")
    assert world.mapped(REEF).reused
    assert open_days(world.lake) == set()


def test_an_empty_day_is_mapped_to_empty_tables(world):
    outcome = world.mapped(REEF, b"")
    assert set(outcome.checkpoint.counts.values()) == {0}
    assert {role: world.table(outcome.checkpoint, role).num_rows for role in outcome.checkpoint.files} == {
        "rows": 0,
        "by_day": 0,
        "by_asset": 0,
        "by_region": 0,
        "versions_by_day": 0,
        "versions_by_asset": 0,
        "versions_by_region": 0,
        "requesters": 0,
    }


@pytest.mark.parametrize("name", ["rows", "bytes_sent"])
def test_a_day_whose_counts_do_not_add_up_fails_stays_open_and_commits_nothing(world, name):
    binned = world.binned(line())[1].checkpoint
    tampered = replace(binned, counts={**binned.counts, name: binned.counts[name] + 1})
    with pytest.raises(ReconciliationError, match=str(DAY)):
        map_day(world.lake, tampered, REEF, REGIONS)
    assert load_checkpoint(world.lake, "mapped", DAY) is None
    assert open_days(world.lake) == {str(DAY)}


def test_the_checkpoint_carries_what_the_stages_before_counted(world):
    reduced, binned = world.binned(line())
    upstream = map_day(world.lake, binned.checkpoint, REEF, REGIONS).checkpoint.upstream
    assert upstream == binned.checkpoint.lineage()
    assert upstream["reduced"]["counts"] == reduced.checkpoint.counts
    assert upstream["binned"]["fingerprint"] == binned.checkpoint.fingerprint
