"""Map: figures of versions, and requesters."""

import hmac
from ipaddress import ip_address

import pytest

from include.s3logs.lake.checkpoint import read_output
from include.s3logs.regions import RegionSource
from tests.support.mapping_world import DAY, EVE, NEXT, REEF, REGIONS, World, catalog, line
from tests.support.offline_regions import SALT, offline_regions
from tests.support.one_day import map_day

TWICE = catalog(
    "a.txt,reef,1,old.nc",
    "a.txt,reef,2,z.nc",
    "a.txt,reef,2,new.nc",
    "b.txt,reef,2,b.nc",
    "zarr/1,reef,1,one.zarr",
)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_request_counts_once_for_its_dataset_and_once_for_each_version_with_its_object(world):
    content = [
        line("a.txt", sent=10, ip="8.8.8.8"),
        line("a.txt", sent=5, ip="193.0.6.139", time="31/May/2024:23:00:00"),
        line("b.txt", sent=3, status=206),
        line("zarr/1/0", sent=2),
        line("zarr/1/1", sent=1),
        line("nobodys.txt", sent=100),
    ]
    checkpoint = world.mapped(TWICE, *content).checkpoint
    assert world.figures(checkpoint, "by_asset") == {
        ("reef", "b.nc", DAY): (3, 1, 0, 6_000),
        ("reef", "new.nc", EVE): (5, 1, 1, 10_000),
        ("reef", "new.nc", DAY): (10, 1, 1, 20_000),
        ("reef", "one.zarr", DAY): (3, 2, 2, 6_000),
        ("unassociated", "nobodys.txt", DAY): (100, 1, 1, 200_000),
    }
    assert world.figures(checkpoint, "versions_by_asset") == {
        ("reef", "1", "old.nc"): (15, 2, 2, 30_000),
        ("reef", "1", "one.zarr"): (3, 2, 2, 6_000),
        ("reef", "2", "b.nc"): (3, 1, 0, 6_000),
        ("reef", "2", "new.nc"): (15, 2, 2, 30_000),
    }
    assert world.figures(checkpoint, "versions_by_day") == {
        ("reef", "1", EVE): (5, 1, 1, 10_000),
        ("reef", "1", DAY): (13, 3, 3, 26_000),
        ("reef", "2", EVE): (5, 1, 1, 10_000),
        ("reef", "2", DAY): (13, 2, 1, 26_000),
    }
    assert world.figures(checkpoint, "versions_by_region") == {
        ("reef", "1", "NL"): (5, 1, 1, 10_000),
        ("reef", "1", "US"): (10, 1, 1, 20_000),
        ("reef", "1", "bogon"): (3, 2, 2, 6_000),
        ("reef", "2", "NL"): (5, 1, 1, 10_000),
        ("reef", "2", "US"): (10, 1, 1, 20_000),
        ("reef", "2", "bogon"): (3, 1, 0, 6_000),
    }


def test_all_bytes_are_in_the_datasets_whatever_versions_and_paths_a_key_has(world):
    keys = ("a.txt", "b.txt", "zarr/1/0", "nobodys.txt", "-")
    checkpoint = world.mapped(TWICE, *(line(key, sent=2**n) for n, key in enumerate(keys))).checkpoint
    for role in ("by_day", "by_asset", "by_region"):
        sums = world.figures(checkpoint, role).values()
        assert (sum(s[0] for s in sums), sum(s[1] for s in sums)) == (0b11111, 5)


def test_a_catalog_without_versions_has_no_figures_of_versions(world):
    checkpoint = world.mapped(catalog("a.txt,reef,,a.nc"), line("a.txt")).checkpoint
    assert world.figures(checkpoint, "by_asset") == {("reef", "a.nc", DAY): (100, 1, 1, 200_000)}
    for role in ("versions_by_day", "versions_by_asset", "versions_by_region"):
        assert world.figures(checkpoint, role) == {}


def test_requesters_are_keyed_hashes_once_for_each_dataset_and_who_has_no_address_is_none(world):
    content = [
        line("a.txt", ip="8.8.8.8"),
        line("a.txt", ip="::ffff:8.8.8.8", sent=1),
        line("a.txt", ip="8.8.8.8", time="31/May/2024:23:59:59"),
        line("a.txt", ip="2001:db8::1"),
        line("a.txt", ip="2001:0db8:0::1", sent=1),
        line("b.txt", ip="8.8.8.8"),
        line("b.txt", ip="-"),
    ]
    found = world.table(world.mapped(REEF, *content).checkpoint, "requesters").to_pylist()
    google, bogon = (
        int.from_bytes(hmac.digest(SALT, ip_address(ip).packed, "sha256")[:8], "big")
        for ip in ("8.8.8.8", "2001:db8::1")
    )
    assert {(row["dataset"], row["requester"]) for row in found} == {
        ("reef", google),
        ("reef", bogon),
        ("unassociated", google),
    }
    assert len(found) == 3


def test_another_salt_gives_other_hashes_and_the_same_figures(world):
    binned = world.binned(line("a.txt", ip="8.8.8.8"))[1].checkpoint
    one = map_day(world.lake, binned, REEF, REGIONS).checkpoint
    other = map_day(world.lake, binned, REEF, offline_regions(salt=b"another salt of tests")).checkpoint
    assert world.table(one, "requesters") != world.table(other, "requesters")
    for role in set(one.files) - {"requesters"}:
        assert read_output(world.lake, one, role) == read_output(world.lake, other, role)


def test_a_day_with_undetermined_regions_is_mapped_again_and_others_are_not(world):
    days = {DAY: line("a.txt", ip="8.8.8.8"), NEXT: line("a.txt", ip="193.0.6.139")}
    binned = {day: world.binned(content, day=day)[1].checkpoint for day, content in days.items()}
    first = offline_regions(labels={"8.8.8.8": "undetermined"})
    earlier = {day: map_day(world.lake, binned[day], REEF, first) for day in days}
    assert [outcome.checkpoint.counts["rows_undetermined"] for outcome in earlier.values()] == [1, 0]
    later = offline_regions(labels={"8.8.8.8": "US/California"})
    again = {day: map_day(world.lake, binned[day], REEF, later) for day in days}
    assert {day: outcome.reused for day, outcome in again.items()} == {DAY: False, NEXT: True}
    assert [row["region"] for row in world.rows(again[DAY])] == ["US/California"]
    assert map_day(world.lake, binned[DAY], REEF, later).reused


def test_other_region_data_map_every_day_again(world):
    binned = world.binned(line("a.txt"))[1].checkpoint
    first = map_day(world.lake, binned, REEF, REGIONS)
    newer = RegionSource("newer", REGIONS.open)
    again = map_day(world.lake, binned, REEF, newer)
    assert not again.reused
    assert again.checkpoint.fingerprint != first.checkpoint.fingerprint


def test_the_rows_of_map_hold_no_hash_and_nothing_of_the_requester_but_the_region(world):
    outcome = world.mapped(REEF, line("a.txt"))
    assert set(world.table(outcome.checkpoint, "rows").column_names) == {
        *("timestamp", "bucket", "object_key", "bytes_sent", "http_status", "object_size"),
        *("dataset", "version", "asset_path", "region"),
    }
