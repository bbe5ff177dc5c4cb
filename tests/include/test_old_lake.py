"""A lake that an earlier release wrote is read as it is: nothing that is finished is computed again."""

import pytest

from include.s3logs.catalogs.dandi import open_cached
from include.s3logs.catalogs.datasets import ALL
from include.s3logs.logs.reading import read_ahead
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.publishing.publish import STATUS
from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.lists import load_list
from include.s3logs.stores.folder import LocalStore
from include.s3logs.verification.check import verify
from tests.support.golden import published
from tests.support.newer_version import raise_version
from tests.support.old_lake import API, CHECKED, DAYS, KNOWN, LISTS, UNFINISHED, releases, unpack


@pytest.fixture(params=releases())
def old(request, tmp_path):
    return unpack(request.param, tmp_path)


def shown(lake):
    return {info.key: lake.read(info.key) for prefix in ("usage/", "status/") for info in lake.list(prefix)}


def test_only_the_unfinished_day_has_work_to_do(old):
    assert old.discover(UNFINISHED) == [UNFINISHED]
    done = {(outcome.checkpoint.log_day, outcome.reused) for outcome in old.do()}
    assert done == {*((str(day), True) for day in DAYS), (str(UNFINISHED), False)}


def test_what_was_published_stays_to_the_byte(old):
    before = shown(old.lake)
    publication = old.publish()
    assert [(day.log_day, day.state) for day in publication.missing] == [(str(UNFINISHED), "incomplete")]
    after = shown(old.lake)
    assert {key for key in before if after[key] != before[key]} <= {STATUS}  # it has columns more
    assert after.keys() == before.keys()
    assert len(before) > 50


def test_once_its_last_day_is_done_it_shows_what_a_lake_of_today_does(old, tmp_path):
    before, today = published(old.lake), LocalStore(tmp_path / "today")
    for lake in (old.lake, today):
        old.do(lake)
        assert old.publish(lake).missing == []
    assert published(old.lake) == published(today) != before


@pytest.mark.parametrize("stage", ["reduced", "binned", "mapped"])
def test_a_newer_version_of_a_stage_loses_nothing_though_the_logs_are_gone(old, stage, monkeypatch):
    before = shown(old.lake)
    for store in old.stores.values():
        store.delete([info.key for info in store.list()])
    raise_version(monkeypatch, stage)
    for day in DAYS:  # one after the other, as runs would do them
        old.do(days=[day])
        publication = old.publish()
        usage = {key: content for key, content in shown(old.lake).items() if key.startswith("usage/")}
        assert usage == {key: content for key, content in before.items() if key.startswith("usage/")}
    reason = "older rules" if stage == "reduced" else ""
    found = {day.log_day: (day.state, day.reason) for day in publication.days}
    expected = {str(day): ("complete", reason) for day in DAYS}
    assert found == {**expected, str(UNFINISHED): ("incomplete", "")}


def test_log_objects_that_are_only_in_a_roll_up_are_found_and_read(old):
    listing = find_log_objects(old.stores, DAYS[0], DAYS[0])
    found = {
        log_object.key: b"".join(content())
        for log_object, content in read_ahead(old.stores, listing.of(DAYS[0]), listing.places)
    }
    assert found == {info.key: old.deleted.read(info.key) for info in old.deleted.list()}
    assert len(found) == len(listing.places) > 1


def test_the_catalog_of_an_api_is_read_without_the_api(old):
    claims = open_cached(old.lake, API, ALL).claims(["blobs/0aa/aaa/0aaaaa", "zarr/9f2c"])
    assert [tuple(row.values()) for row in claims.to_pylist()] == [
        ("blobs/0aa/aaa/0aaaaa", "000003", "draft", "a.nwb"),
        ("blobs/0aa/aaa/0aaaaa", "000003", "0.240401.0001", "a.nwb"),
        ("zarr/9f2c", "000003", "draft", "image.zarr"),
    ]


def test_the_region_cache_knows_what_the_service_said(old):
    hashes = old.regions().open().hashes(list(KNOWN))
    found, is_due = RegionCache(old.lake).find(hashes, CHECKED)
    assert found == list(KNOWN.values())
    assert not is_due.any()


def test_all_of_it_is_what_was_written(old):
    found = verify(old.lake)
    assert (found.findings, found.log_days) == ([], 3)
    assert found.files > 100
    old.publish()
    assert verify(old.lake).findings == []


def test_the_lists_of_networks_are_read(old):
    assert {name: load_list(old.lake, name).networks for name in LISTS} == {
        name: (network,) for name, network in LISTS.items()
    }
