"""What a run listed of a log day is carried to its tasks to the byte."""

import os
import time
from dataclasses import replace
from datetime import date

import pytest

from include.s3logs.logs.listings import FOLDER, KEPT, carry, take
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.sources import Foreign, Listing, find_log_objects
from include.s3logs.stores.folder import LocalStore

DAY, NEXT = date(2024, 6, 1), date(2024, 6, 2)
KEYS = [
    "2024-06-01-11-00-00-A",
    "a\tb\\t\\\\n\n/2024-06-01-11-00-00-A",
    "\udcff€/2024-06-01-11-00-00-A",
    "a\rb\u2028/2024-06-01-11-00-00-A",
]


@pytest.fixture
def lake(tmp_path):
    return LocalStore(tmp_path / "lake")


def listing_of(*keys, foreign=()):
    listing = Listing()
    listing.by_day[DAY] = [LogObject("s3://logs/x\ty", key, 7, "e") for key in keys]
    listing.others[""] = Foreign(len(foreign), list(foreign))
    return listing


def test_any_keys_come_back_as_they_were(lake):
    listing = listing_of(*KEYS, foreign=["s3://logs/read\tme", "s3://logs/\\"])
    carried = carry(lake, "run", listing, [DAY])[DAY]
    taken = take(lake, DAY, carried)
    assert taken.of(DAY) == listing.of(DAY)
    assert taken.foreign_of(DAY) == listing.foreign_of(DAY)
    assert (carried.objects, carried.rolled_up, carried.foreign) == (4, 0, 2)


def test_a_day_without_anything_is_carried_as_one(lake):
    carried = carry(lake, "run", Listing(), [DAY])[DAY]
    assert take(lake, DAY, carried).of(DAY) == []
    assert carried.objects == 0


def test_more_foreign_objects_than_are_named_are_counted(lake):
    listing = listing_of(foreign=["a"])
    listing.others[""].count = 5000
    taken = take(lake, DAY, carry(lake, "run", listing, [DAY])[DAY])
    assert taken.foreign_of(DAY) == Foreign(5000, ["a"])


@pytest.mark.parametrize("damage", [lambda data: data[:-10], lambda data: data.replace(b"7", b"8"), None])
def test_a_file_that_is_gone_or_damaged_is_none(lake, damage):
    carried = carry(lake, "run", listing_of(*KEYS), [DAY])[DAY]
    key = carried.file.key
    if damage:
        lake.write(key, damage(lake.read(key)))
    else:
        lake.delete([key])
    assert take(lake, DAY, carried) is None


@pytest.mark.parametrize("run", ["manual__2026-01-01T00:00:00+00:00", "../..", "a/b", "..", "ü" * 250])
def test_a_run_may_be_called_anything(lake, run):
    carried = carry(lake, run, listing_of(*KEYS), [DAY])[DAY]
    _, folder, name = carried.file.key.split("/")
    assert name == "2024-06-01.tsv"
    assert len(folder) <= 200
    assert take(lake, DAY, carried).of(DAY)
    assert carry(lake, f"{run}b", listing_of(), [DAY])[DAY].file.key != carried.file.key


def test_those_of_runs_of_long_ago_are_removed(lake):
    old = carry(lake, "old", listing_of(*KEYS), [DAY])[DAY]
    young = carry(lake, "young", listing_of(*KEYS), [DAY])[DAY]
    for carried, age in ((old, KEPT.total_seconds() + 60), (young, KEPT.total_seconds() - 3600)):
        os.utime(lake.root / carried.file.key, (time.time() - age,) * 2)
    carry(lake, "new", listing_of(), [NEXT])
    left = {info.key.split("/")[1] for info in lake.list(FOLDER)}
    assert left == {"young", "new"}


@pytest.mark.parametrize("names", [["", "2024/06/", "x/2024-06-01/"], ["2024/07/", "2024-06-03-"]])
def test_a_day_has_the_same_foreign_objects_whatever_was_listed_with_it(tmp_path, names):
    source = LocalStore(tmp_path / "source")
    for day in (DAY, NEXT, date(2024, 6, 3), date(2024, 7, 1), date(2023, 6, 1)):
        source.write(f"{day}-11-00-00-A", b"")
        source.write(f"{day:%Y/%m/%d}/{day}-11-00-00-A", b"")
    for name in names:
        source.write(f"{name}notes", b"")
    one_day = find_log_objects({"s": source}, DAY, DAY).foreign_of(DAY)
    assert one_day == find_log_objects({"s": source}).foreign_of(DAY)
    assert one_day.count == (3 if names[0] == "" else 0)


def test_a_carried_listing_says_the_same_of_foreign_objects(lake):
    listing = listing_of(foreign=["x"])
    carried = carry(lake, "run", listing, [DAY])[DAY]
    assert take(lake, DAY, replace(carried, foreign=9)).foreign_of(DAY).count == 9
