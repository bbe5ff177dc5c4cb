"""A roll-up whose manifest is gone is unreadable on each of its days; what only looks like one is foreign."""

import bz2
import gzip
import os

import pyarrow as pa
import pytest

from include.s3logs.errors import AccessDeniedError, UnreadableObjectError
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.stores.folder import LocalStore
from tests.include.logs.rolled_up.test_rolled_up_days import CODECS, DAYS, World, deliver
from tests.support.killing_store import Effects, Killed, KillingStore
from tests.support.reduce_world import line

DAY = DAYS[1]
KEY = f"logs/{DAY}"


@pytest.fixture
def world(tmp_path):
    source = LocalStore(tmp_path / "source")
    deliver(source)
    return World(tmp_path, source, source)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("level", "days"), [("hour", [DAY]), ("day", [DAY]), ("month", DAYS[1:])])
def test_its_days_fail_by_name_or_count_it_as_unreadable(world, level, days, codec):
    world.roll_up(level=level, codec=codec, originals="delete")
    before = {day: world.outputs(day) for day in days}
    gone = {info.key: world.source.read(info.key) for info in world.source.list("logs/2024-06")}
    gone = {key: data for key, data in gone.items() if key.endswith(".json")}
    world.source.delete(gone)
    for listing in (find_log_objects(world.stores), find_log_objects(world.stores, days[0], days[-1])):
        assert listing.foreign.count == 0
        assert all(listing.of(day) for day in days)
    for day in days:
        with pytest.raises(UnreadableObjectError, match=r"No manifest says what .*manifest\.json is gone"):
            world.reduce(day, force=True)
        counts = world.reduce(day, on_unreadable="skip", force=True).checkpoint.counts
        assert counts["unreadable_objects"] == counts["log_objects"] > 0
    for key, data in gone.items():
        world.source.write(key, data)
    assert {day: world.outputs(day) for day in days} == before


@pytest.mark.parametrize("codec", CODECS)
def test_a_month_is_not_jumped_over(world, codec):
    world.roll_up(level="month", codec=codec, originals="delete")
    world.source.delete(["logs/2024-06.manifest.json"])
    for before in ("2024-04-01", "2024-05-31"):
        world.source.write(f"logs/{before}-11-00-00-A", line())
    for first in (DAYS[1], DAYS[2]):
        listing = find_log_objects(world.stores, first, DAYS[2])
        assert len(listing.of(DAYS[2])) == len(listing.places) == 1


def zstd(data):
    return pa.compress(data, codec="zstd", asbytes=True)


WEB_SERVER = b'192.0.2.1 - - [01/Jun/2024:10:00:00 +0000] "GET / HTTP/1.1" 200 5\n'
FOREIGN = {
    "empty": (".zst", b""),
    "text": (".gz", b"of another service\n"),
    "packed text": (".gz", gzip.compress(b"of another service\n" * 99_999)),
    "packed nothing": (".bz2", bz2.compress(b"")),
    "web server": ("", WEB_SERVER),
    "packed web server": (".zst", zstd(WEB_SERVER)),
    "table": ("", b"day\trequests\n2024-06-01\t12\n"),
}


@pytest.mark.parametrize(("suffix", "content"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("date", ["2024-06", "2024-06-01", "2024-06-01-11"])
def test_files_of_other_tools_stay_foreign(world, date, suffix, content):
    key = f"logs/{date}{suffix}"
    world.source.write(key, content)
    listing = find_log_objects(world.stores, DAY, DAY)
    assert listing.foreign.examples == [world.source.uri(key)]
    assert (len(listing.of(DAY)), listing.places) == (5, {})


DAMAGED = {
    "records after a torn line": line().partition(b" ")[2] + line(),
    "cut": gzip.compress(b"".join(line(request_id=f"{os.urandom(8)}") for _ in range(9)))[:40],
    "not zstd to its end": zstd(line())[:9],
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_where_nobody_can_tell_it_counts_as_one(world, content):
    world.source.write(f"{KEY}.gz", content)
    assert len(find_log_objects(world.stores, DAY, DAY).of(DAY)) == 6


def test_one_that_may_not_be_read_counts_as_one(world, monkeypatch):
    world.source.write(f"{KEY}.gz", b"of another service")

    def forbidding(store, key, size, etag=None):
        raise AccessDeniedError(f"{store.uri(key)} may not be read.")

    monkeypatch.setattr(LocalStore, "read_pieces", forbidding)
    assert len(find_log_objects(world.stores, DAY, DAY).of(DAY)) == 6


def test_one_beside_a_described_roll_up_leaves_that_readable(world):
    world.roll_up(originals="delete")
    world.source.write(f"{KEY}.gz", gzip.compress(line()))
    counts = world.reduce(DAY, on_unreadable="skip").checkpoint.counts
    assert (counts["log_objects"], counts["unreadable_objects"]) == (6, 1)


@pytest.mark.parametrize("codecs", [("zstd", "zstd"), ("zstd", "gzip"), ("none", "bzip2")])
def test_an_attempt_at_work_or_dead_is_no_lost_manifest(world, codecs):
    """Whatever it has written by then: its own manifest comes first."""
    first, second = codecs
    world.roll_up(codec=first, originals="delete")
    for day in DAYS:
        world.source.write(f"logs/{day}-12-00-00-L", line(request_id="late", sent=7))
    archive, died = world.archive, 0
    for fatal in range(20):
        world.archive = KillingStore(archive, Effects(fatal))
        try:
            world.roll_up(codec=second, originals="delete")
        except Killed:
            died += 1
        for day in DAYS:
            listing = find_log_objects(world.stores, day, day)
            assert (listing.foreign.count, len(listing.of(day))) == (0, 6)
    assert died > 2


def test_a_roll_up_that_is_made_while_its_folder_is_listed_is_read(world):
    """Its manifest sorts before it: the listing comes by before one is there, and sees the other."""

    class Listing(LocalStore):
        def list(self, prefix="", start_after=""):
            for info in super().list(prefix, start_after):
                if prefix or not info.key.endswith(".json"):
                    yield info

    world.roll_up(originals="delete")
    stores = {"reef": Listing(world.source.root)}
    listing = find_log_objects(stores, DAY, DAY)
    assert (listing.foreign.count, len(listing.of(DAY)), len(listing.places)) == (0, 5, 5)
