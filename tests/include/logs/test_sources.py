from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.logs.names import parse_key
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from tests.support.keys_only import Fake, FakeBySegment

KEYS = [
    "2023-05-01-00-00-00-A",
    "2024-06-01-23-59-59-B",
    "2024-06-02-00-00-00-C",
    "202311112222/us-east-2/reef/2024/06/02/2024-06-02-01-00-00-D",  # an account id that looks like a year
    "202311112222/us-east-2/reef/2024/05/31/2024-05-31-01-00-00-M",
    "202311112222/us-east-2/reef/2024/06/01/2024-06-01-01-00-00-N",
    "202311112222/us-east-2/reef/2024/06/03/2024-06-03-01-00-00-O",
    "202311112222/us-east-2/reef/2023/06/02/2023-06-02-01-00-00-E",
    "999911112222/us-east-2/reef/2025/01/02/2025-01-02-01-00-00-F",
    "access-2024-06-02-02-00-00-G",
    "access-2024-07-02-02-00-00-H",
    "emr2024-06-02-02-00-00-I",
    "deep/er/2024/06/02.log",
    "deep/er/2024/06/03.log.gz",
    "deep/er/2025/06/03.log.gz",
    "deep/er/readme.txt",
    "zz/2022-01-01-00-00-00-J",
    "zz/2024-06-02-10-00-00-K",
    "zz/2024-06-02-notes.txt",
    "zz/2025-01-01-00-00-00-L",
]


@pytest.fixture(scope="module", params=["folder", "s3"])
def store(request, tmp_path_factory):
    if request.param == "folder":
        store = LocalStore(tmp_path_factory.mktemp("source"))
    else:
        server = request.getfixturevalue("s3")
        server.client.create_bucket(Bucket="sources")
        store = S3Store(server.client, "sources", "in/")
    for key in KEYS:
        store.write(key, b"x")
    return store


def naive(first, last):
    found = {}
    for key in KEYS:
        name = parse_key(key)
        if name and first <= name.day <= last:
            found.setdefault(name.day, set()).add(key)
    return found


FIRSTS = [date(2022, 1, 1) + timedelta(days=n) for n in range(0, 1100, 73)]
FIRSTS += [date(2024, 5, 31), date(2024, 6, 1), date(2024, 6, 2), date(2024, 6, 3), date(2025, 1, 1)]


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("span", [0, 1, 40, 400])
def test_jumping_over_other_days_finds_what_a_full_walk_finds(store, first, span):
    last = first + timedelta(days=span)
    listing = find_log_objects({"s": store}, first, last)
    assert {day: {o.key for o in objects} for day, objects in listing.by_day.items()} == naive(first, last)


def test_one_day_of_every_layout(store):
    listing = find_log_objects({"s": store}, date(2024, 6, 2), date(2024, 6, 2))
    assert len(listing.of(date(2024, 6, 2))) == 6
    assert listing.foreign.count == 2
    assert any(example.endswith("readme.txt") for example in listing.foreign.examples)


def test_no_bounds_means_everything(store):
    listing = find_log_objects({"s": store})
    assert sum(len(objects) for objects in listing.by_day.values()) == len(KEYS) - 2


def test_years_of_other_days_are_not_listed(tmp_path):
    """A window of one day must not page through three years of neighbours."""

    class Counting(LocalStore):
        yielded = 0

        def list(self, prefix="", start_after=""):
            for info in super().list(prefix, start_after):
                type(self).yielded += 1
                yield info

    store = Counting(tmp_path)
    for n in range(3 * 365):
        store.write(f"logs/{date(2022, 1, 1) + timedelta(days=n)}-00-00-00-A", b"")
    day = date(2023, 7, 1)
    assert [o.key for o in find_log_objects({"s": store}, day, day).of(day)] == ["logs/2023-07-01-00-00-00-A"]
    assert Counting.yielded < 10


DATES = [date(2023, 12, 31), date(2024, 1, 1), date(2024, 5, 31), date(2024, 6, 1), date(2024, 6, 2)]
DATES += [date(2024, 6, 30), date(2024, 7, 1), date(2025, 6, 1)]
# Prefixes as people choose them: free text, with dates that mean something else or nothing at all.
PREFIXES = ["", "logs/", "logs-since-2024-06-01/", "2024-06-01-", "since/2024/06/01/", "2024/06/01/web/"]
PREFIXES += ["s3", "from-2024-06-01-to-2024-06-30/", "2024-06/", "0999-01-01/", "a/2024-06-02/b/2024-05-31/"]
BUCKETS = ["reef", "reef-2024-06-01", "2024-06-01.reef"]


def keys_of(prefix, day, bucket):
    own, folders = f"{day}-11-16-03-AB", f"{day:%Y/%m/%d}"
    return [
        prefix + own,
        f"{prefix}{folders}/{own}",
        f"{prefix}202406011222/us-east-2/{bucket}/{folders}/{own}",
        f"{prefix}{folders}.log.gz",
    ]


ALL_KEYS = {p: [k for d, b in product(DATES, BUCKETS) for k in keys_of(p, d, b)] for p in PREFIXES}
# In one source there are not both `<x>2024-05-31-…` and folders `<x>2024-06-01…/` of another meaning.
APART = [[p] for p in PREFIXES] + [["logs/", "logs-since-2024-06-01/", "from-2024-06-01-to-2024-06-30/"]]


@given(data=st.data())
def test_only_the_last_date_of_a_key_counts(data):
    keys = st.sampled_from([key for prefix in data.draw(st.sampled_from(APART)) for key in ALL_KEYS[prefix]])
    store = data.draw(st.sampled_from([Fake, FakeBySegment]))(data.draw(st.sets(keys, max_size=40)))
    first, last = sorted(data.draw(st.tuples(st.sampled_from(DATES), st.sampled_from(DATES))))
    listing = find_log_objects({"s": store}, first, last)
    assert {o.key for day in listing.by_day.values() for o in day} == {
        key for key in store.keys if first <= parse_key(key).day <= last
    }


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("layout", range(4))
def test_other_years_cost_a_request_each_whatever_stands_in_front(prefix, layout):
    days = [date(2022, 1, 1) + timedelta(days=n) for n in range(3 * 365)]
    store, day = Fake(keys_of(prefix, day, "reef-2024-06-01")[layout] for day in days), date(2023, 7, 1)
    assert len(find_log_objects({"s": store}, day, day).of(day)) == 1
    assert store.requests <= 6


@pytest.mark.parametrize("objects", [1, 5])
@pytest.mark.parametrize("kind", [Fake, FakeBySegment])
def test_a_prefix_may_end_in_the_day_of_a_log_object(kind, objects):
    """Such as the first day on which logs were delivered to it."""
    days = [date(2024, 6, 1), date(2024, 6, 2), date(2024, 6, 3), date(2024, 7, 1)]
    for ends_in in days:
        prefix = f"since/{ends_in:%Y/%m/%d}/"
        store = kind(f"{prefix}{day}-11-16-03-{n}" for day in days for n in range(objects))
        found = [len(find_log_objects({"s": store}, day, day).of(day)) for day in days]
        assert found == [objects] * len(days)


def test_the_first_centuries_are_days_too():
    store = Fake(["0999-01-01-00-00-00-A", "logs/0999/01/01.log", "0001-01-01-00-00-00-A", "2024/06/01.log"])
    assert len(find_log_objects({"s": store}, date(2024, 6, 1)).by_day) == 1
    assert len(find_log_objects({"s": store}, None, date(999, 1, 1)).by_day) == 2


def test_several_sources_are_one_listing(tmp_path):
    stores = {}
    for name in ("reef", "kelp"):
        stores[name] = LocalStore(tmp_path / name)
        stores[name].write("2024/06/02.log", name.encode())
    objects = find_log_objects(stores).of(date(2024, 6, 2))
    assert [(o.source, o.key) for o in objects] == [("kelp", "2024/06/02.log"), ("reef", "2024/06/02.log")]
