"""Reduce reads what its run has listed, and never less than that."""

import pytest

from include.s3logs.errors import MissingLogObjectsError, UnreadableObjectError
from include.s3logs.lake.open_days import claim_day, open_days
from include.s3logs.logs.listings import carry
from include.s3logs.logs.sources import Listing
from tests.support.reduce_world import DAY, World, line, name


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    for n, unique in enumerate("AB"):
        world.deliver(line(sent=n), name(unique))
    return world


@pytest.fixture
def carried(world):
    return carry(world.lake, "the run", world.listing(), [DAY])[DAY]


def never():
    raise AssertionError("the sources are listed")


def test_the_first_try_lists_nothing(world, carried):
    world.deliver(line(sent=9), name("LATE"))
    outcome = world.reduce(listing=never, carried=carried)
    assert outcome.checkpoint.counts["log_objects"] == 2


def test_a_later_try_lists_anew_and_has_what_came_since(world, carried):
    world.deliver(line(sent=9), name("LATE"))
    outcome = world.reduce(carried=carried, first_try=False)
    assert outcome.checkpoint.counts["log_objects"] == 3


def test_the_result_is_the_same_on_each_try(world, carried):
    world.deliver(b"no log", "logs/readme.txt")
    carried = carry(world.lake, "the run", world.listing(), [DAY])[DAY]
    first = world.reduce(listing=never, carried=carried).checkpoint
    later = world.reduce(carried=carried, first_try=False, force=True).checkpoint
    assert {role: file.sha256 for role, file in first.files.items()} == {
        role: file.sha256 for role, file in later.files.items()
    }
    assert first.counts == later.counts


def test_what_is_gone_since_fails_the_day_on_the_first_try(world, carried):
    world.remove(name("A"))
    with pytest.raises(UnreadableObjectError, match="logs/2024-06-01-11-00-00-A"):
        world.reduce(listing=never, carried=carried)


@pytest.mark.parametrize("left", ["the file", "only the count"])
def test_what_is_gone_since_fails_the_day_on_a_later_try(world, carried, left):
    world.remove(name("A"))
    if left == "only the count":
        world.lake.delete([carried.file.key])
    with pytest.raises(MissingLogObjectsError, match="found 2 log objects of 2024-06-01, and 1 of"):
        world.reduce(carried=carried, first_try=False)
    assert open_days(world.lake) == {str(DAY)}
    assert world.reduce(carried=carried, first_try=False, force=True).checkpoint.counts["log_objects"] == 1


def test_a_listing_that_gives_nothing_is_no_empty_day(world, carried):
    with pytest.raises(MissingLogObjectsError, match="2 of them are gone"):
        world.reduce(listing=Listing(), carried=carried, first_try=False)


def test_what_an_earlier_result_holds_is_not_lost(world, carried):
    earlier = world.reduce(carried=carried).checkpoint
    for unique in "AB":
        world.remove(name(unique))
    again = world.reduce(carried=carried, first_try=False)
    assert again.reused
    assert again.checkpoint == earlier


def test_what_came_after_the_earlier_result_and_is_gone_is_lost(world):
    world.reduce()
    world.deliver(line(sent=9), name("LATE"))
    carried = carry(world.lake, "the run", world.listing(), [DAY])[DAY]
    for unique in ("A", "B", "LATE"):
        world.remove(name(unique))
    with pytest.raises(MissingLogObjectsError, match=r"1 of them are gone since \(first: logs/.*LATE"):
        world.reduce(carried=carried, first_try=False)


def test_without_the_list_of_the_earlier_result_its_number_counts(world):
    earlier = world.reduce().checkpoint
    world.deliver(line(sent=9), name("LATE"))
    carried = carry(world.lake, "the run", world.listing(), [DAY])[DAY]
    world.lake.delete([carried.file.key, earlier.files["objects"].key])
    for unique in ("A", "B", "LATE"):
        world.remove(name(unique))
    with pytest.raises(MissingLogObjectsError, match="1 of them are gone"):
        world.reduce(carried=carried, first_try=False)


def test_who_reads_an_older_listing_does_not_take_over_what_others_know(world, carried):
    claim_day(world.lake, DAY, "another run, which found more")
    world.reduce(listing=never, carried=carried)
    assert world.lake.read(f"open/{DAY}") == b"another run, which found more"
