"""Where keys are partitioned, the days are found by their folders: as much as a walk over all finds."""

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.logs.names import log_day
from include.s3logs.logs.rolled_up.levels import interval_of_file
from include.s3logs.logs.rolled_up.members import overlaps
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.logs.walk import Walk
from tests.support.keys_only import Fake, FakeBySegment

DAYS = [date(2015, 1, 1), date(2023, 12, 31), date(2024, 1, 1), date(2024, 5, 31), date(2024, 6, 1)]
DAYS += [date(2024, 6, 2), date(2024, 6, 30), date(2024, 7, 1), date(2025, 6, 1)]
WINDOWS = [pair for pair in product([date.min, *DAYS], [*DAYS, date.max]) if pair[0] <= pair[1]]
PREFIXES = ["", "logs/", "since-2024-06-01/", "s3", "2024/06/01/", "7"]
REGIONS = ["111122223333/us-east-2/", "202406011222/us-east-2/", "202406011222/us-gov-west-1/"]
BUCKETS = ["reef", "reef-2024-06-01", "2024", "a.b", "reef0"]
PARTITIONS = [f"{region}{bucket}/" for region, bucket in product(REGIONS, BUCKETS)]


def name(day, hour=11):
    return f"{day}-{hour}-16-03-AB"


def in_folders(day):
    return f"{day:%Y/%m/%d}/{name(day)}"


DELIVERED = [partition + in_folders(day) for partition, day in product(PARTITIONS, DAYS)]
LEVELS = ["%Y-%m", "%Y-%m-%d", "%Y-%m-%d-11"]
SUFFIXES = ["", ".zst", ".manifest.json", ".manifest-0123456789abcdef.json"]
ROLLED_UP = [
    f"{partition}{day:{level}}{suffix}"
    for partition, day, level, suffix in product(PARTITIONS[:2], DAYS, LEVELS, SUFFIXES)
]
# What S3 puts in no partition, and what else lies about.
BESIDE = [f"{PARTITIONS[0]}web/{name(day)}" for day in DAYS]
BESIDE += [f"{PARTITIONS[0]}{PARTITIONS[5]}{in_folders(day)}" for day in DAYS]
BESIDE += [f"{REGIONS[0]}web/{name(day)}" for day in DAYS] + [f"{REGIONS[0]}{name(day)}" for day in DAYS]
BESIDE += [f"{PARTITIONS[0]}{name(day)}" for day in DAYS] + [f"web/{name(day)}" for day in DAYS]
BESIDE += [f"111122223333/{name(day)}" for day in DAYS] + [name(day) for day in DAYS]
FOREIGN = [
    "notes",
    "~notes",
    "\U0010ffff",
    "2024/06/01/notes",
    "2024/06/02.txt",
    "2024/06/notes",
    "2024/notes",
]
FOREIGN += ["2024/", "2024/06/01/", "web/notes", "", "2024-notes"]
STRAY = [f"{folder}{key}" for folder in ("", *REGIONS[:2], *PARTITIONS[:2]) for key in FOREIGN]
KEYS = st.sets(st.sampled_from(DELIVERED) | st.sampled_from(BESIDE) | st.sampled_from(ROLLED_UP), max_size=40)


@given(
    kind=st.sampled_from([Fake, FakeBySegment]),
    prefix=st.sampled_from(PREFIXES),
    keys=KEYS,
    strays=st.sets(st.sampled_from(STRAY), max_size=9),
    window=st.sampled_from(WINDOWS),
)
def test_all_that_is_of_the_window_is_found_once(kind, prefix, keys, strays, window):
    store = kind(prefix + key for key in keys | strays if prefix + key)
    found = [(info.key, day) for info, day in Walk(store, *window).below()]
    log_objects = [key for key, day in found if day]
    days = {key: log_day(key) for key in store.keys}
    assert sorted(log_objects) == [
        key for key in sorted(days) if days[key] and window[0] <= days[key] <= window[1]
    ]
    others = [key for key, day in found if day is None and interval_of_file(key) is None]
    assert len(others) == len(set(others))
    assert {key for key, _ in found} >= {
        key for key in store.keys if (file := interval_of_file(key)) and overlaps(file, *window)
    }


@given(
    kind=st.sampled_from([Fake, FakeBySegment]),
    keys=st.sets(st.sampled_from(DELIVERED), max_size=40),
    strays=st.sets(st.sampled_from(STRAY), max_size=9),
    window=st.sampled_from(WINDOWS),
)
def test_a_day_has_the_same_foreign_objects_in_any_window(kind, keys, strays, window):
    stores = {"s": kind((keys | strays) - {""})}
    everything, listing = find_log_objects(stores), find_log_objects(stores, *window)
    for day in DAYS:
        if window[0] <= day <= window[1]:
            assert sorted(listing.foreign_of(day).examples) == sorted(everything.foreign_of(day).examples)


@pytest.mark.parametrize("kind", [Fake, FakeBySegment])
@pytest.mark.parametrize("days", [1, 11, 40])
def test_a_partition_costs_two_requests_however_many_years_it_has(kind, days):
    years = [date(2015, 1, 1) + timedelta(days=n) for n in range(10 * 365)]
    buckets = [f"111122223333/us-east-2/bucket-{n}/" for n in range(20)]
    store = kind(bucket + in_folders(day) for bucket in buckets for day in years)
    store.page, first = 1000, date(2020, 12, 15)
    listing = find_log_objects({"s": store}, first, first + timedelta(days=days - 1))
    assert sum(map(len, listing.by_day.values())) == 20 * days
    assert store.requests <= 2 * len(buckets) + 3


def test_foreign_objects_in_folders_like_partitions_are_walked_over():
    store = Fake(f"111122223333/us-east-2/i-{n:04}/cpu.log" for n in range(1000))
    store.page = 1000
    assert find_log_objects({"s": store}, DAYS[0], DAYS[0]).foreign.count == 1000
    assert store.requests == 1
