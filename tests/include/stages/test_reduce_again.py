"""Reduce: what makes a day stale, and what happens when its log objects are gone."""

import pytest

from include.s3logs.errors import (
    MissingLogObjectsError,
)
from include.s3logs.lake.checkpoint import fingerprint_of, load_checkpoint
from include.s3logs.lake.open_days import open_days
from include.s3logs.logs.names import LogObject
from include.s3logs.stages.reduce import reduce_inputs
from include.s3logs.stores.folder import LocalStore
from tests.support.reduce_world import DAY, World, line, name, settings


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


# Log objects that are gone after the day was done


def test_when_log_objects_are_only_gone_the_old_result_stays(world):
    world.deliver(line("a.txt"), name("A"))
    world.deliver(line("b.txt"), name("B"))
    before = world.reduce().checkpoint
    world.remove(name("A"))
    outcome = world.reduce()
    assert outcome.reused
    assert outcome.checkpoint == before == load_checkpoint(world.lake, "reduced", DAY)
    world.remove(name("B"))
    assert world.reduce().checkpoint == before


def test_when_a_gone_log_object_is_back_late_ones_are_taken_up_with_it(world, tmp_path):
    world.deliver(line("a.txt"), name("A"))
    before = world.reduce().checkpoint
    away = (tmp_path / "reef" / name("A")).rename(tmp_path / "away")
    world.deliver(line("b.txt"), name("B"))
    assert_refused_and_unchanged(world, before, name("A"))
    away.rename(tmp_path / "reef" / name("A"))
    assert world.reduce().checkpoint.counts["reduced_rows"] == 2


def assert_refused_and_unchanged(world, before, gone, **values):
    with pytest.raises(MissingLogObjectsError) as error:
        world.reduce(**values)
    assert gone in str(error.value)
    assert str(DAY) in str(error.value)
    assert load_checkpoint(world.lake, "reduced", DAY) == before
    assert open_days(world.lake) == {str(DAY)}


def test_a_late_object_and_a_gone_one_are_an_error_that_keeps_the_old_result_and_opens_the_day(world):
    world.deliver(line("a.txt"), name("A"))
    before = world.reduce().checkpoint
    world.lake.delete([f"open/{DAY}"])  # as the last stage does
    world.remove(name("A"))
    world.deliver(line("b.txt"), name("B"))
    assert_refused_and_unchanged(world, before, name("A"))


def test_other_settings_and_a_gone_object_are_an_error(world):
    world.deliver(line("a.txt"), name("A"))
    world.deliver(line("b.txt"), name("B"))
    before = world.reduce().checkpoint
    world.remove(name("A"))
    assert_refused_and_unchanged(world, before, name("A"), operations="REST.HEAD.OBJECT")


def test_when_all_log_objects_are_gone_the_old_result_stays_with_other_settings_too(world, caplog):
    """Else a changed setting would let every later catalog fail the days whose logs have expired."""
    world.deliver(line("a.txt"), name("A"))
    world.deliver(line("b.txt"), name("B"))
    before = world.reduce().checkpoint
    world.remove(name("A"))
    world.remove(name("B"))
    outcome = world.reduce(operations="REST.HEAD.OBJECT")
    assert (outcome.reused, outcome.checkpoint) == (True, before)
    assert f"{DAY}: that result was made with other settings" in caplog.text


def test_a_grown_object_and_a_gone_one_are_an_error(world):
    """The grown object's new requests may not be passed over as if the day only had lost something."""
    world.deliver(line("a.txt"), name("A"))
    world.deliver(line("b.txt"), name("B"))
    before = world.reduce().checkpoint
    world.remove(name("A"))
    world.deliver(line("b.txt") + line("c.txt"), name("B"))
    assert_refused_and_unchanged(world, before, name("A"))


def test_an_object_gone_from_one_source_is_noticed_when_another_source_has_one_of_that_name(world, tmp_path):
    world.stores["kelp"] = LocalStore(tmp_path / "kelp")
    world.deliver(line("reef.txt"), "2024/06/01.log", "reef")
    world.deliver(line("kelp.txt"), "2024/06/01.log", "kelp")
    before = world.reduce().checkpoint
    world.remove("2024/06/01.log", "kelp")
    outcome = world.reduce()
    assert outcome.reused
    assert outcome.checkpoint == before


def test_with_force_a_day_goes_on_without_the_objects_that_are_gone(world):
    world.deliver(line("a.txt"), name("A"))
    world.reduce()
    world.remove(name("A"))
    world.deliver(line("b.txt"), name("B"))
    outcome = world.reduce(force=True)
    assert not outcome.reused
    assert [row["object_key"] for row in world.rows(outcome.checkpoint)] == ["b.txt"]
    assert world.reduce().reused


def test_with_force_a_day_that_only_lost_objects_is_computed(world):
    world.deliver(line("a.txt"), name("A"))
    world.deliver(line("b.txt"), name("B"))
    world.reduce()
    world.remove(name("A"))
    outcome = world.reduce(force=True)
    assert not outcome.reused
    assert [row["object_key"] for row in world.rows(outcome.checkpoint)] == ["b.txt"]


# What makes a day stale


def test_late_and_grown_objects_make_the_day_stale(world):
    world.deliver(line("a.txt"), name("A"))
    world.reduce()
    assert world.reduce().reused
    world.deliver(line("b.txt"), name("B"))
    late = world.reduce()
    assert (late.reused, late.checkpoint.counts["reduced_rows"]) == (False, 2)
    world.deliver(line("a.txt") + line("c.txt"), name("A"))
    grown = world.reduce()
    assert (grown.reused, grown.checkpoint.counts["reduced_rows"]) == (False, 3)
    assert len({late.checkpoint.fingerprint, grown.checkpoint.fingerprint}) == 2


OBJECTS = [LogObject("reef", "2024-06-01-11-00-00-A", 10, "e1")]


def fingerprint(objects=OBJECTS, **values):
    return fingerprint_of(reduce_inputs(objects, settings(**values)))


@pytest.mark.parametrize(
    "values",
    [
        {"operations": "REST.HEAD.OBJECT"},
        {"operations": "REST.GET.OBJECT,REST.HEAD.OBJECT"},
        {"excluded_ips": "192.0.2.7"},
    ],
    ids=str,
)
def test_a_setting_that_changes_the_result_changes_the_fingerprint(values):
    assert fingerprint(**values) != fingerprint()


@pytest.mark.parametrize(
    "values",
    [
        {"rejection_limit": 0.06},
        {"on_unreadable": "skip"},
        {"mask_below": 7},
        {"round_to": 3},
        {"settling_days": 99},
        {"sources": "/other"},
        {"lake": "/other"},
        {"catalog": "/other.csv"},
        {"aws_conn_id": "other"},
    ],
    ids=str,
)
def test_a_setting_that_does_not_change_the_result_leaves_the_fingerprint(values):
    assert fingerprint(**values) == fingerprint()


def test_the_order_in_which_settings_name_things_does_not_matter():
    get, head = "REST.GET.OBJECT", "REST.HEAD.OBJECT"
    assert fingerprint(operations=f"{get},{head}") == fingerprint(operations=f"{head},{get}")
    assert fingerprint(excluded_ips="192.0.2.7,192.0.2.8") == fingerprint(excluded_ips="192.0.2.8,192.0.2.7")


@pytest.mark.parametrize("change", [{"key": "2024-06-01-11-00-00-B"}, {"size": 11}, {"etag": "e2"}], ids=str)
def test_another_key_size_or_etag_of_a_log_object_changes_the_fingerprint(change):
    assert fingerprint([OBJECTS[0]._replace(**change)]) != fingerprint()
