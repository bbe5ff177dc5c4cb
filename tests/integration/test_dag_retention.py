"""The task that takes addresses out of the lake, in the daily DAG."""

import pytest

from include.s3logs.lake.checkpoint import load_checkpoint
from tests.support.addresses_in import addresses_in
from tests.support.small_archive import FIRST, SECOND, line
from tests.support.small_world import SmallWorld

IPS = ("192.0.2.10", "198.51.100.77")
DAYS = [str(FIRST), str(SECOND)]


@pytest.fixture
def world(tmp_path, settings_env):
    world = SmallWorld(tmp_path)
    settings_env(sources=world.source.root, lake=world.lake.root, catalog=world.folder / "catalog.csv")
    for day in (FIRST, SECOND):
        world.deliver(day, *(line(day=day, ip=ip) for ip in IPS))
    return world


def test_it_is_skipped_without_the_setting_and_does_no_harm_to_the_run(world, run_dag, settings_env):
    run = run_dag(days=DAYS)
    assert (run.state, run.states["retain", None]) == ("success", "skipped")
    before = world.files("usage/")
    settings_env(keep_addresses_days=30)
    run = run_dag(days=DAYS)
    assert run.state == "success"
    assert run.outcomes("map") == dict.fromkeys(DAYS, "reused")
    told = run.xcoms["retain", None]
    assert (told["retained"], told["left_over"], told["unfinished"]) == (DAYS, [], [])
    assert addresses_in(world.lake, IPS) == {}
    assert world.files("usage/") == before
    again = run_dag(days=DAYS)
    assert again.outcomes("reduce") == again.outcomes("map") == dict.fromkeys(DAYS, "reused")
    assert again.xcoms["retain", None]["retained"] == []


def test_a_day_that_failed_keeps_its_addresses_and_stops_no_other(world, run_dag, settings_env):
    settings_env(keep_addresses_days=30)
    world.source.write(f"{FIRST}-12-00-00-BAD", b"\x1f\x8bno gzip")
    run = run_dag(days=DAYS)
    assert (run.state, run.states["retain", None]) == ("failed", "success")
    assert run.xcoms["retain", None]["retained"] == [str(SECOND)]
    assert {key.split("/")[1] for key in addresses_in(world.lake, IPS)} <= {str(FIRST)}


def test_addresses_that_cannot_be_taken_out_fail_the_run(world, run_dag, settings_env):
    run_dag(days=DAYS)
    settings_env(keep_addresses_days=30)
    file = load_checkpoint(world.lake, "binned", FIRST).files["rows"]
    world.lake.write(file.key, b"x" * file.size)
    run = run_dag(days=DAYS)
    assert (run.states["retain", None], run.states["complete", None]) == ("failed", "success")
    assert run.state == "failed"
    assert {key.split("/")[1] for key in addresses_in(world.lake, IPS, "reduced/")} == {str(FIRST)}
