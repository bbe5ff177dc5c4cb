"""Which interval an object belongs to, and which intervals have work to do."""

import random
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import islice
from unittest.mock import Mock

import pytest

from include.s3logs.errors import AccessDeniedError, NotFoundError, S3LogsError, SettingsError
from include.s3logs.logs.rolled_up.levels import LEVELS, Interval, interval_of, interval_of_file
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.planning import describe, plan
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.store import ObjectInfo

NOW = datetime(2026, 11, 5, tzinfo=UTC)
PARTITIONED = "p/123456789012/eu-west-1/my.bucket/"


@pytest.mark.parametrize(
    ("level", "name", "end"),
    [
        ("10min", "2026-12-31-23-50", "2027-01-01T00:00"),
        ("hour", "2026-12-31-23", "2027-01-01T00:00"),
        ("day", "2026-12-31", "2027-01-01T00:00"),
        ("month", "2026-12", "2027-01-01T00:00"),
        ("10min", "2024-02-28-09-00", "2024-02-28T09:10"),
        ("hour", "2024-02-28-09", "2024-02-28T10:00"),
        ("day", "2024-02-28", "2024-02-29T00:00"),
        ("month", "2024-02", "2024-03-01T00:00"),
    ],
)
def test_an_interval_ends_where_the_next_begins(level, name, end):
    assert Interval("", level, name).end == datetime.fromisoformat(end).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("2026-10-21-11-16-03-A", ""),
        ("logs/2026-10-21-11-16-03-A", "logs/"),
        ("s32026-10-21-11-16-03-A", "s3"),
        ("2025-01-2026-10-21-11-16-03-A", "2025-01-"),
        ("a(b)+[c]/.*2026-10-21-11-16-03-A", "a(b)+[c]/.*"),
        (f"{PARTITIONED}2026/10/21/2026-10-21-11-16-03-A", PARTITIONED),
        ("x/2026/10/21/2026-10-21-11-16-03-A", "x/"),
    ],
)
def test_the_sub_prefix_is_kept_at_every_level(key, prefix):
    names = {"10min": "2026-10-21-11-10", "hour": "2026-10-21-11", "day": "2026-10-21", "month": "2026-10"}
    for level in LEVELS:
        interval = interval_of(key, level)
        assert interval == Interval(prefix, level, names[level])
        assert interval.base == prefix + names[level]
        for file in (interval.rollup_key("none"), interval.rollup_key("zstd"), interval.manifest_key):
            assert interval_of_file(file) == interval
        assert interval_of_file(interval.attempt_key("0123456789abcdef")) == interval


@pytest.mark.parametrize(
    "key",
    [
        "2026-10-21.csv",
        "2026/10/21.log",
        "2026/09/30/2026-10-01-11-16-03-A",
        "E1.2026-10-21-11.abcd.gz",
        "9999-12-31-23-59-59-A",
        "2026-13-21-11-16-03-A",
        "2026-10-21-11-10",
        "",
    ],
)
def test_what_was_not_delivered_belongs_to_no_interval(key):
    assert [interval_of(key, level) for level in LEVELS] == [None] * 4


class Keys:
    """A listing without objects."""

    def __init__(self, keys, uri="/source"):
        self.keys, self.address, self.listed = sorted(keys), uri, 0

    def uri(self, key=""):
        return f"{self.address}/{key}" if key else self.address

    def list(self, prefix="", start_after=""):
        for key in islice(self.keys, bisect_left(self.keys, prefix), None):
            if not key.startswith(prefix):
                break
            self.listed += 1
            yield ObjectInfo(key, 5000, "etag", NOW)


def test_a_plan_of_100_000_keys_and_each_task_finds_its_own():
    seed = random.Random(1)
    prefixes = ["", "a/", "a/b-", PARTITIONED]
    keys = set()
    while len(keys) < 100_000:
        prefix, day, second = seed.choice(prefixes), seed.randrange(1, 32), seed.randrange(86_400)
        moment = datetime(2026, 10, day, tzinfo=UTC) + timedelta(seconds=second)
        folders = f"2026/10/{day:02}/" if prefix == PARTITIONED else ""
        keys.add(f"{prefix}{folders}{moment:%Y-%m-%d-%H-%M-%S}-{len(keys):016X}")
    source = Keys(keys)
    for level, count in (("month", 4), ("day", 124), ("hour", 2976)):
        result = plan(Keys([], "/other"), {"": source}, RollUpOptions(level=level, include_open=True), NOW)
        assert len(result.intervals) == count
        assert sum(planned.objects for planned in result.intervals) == 100_000
        assert sum(planned.bytes for planned in result.intervals) == 500_000_000
    # Each interval lists by prefix what is its own, all of it and nothing else.
    result = plan(Keys([], "/other"), {"": source}, RollUpOptions(include_open=True), NOW)
    source.listed = 0
    found = [{info.key for info in planned.interval.list(source)} for planned in result.intervals]
    assert [len(own) for own in found] == [planned.objects for planned in result.intervals]
    assert set().union(*found) == keys
    assert source.listed == 100_000


@pytest.fixture
def source(tmp_path):
    store = LocalStore(tmp_path / "source")
    for key in (
        "2026-10-25-23-59-59-A",
        "2026-10-26-00-00-00-B",
        "a/2026-10-01-00-00-00-C",
        "a/2026-10-01-23-59-59-D",
    ):
        store.write(key, b"a line\n")
    store.write("a/other", b"")
    store.write("elb.gz", b"")
    return store


def names(result):
    return [planned.interval.base for planned in result.intervals]


def test_open_intervals_wait_unless_asked_for(source, tmp_path):
    destination = LocalStore(tmp_path / "destination")
    result = plan(destination, {"": source}, RollUpOptions(), NOW)
    assert names(result) == ["a/2026-10-01", "2026-10-25"]  # oldest first; over for ten days
    assert (result.open, result.foreign, sorted(result.foreign_examples)) == (
        1,
        2,
        [source.uri("a/other"), source.uri("elb.gz")],
    )
    just_before = NOW - timedelta(seconds=1)
    assert names(plan(destination, {"": source}, RollUpOptions(), just_before)) == ["a/2026-10-01"]
    asked = RollUpOptions(include_open=True)
    assert names(plan(destination, {"": source}, asked, NOW)) == ["a/2026-10-01", "2026-10-25", "2026-10-26"]
    month = RollUpOptions(level="month", settling=timedelta(days=3))
    assert names(plan(destination, {"": source}, month, NOW)) == ["2026-10", "a/2026-10"]


@pytest.mark.parametrize("same", [True, False])
def test_what_is_done_is_not_planned_again(same, source, tmp_path):
    destination = source if same else LocalStore(tmp_path / "destination")

    def bases(**flags):
        return names(plan(destination, {"": source}, RollUpOptions(**flags), NOW))

    every = bases()
    for planned in plan(destination, {"": source}, RollUpOptions(), NOW).intervals:
        roll_up(destination, {"": source}, planned.interval, RollUpOptions(), NOW)
    result = plan(destination, {"": source}, RollUpOptions(), NOW)
    assert (result.intervals, result.done, result.foreign) == ([], 2, 2)
    assert result.rollups == (4 if same else 0)
    assert bases(overwrite=True) == bases(originals="delete") == bases(originals="tag") == every
    source.write("a/2026-10-01-12-00-00-E", b"late\n")
    result = plan(destination, {"": source}, RollUpOptions(), NOW)
    assert [(p.interval.base, p.objects, p.new) for p in result.intervals] == [("a/2026-10-01", 3, 1)]
    # An attempt that was cut off leaves a manifest of its own behind, whatever became of the log objects.
    destination.write("gone/2026-10-02.manifest-0123456789abcdef.json", b"{}")
    assert bases() == ["a/2026-10-01", "gone/2026-10-02"]


@pytest.fixture
def rolled_up(source, tmp_path):
    """Return the destination where all closed intervals were rolled up and deleted."""
    destination = LocalStore(tmp_path / "destination")
    options = RollUpOptions(originals="delete")
    for planned in plan(destination, {"": source}, options, NOW).intervals:
        roll_up(destination, {"": source}, planned.interval, options, NOW)
    return destination


def remarks(destination, source, **flags):
    """Return what the plan remarks by interval, after checking that people get to read it."""
    options = RollUpOptions(**flags)
    result = plan(destination, {"": source}, options, NOW)
    shown = describe(result, options).splitlines()
    found = {planned.interval.base: planned.remark for planned in result.intervals}
    assert all(f"{base} {remark}" in shown for base, remark in found.items() if remark)
    return found


def fails(destination, source, base, **flags):
    """Return the error of an interval's task."""
    (planned,) = [
        planned
        for planned in plan(destination, {"": source}, RollUpOptions(**flags), NOW).intervals
        if planned.interval.base == base
    ]
    with pytest.raises(S3LogsError) as raised:
        roll_up(destination, {"": source}, planned.interval, RollUpOptions(**flags), NOW)
    return str(raised.value)


def test_the_plan_says_what_overwriting_would_refuse(source, rolled_up):
    source.write("a/2026-10-01-12-00-00-E", b"late\n")
    assert remarks(rolled_up, source) == {"a/2026-10-01": ""}
    told = {"a/2026-10-01": "would be refused: of its 2 log objects 2 are only in the roll-up"}
    assert remarks(rolled_up, source, overwrite=True) == told
    assert "is not overwritten" in fails(rolled_up, source, "a/2026-10-01", overwrite=True)


def test_the_plan_tells_a_changed_log_object_from_the_one_in_the_roll_up(source, tmp_path):
    destination, day = LocalStore(tmp_path / "destination"), Interval("a/", "day", "2026-10-01")
    roll_up(destination, {"": source}, day, RollUpOptions(), NOW)
    assert not remarks(destination, source, overwrite=True)["a/2026-10-01"]
    source.write("a/2026-10-01-00-00-00-C", b"another line\n")
    told = remarks(destination, source, overwrite=True)["a/2026-10-01"]
    assert told == "would be refused if the content of 1 log objects that changed is another one"
    assert "1 are gone or changed" in fails(destination, source, "a/2026-10-01", overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("file", ["manifest.json", "manifest-0123456789abcdef.json"])
def test_the_plan_says_which_manifest_is_none(file, overwrite, source):
    source.write(f"a/2026-10-01.{file}", b"broken")
    told = remarks(source, source, overwrite=overwrite)["a/2026-10-01"]
    assert told.startswith(f"would fail: {source.uri(f'a/2026-10-01.{file}')} is no manifest (")
    assert told.removeprefix("would fail: ") in fails(source, source, "a/2026-10-01", overwrite=overwrite)


def test_a_manifest_that_may_not_be_read_is_remarked_and_one_that_is_gone_is_not(
    source, rolled_up, monkeypatch
):
    source.write("a/2026-10-01-12-00-00-E", b"late\n")
    monkeypatch.setattr(rolled_up, "read", Mock(side_effect=AccessDeniedError("not for you")))
    assert remarks(rolled_up, source) == {"a/2026-10-01": "would fail: not for you"}
    monkeypatch.setattr(rolled_up, "read", Mock(side_effect=NotFoundError("gone")))
    assert remarks(rolled_up, source) == {"a/2026-10-01": ""}


@pytest.mark.parametrize("flags", [{}, {"codec": "gzip"}, {"overwrite": True}])
def test_the_plan_says_which_roll_up_no_manifest_describes(flags, source, rolled_up):
    source.write("a/2026-10-01-12-00-00-E", b"late\n")
    rolled_up.delete(["a/2026-10-01.manifest.json"])
    problem = f"no manifest says what {rolled_up.uri('a/2026-10-01.zst')} holds"
    assert remarks(rolled_up, source, **flags) == {"a/2026-10-01": f"would fail: {problem}"}
    assert problem.removeprefix("no") in fails(rolled_up, source, "a/2026-10-01", **flags)


@pytest.mark.parametrize("originals", ["keep", "delete"])
def test_a_roll_up_that_was_deleted_by_hand_is_work(originals, source, tmp_path):
    destination, day = LocalStore(tmp_path / "destination"), Interval("a/", "day", "2026-10-01")
    source.delete(["2026-10-25-23-59-59-A", "2026-10-26-00-00-00-B"])
    roll_up(destination, {"": source}, day, RollUpOptions(originals=originals), NOW)
    assert remarks(destination, source) == {}
    destination.delete(["a/2026-10-01.zst"])
    told = {"a/2026-10-01": "would look at its roll-up: that is gone, or was put there anew"}
    assert remarks(destination, source) == told
    assert "no longer, what its manifest says" in fails(destination, source, "a/2026-10-01")


def test_a_roll_up_that_was_replaced_by_hand_is_work(source, tmp_path):
    destination, day = LocalStore(tmp_path / "destination"), Interval("a/", "day", "2026-10-01")
    roll_up(destination, {"": source}, day, RollUpOptions(), NOW)
    content = destination.read("a/2026-10-01.zst")
    destination.write("a/2026-10-01.zst", b"theirs")
    assert "a/2026-10-01" in remarks(destination, source)
    assert "no longer, what its manifest says" in fails(destination, source, "a/2026-10-01")
    destination.write("a/2026-10-01.zst", content)  # another version of the same content
    assert "a/2026-10-01" in remarks(destination, source)
    roll_up(destination, {"": source}, day, RollUpOptions(), NOW)
    assert "a/2026-10-01" not in remarks(destination, source)


def test_the_plan_as_people_read_it(source):
    options = RollUpOptions(originals="delete")
    assert describe(plan(source, {"": source}, options, NOW), options) == (
        "sub-prefix   day         log objects  new  bytes\n"
        "a/           2026-10-01            2    2   14 B\n"
        "             2026-10-25            1    1    7 B\n"
        "2 intervals                        3    3   21 B\n"
        "Log objects that a verified roll-up holds: are deleted.\n"
        "Without work: 0 other intervals that are done, 1 that are still open. Left alone: "
        "2 objects that are no access logs, 0 roll-ups and manifests."
    )


def test_files_in_a_folder_are_not_to_be_tagged(source, tmp_path):
    with pytest.raises(SettingsError, match=r"S3LOGS_ROLLUP_ORIGINALS .*cannot be tagged: /logs\."):
        RollUpOptions(originals="tag").check({"/logs": LocalStore(tmp_path)})
    RollUpOptions(originals="delete").check({"/logs": LocalStore(tmp_path)})
    RollUpOptions(originals="tag").check({})


def test_what_does_not_fit_one_run_is_told(source):
    found = plan(source, {"": source}, RollUpOptions(), NOW)
    assert "One run does 1, the oldest first; 1 are left" in describe(found, RollUpOptions(), 1)
    assert "One run" not in describe(found, RollUpOptions(), 2) + describe(found, RollUpOptions())


def test_planning_on_s3(s3, bucket):
    store = S3Store(s3.client, bucket, "x/")
    for key in ("a/2026-10-01-00-00-00-C", f"{PARTITIONED}2026/10/01/2026-10-01-00-00-00-D"):
        store.write(key, b"a line\n")
    options = RollUpOptions(originals="delete")
    result = plan(store, {"": store}, options, NOW)
    assert names(result) == ["a/2026-10-01", f"{PARTITIONED}2026-10-01"]
    for planned in result.intervals:
        assert roll_up(store, {"": store}, planned.interval, options, NOW)["deleted"] == 1
    assert plan(store, {"": store}, options, NOW).intervals == []


def test_objects_of_the_last_days_that_there_are_do_no_harm(source, tmp_path):
    source.write("9999-12-30-11-00-00-A", b"")
    source.write("9999-12-31-23-59-59-A", b"")
    found = plan(LocalStore(tmp_path / "destination"), {"": source}, RollUpOptions(), NOW)
    assert (names(found), found.open, found.foreign) == (["a/2026-10-01", "2026-10-25"], 2, 3)


@pytest.mark.parametrize(
    "date", ["2026-13", "2026-00", "2026-02-30", "2026-10-21-24", "9999-12", "0000-01-01"]
)
def test_a_file_of_a_date_that_never_was_is_foreign(date, tmp_path):
    store = LocalStore(tmp_path)
    names = [f"x{date}{rest}" for rest in ("", ".zst", ".manifest.json", ".manifest-0123456789abcdef.json")]
    for file in names:
        assert interval_of_file(file) is None
        store.write(file, b"of another service")
    found = plan(store, {"x": store}, RollUpOptions(), NOW)
    assert (found.foreign, found.rollups, found.intervals) == (4, 0, [])
