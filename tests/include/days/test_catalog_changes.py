"""A changed catalog: which finished days it touches, and that Σ datasets + unassociated = archive always."""

from datetime import date, timedelta
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.s3logs.catalogs.claims import CLAIMS, EmptyCatalog
from include.s3logs.catalogs.datasets import ALL
from include.s3logs.catalogs.table import TableCatalog, in_order
from include.s3logs.days.catalog_changes import CHECKED, touched_days
from include.s3logs.days.discover import Request, discover
from include.s3logs.lake.checkpoint import load_checkpoint, read_output
from include.s3logs.lake.open_days import close_day, open_day
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.support.offline_regions import offline_regions
from tests.support.one_day import TOKEN, bin_day, map_day, reduce_day

FIRST = date(2024, 1, 1)
TODAY = date(2024, 6, 1)
SETTINGS = Settings(_env_file=None)


def day(number):
    return FIRST + timedelta(days=number)


def days(*numbers):
    return [day(number) for number in numbers]


def line(key, sent=1):
    return (
        f"owner reef [01/Jan/2024:10:00:00 +0000] 192.0.2.10 - R{sent} REST.GET.OBJECT {key} "
        f'"GET /x HTTP/1.1" 200 - {sent} 500 9 8 "-" "curl/8" -\n'
    ).encode()


def catalog(*rows):
    """A catalog with rows "key dataset version path"."""
    columns = list(zip(*(row.split() for row in rows), strict=True)) or [[]] * 4
    table = pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], schema=CLAIMS)
    return TableCatalog(in_order(table), repr(sorted(rows)), ALL)


REEF = catalog("a reef 1 a.nc", "b reef 1 b.nc", "c kelp 1 c.nc")


class World:
    """A lake and a source with few lines a day; days are numbers from FIRST on."""

    def __init__(self, folder):
        self.lake, self.source = LocalStore(folder / "lake"), LocalStore(folder / "logs")
        self.stores = {"logs": self.source}

    def do(self, number, found, *keys):
        """Deliver requests of these keys (none: go on with what is there) and do all stages of the day."""
        if keys:
            content = b"".join(line(key, n + 1) for n, key in enumerate(keys))
            self.source.write(f"{day(number)}-11-00-00-A", content)
        listing = find_log_objects(self.stores, day(number), day(number))
        reduced = reduce_day(self.lake, self.stores, day(number), listing, SETTINGS)
        binned = bin_day(self.lake, reduced.checkpoint)
        mapped = map_day(self.lake, binned.checkpoint, found, offline_regions())
        return [reduced.reused, binned.reused, mapped.reused]

    def plan(self, found, request=None, limit=1000, force=False):
        own = Request(own_day=TODAY)
        return discover(
            self.lake, self.stores, SETTINGS, found, request or own, limit=limit, force=force, token=TOKEN
        )


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    for number, key in enumerate(("a", "b", "c", "nobodys")):
        world.do(number, REEF, key)
    return world


# Which days are touched


def test_the_catalog_of_before_touches_no_day(world):
    assert touched_days(world.lake, REEF) == []


@pytest.mark.parametrize(
    ("found", "touched"),
    [
        (catalog("a reef 2 a.nc", "b reef 1 b.nc", "c kelp 1 c.nc"), days(0)),
        (catalog("a reef 1 a.nc", "b reef 1 moved.nc", "c kelp 1 c.nc"), days(1)),
        (catalog("a reef 1 a.nc", "b reef 1 b.nc", "c dune 1 c.nc"), days(2)),
        (catalog("a reef 1 a.nc", "b reef 1 b.nc", "c kelp 1 c.nc", "nobodys reef 1 d.nc"), days(3)),
        (catalog("a reef 1 a.nc", "a reef 0 a.nc", "b reef 1 b.nc", "c kelp 1 c.nc"), days(0)),
        (catalog("a reef 1 a.nc", "b reef 1 b.nc", "c kelp 1 c.nc", "new reef 1 new.nc"), []),
        (EmptyCatalog(), days(0, 1, 2)),
    ],
    ids=["version", "path", "dataset", "claimed-now", "older-version", "elsewhere", "no-catalog"],
)
def test_exactly_the_days_with_a_key_of_which_it_says_something_else_are_touched(world, found, touched):
    assert sorted(touched_days(world.lake, found)) == touched
    assert sorted(touched_days(world.lake, found, among=days(0, 3))) == [
        d for d in touched if d in days(0, 3)
    ]


def test_a_catalog_changed_only_where_an_earlier_one_is_known(world, caplog):
    caplog.set_level("INFO")
    assert touched_days(world.lake, REEF) == []  # and notes that all days agree with it
    (first,) = [record.getMessage() for record in caplog.records]
    assert first.startswith("The catalog says something else than the figures of 0 of 4 finished log days")
    caplog.clear()
    assert touched_days(world.lake, REEF) == []
    assert not caplog.records
    touched_days(world.lake, EmptyCatalog())
    (second,) = [record.getMessage() for record in caplog.records]
    assert second.startswith("The catalog changed: it touches 3 of 4 finished log days")


def test_map_agrees_about_every_day(world):
    found = catalog("a reef 2 a.nc", "c kelp 1 c.nc", "nobodys reef 1 d.nc")
    touched = touched_days(world.lake, found)
    for number in range(4):
        assert world.do(number, found) == [True, True, day(number) not in touched]
    assert touched_days(world.lake, found) == []


def test_many_days_are_all_looked_at(world):
    for number in range(4, 80):
        world.do(number, REEF, f"k{number}", "z" if number % 2 else "y")
    assert sorted(touched_days(world.lake, catalog("y reef 1 y", "k7 reef 1 k"))) == sorted(
        days(0, 1, 2, 7, *range(4, 80, 2))
    )


def test_the_day_that_was_mapped_the_longest_ago_comes_first(world):
    import os

    for number, age in ((0, 10), (1, 30), (2, 20)):
        path = world.lake.root / f"mapped/{day(number)}/_checkpoint.json"
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    assert touched_days(world.lake, EmptyCatalog()) == days(1, 2, 0)


def test_a_day_whose_keys_are_not_to_be_had_is_touched_so_that_map_says_what_is_wrong(world):
    checkpoint = load_checkpoint(world.lake, "binned", day(0))
    world.lake.write(checkpoint.files["keys"].key, b"?")
    world.lake.delete([f"binned/{day(1)}/_checkpoint.json"])
    assert sorted(touched_days(world.lake, REEF)) == days(0, 1)
    assert touched_days(world.lake, REEF, among=days(1)) == days(1)


def test_without_any_finished_day_none_is_touched(tmp_path):
    assert touched_days(LocalStore(tmp_path), REEF) == []


# The note


def reads(lake, monkeypatch):
    """The keys that are read from now on."""
    read, found = lake.read, []
    monkeypatch.setattr(lake, "read", lambda key, etag=None: (found.append(key), read(key, etag))[1])
    return found


def test_days_that_were_checked_against_this_catalog_are_not_looked_at_again(world, monkeypatch):
    touched_days(world.lake, REEF)
    read = reads(world.lake, monkeypatch)
    assert touched_days(world.lake, REEF) == []
    assert read == [CHECKED]
    assert sorted(touched_days(world.lake, EmptyCatalog())) == days(0, 1, 2)


def test_as_long_as_a_day_is_touched_or_at_work_nothing_is_noted(world):
    found = EmptyCatalog()
    for number in (0, 1, 2):
        assert day(number) in touched_days(world.lake, found)
        world.do(number, found)
    open_day(world.lake, day(7), TOKEN)
    assert touched_days(world.lake, found) == []
    assert not (world.lake.root / CHECKED).exists()
    close_day(world.lake, day(7), TOKEN)
    assert touched_days(world.lake, found) == []
    assert (world.lake.root / CHECKED).exists()


def test_a_catalog_that_returns_touches_the_days_that_were_mapped_with_another_one(world):
    other = catalog("a kelp 1 a.nc", "b reef 1 b.nc", "c kelp 1 c.nc")
    assert touched_days(world.lake, REEF) == []
    assert touched_days(world.lake, other, among=days(0, 1)) == days(0)
    world.do(0, other)
    assert touched_days(world.lake, REEF) == days(0)


def test_looking_at_some_days_only_notes_nothing(world):
    touched_days(world.lake, REEF, among=days(0))
    assert not (world.lake.root / CHECKED).exists()


def test_a_broken_note_is_no_note(world):
    world.lake.write(CHECKED, b"{")
    assert sorted(touched_days(world.lake, EmptyCatalog())) == days(0, 1, 2)


# What a run does about it


CHANGED = catalog("a reef 2 a.nc", "b reef 1 b.nc", "c kelp 1 c.nc", "nobodys reef 1 d.nc")


def test_a_daily_run_does_the_touched_days_of_all_times_and_parses_nothing_again(world, monkeypatch):
    plan = world.plan(CHANGED)
    assert plan.days == [*days(0, 3), TODAY]
    read = reads(world.source, monkeypatch)
    for number in (0, 3):
        assert world.do(number, CHANGED) == [True, True, False]
    assert read == []
    assert world.plan(CHANGED).days == [TODAY]


def test_touched_days_are_open_until_they_are_mapped_again_and_do_not_count_as_days_without_log_objects(
    world, caplog
):
    world.plan(CHANGED)
    assert (world.lake.root / "open" / str(day(0))).exists()
    assert "No log objects for 2024-06-01" in caplog.text
    assert "2024-01-01" not in caplog.text
    world.do(0, CHANGED)
    assert not (world.lake.root / "open" / str(day(0))).exists()


@pytest.mark.parametrize(
    ("request_", "planned"),
    [
        (Request(own_day=TODAY, days=tuple(days(0, 1))), days(0, 1)),
        (Request(own_day=TODAY, first_day=day(1), last_day=day(3)), days(1, 2, 3)),
        (Request(own_day=day(2), only_own_day=True), days(2)),
        (Request(own_day=TODAY, other_sources=True), [TODAY]),
    ],
    ids=["days", "range", "backfill", "other-sources"],
)
def test_other_runs_do_what_they_were_asked_for(world, request_, planned):
    assert world.plan(CHANGED, request_).days == planned


def test_with_force_no_touched_day_is_added_whose_logs_would_be_read_again(world):
    assert world.plan(CHANGED, force=True).days == [TODAY]
    assert world.plan(CHANGED).days == [*days(0, 3), TODAY]


def test_over_the_limit_a_range_passes_over_the_days_that_are_not_touched(world):
    request = Request(own_day=TODAY, first_day=day(0), last_day=day(3))
    plan = world.plan(CHANGED, request, limit=2)
    assert (plan.days, plan.left_over) == (days(0, 3), [])


def test_the_own_day_and_changed_days_go_before_touched_ones_and_each_of_these_has_its_turn(world):
    done = set()
    for _ in range(3):
        plan = world.plan(EmptyCatalog(), limit=2)
        assert plan.days[-1] == TODAY
        (touched,) = plan.days[:-1]
        world.do((touched - FIRST).days, EmptyCatalog())
        done.add(touched)
    assert done == set(days(0, 1, 2))


# Σ datasets + unassociated = archive


KEYS = st.sampled_from(["a", "b", "zarr/1", "x/y", "-"])  # the last is no key at all
CLAIMED = st.tuples(
    KEYS.filter(lambda key: key != "-"),
    st.sampled_from("XY"),
    st.sampled_from(["0.9", "draft"]),
    st.sampled_from("pq"),
)
COLUMNS = ("bytes_sent", "number_of_requests", "number_of_downloads")


@given(st.lists(KEYS, max_size=12), st.lists(CLAIMED, max_size=10))
@settings(max_examples=25, deadline=None)
def test_whatever_is_claimed_datasets_and_unassociated_make_up_the_archive(tmp_path_factory, keys, claimed):
    world = World(tmp_path_factory.mktemp("lake"))
    requested = [f"{key}/0" if key.startswith("zarr") else key for key in keys]
    found = catalog(*(" ".join(row) for row in claimed))
    world.source.write(f"{day(0)}-11-00-00-A", b"")
    world.do(0, found, *requested)
    mapped = load_checkpoint(world.lake, "mapped", day(0))
    owners = {}
    for key, dataset, *_ in sorted(claimed, reverse=True):
        owners[key] = dataset
    expected = {}
    for n, key in enumerate(keys):
        sums = expected.setdefault(owners.get(key, "unassociated"), [0, 0, 0])
        for place, value in enumerate((n + 1, 1, 1)):
            sums[place] += value
    for role in ("by_day", "by_asset", "by_region"):
        table = pq.read_table(BytesIO(read_output(world.lake, mapped, role)))
        sums = table.group_by("dataset").aggregate([(name, "sum") for name in COLUMNS]).to_pylist()
        assert {row["dataset"]: [row[f"{name}_sum"] for name in COLUMNS] for row in sums} == expected
        total = len(keys) * (len(keys) + 1) // 2
        assert (pc.sum(table["bytes_sent"]).as_py() or 0) == mapped.counts["bytes_sent"] == total
