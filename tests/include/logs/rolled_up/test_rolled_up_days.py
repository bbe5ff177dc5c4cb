"""Days whose log objects are in roll-ups: found and reduced as if nothing had happened."""

import gzip
import json
import shutil
from datetime import UTC, date, datetime

import pytest

from include.s3logs.errors import AccessDeniedError, UnreadableObjectError
from include.s3logs.lake.checkpoint import read_output
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.planning import plan
from include.s3logs.stages.reduce import reduce_inputs
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from tests.support.one_day import reduce_day
from tests.support.reduce_world import GARBAGE, line, settings

DAYS = [date(2024, 5, 31), date(2024, 6, 1), date(2024, 6, 2), date(2024, 6, 30)]
NOW = datetime(2024, 9, 1, tzinfo=UTC)
LEVELS = ["10min", "hour", "day", "month"]
CODECS = ["none", "gzip", "bzip2", "zstd"]


def deliver(store, prefix="logs/"):
    """Some log objects of each day, with lines that repeat, lines that are none, packed and empty ones."""
    for n, day in enumerate(DAYS):
        own = [line(request_id=f"{n}-{m}", sent=m) for m in range(12)]
        for name, content in {
            "00-00-00-A": b"".join(own[:4]) + GARBAGE,
            "00-09-59-B": gzip.compress(b"".join(own[3:8])),
            "00-10-00-C": b"",
            "11-20-00-D": b"".join(own[8:]).removesuffix(b"\n"),
            "23-59-59-E": own[0] + b"no newline",
        }.items():
            store.write(f"{prefix}{day}-{name}", content)


class World:
    def __init__(self, folder, source, archive):
        self.lake, self.source, self.archive = LocalStore(folder / "lake"), source, archive
        elsewhere = archive is not source
        self.stores = {"reef": self.source} | ({"old reef": self.archive} if elsewhere else {})

    def roll_up(self, **options):
        options, sources = RollUpOptions(**options), {"reef": self.source}
        return [
            roll_up(self.archive, sources, planned.interval, options, NOW)
            for planned in plan(self.archive, sources, options, NOW).intervals
        ]

    def reduce(self, day, **values):
        listing = find_log_objects(self.stores, day, day)
        force = values.pop("force", False)
        return reduce_day(self.lake, self.stores, day, listing, settings(**LENIENT | values), force=force)

    def outputs(self, day, **values):
        checkpoint = self.reduce(day, force=True, **values).checkpoint
        return {
            role: read_output(self.lake, checkpoint, role) for role in checkpoint.files if role != "foreign"
        }


LENIENT = {"rejection_limit": 1.0}


@pytest.fixture(params=[False, True], ids=["same folder", "elsewhere"])
def world(request, tmp_path):
    source = LocalStore(tmp_path / "source")
    world = World(tmp_path, source, LocalStore(tmp_path / "archive") if request.param else source)
    deliver(world.source)
    return world


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_day_is_the_same_before_and_after(world, level, codec):
    before = {day: world.outputs(day) for day in DAYS}
    results = world.roll_up(level=level, codec=codec, originals="delete")
    assert sum(result["deleted"] for result in results) == 5 * len(DAYS)
    assert [info for info in world.source.list() if info.key[-2] == "-"] == []
    for day in DAYS:
        assert world.reduce(day).reused
        assert world.outputs(day) == before[day]
        assert find_log_objects(world.stores, day, day).foreign.count == 0


def test_a_month_on_s3_is_found_by_each_of_its_days(tmp_path, s3, bucket):
    source = S3Store(s3.client, bucket, "logs/")
    world = World(tmp_path, source, S3Store(s3.client, bucket, "archive/"))
    deliver(source)
    before = {day: world.outputs(day) for day in DAYS}
    world.roll_up(level="month", originals="delete")
    assert list(source.list()) == []
    for day in DAYS:
        assert world.reduce(day).reused
        assert world.outputs(day) == before[day]


def test_a_listing_of_all_time_finds_every_object_once(world):
    expected = find_log_objects(world.stores)
    world.roll_up(originals="keep")
    kept = find_log_objects(world.stores)
    assert (kept.by_day, kept.places) == (expected.by_day, {})
    world.roll_up(level="hour", originals="delete")
    rolled_up = find_log_objects(world.stores)
    assert {day: rolled_up.of(day) for day in DAYS} == {day: expected.of(day) for day in DAYS}
    assert len(rolled_up.places) == 5 * len(DAYS)


def test_late_objects_and_rolled_up_ones_make_one_day(world):
    day = DAYS[1]
    world.roll_up(originals="delete")
    late = line(request_id="late", sent=7)
    world.source.write(f"logs/{day}-12-00-00-L", late)
    assert not world.reduce(day).reused
    counts = world.reduce(day).checkpoint.counts
    assert (counts["log_objects"], counts["reduced_rows"]) == (6, 13)
    before = world.outputs(day)
    world.roll_up(originals="delete")  # the roll-up is extended
    assert world.reduce(day).reused
    assert world.outputs(day) == before


def test_a_copy_of_the_archive_is_as_good(world, tmp_path):
    world.roll_up(originals="delete")
    before = {day: world.outputs(day) for day in DAYS}
    shutil.copytree(world.archive.root, tmp_path / "copy")  # other times of files, so other ETags
    for path in (tmp_path / "copy").rglob("*"):
        path.touch()
    copied = LocalStore(tmp_path / "copy")
    for uri, store in world.stores.items():
        if store is world.archive:
            world.stores[uri] = copied
    for day in DAYS:
        listing = find_log_objects(world.stores, day, day)
        assert reduce_inputs(listing.of(day), settings())["log_objects"] == 5
        rows = world.outputs(day)["rows"]
        assert rows == before[day]["rows"]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-30], lambda data: b"x" * len(data)], ids=["cut", "other"]
)
@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_a_damaged_roll_up_fails_its_days_by_name_or_is_skipped(world, codec, damage):
    day, other = DAYS[1], DAYS[2]
    world.roll_up(originals="delete", codec=codec)
    (path,) = (path for path in world.archive.root.rglob(f"{day}*") if path.suffix != ".json")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UnreadableObjectError, match=rf"the roll-up {path} does not hold"):
        world.reduce(day)
    skipped = world.reduce(day, on_unreadable="skip").checkpoint
    assert skipped.counts["unreadable_objects"] > 0
    assert world.reduce(other).checkpoint.counts["log_objects"] == 5


def test_what_is_not_damaged_of_a_roll_up_is_read_and_the_roll_up_only_once(world, monkeypatch):
    day = DAYS[1]
    whole = world.reduce(day).checkpoint.counts
    world.roll_up(originals="delete", codec="none")
    path = world.archive.root / f"logs/{day}"
    path.write_bytes(path.read_bytes().replace(GARBAGE, GARBAGE.swapcase()))  # of the first log object
    reads = []
    read_pieces = LocalStore.read_pieces

    def reading(store, key, size, etag=None):
        reads.append(store.uri(key))
        return read_pieces(store, key, size, etag)

    monkeypatch.setattr(LocalStore, "read_pieces", reading)
    skipped = world.reduce(day, on_unreadable="skip", force=True).checkpoint.counts
    assert (skipped["log_objects"], skipped["unreadable_objects"]) == (5, 1)
    assert skipped["lines"] == whole["lines"] - 5
    path.write_bytes(b"x" * 10)
    assert world.reduce(day, on_unreadable="skip", force=True).checkpoint.counts["unreadable_objects"] == 4
    # Each time once; where its size did not tell, for its digest before, and when damage was found.
    assert reads.count(str(path)) == 4


def test_what_only_looks_like_a_roll_up_is_foreign(world):
    world.source.write("logs/2024-06-01.gz", b"of another service")
    listing = find_log_objects(world.stores, DAYS[1], DAYS[1])
    assert (listing.foreign.count, len(listing.of(DAYS[1]))) == (1, 5)
    assert listing.foreign.examples == [world.source.uri("logs/2024-06-01.gz")]


# Where a store begins that the roll-ups are read through


def part_of(store, folder):
    if isinstance(store, S3Store):
        return S3Store(store.client, store.bucket, f"{store.prefix}{folder}/")
    return LocalStore(store.root / folder)


@pytest.fixture(params=["folder", "s3"])
def nest(request, tmp_path):
    if request.param == "folder":
        return LocalStore(tmp_path / "nest")
    s3, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
    return S3Store(s3.client, bucket, "nest/")


@pytest.mark.parametrize("on_unreadable", ["fail", "skip"])
def test_a_destination_inside_the_source_is_read_through_either(nest, tmp_path, on_unreadable):
    world = World(tmp_path, nest, part_of(nest, "rolled"))
    deliver(nest, prefix="")
    before = {day: world.outputs(day, on_unreadable=on_unreadable) for day in DAYS}
    world.roll_up(originals="delete")
    both = dict(world.stores)
    for stores in (both, {"reef": nest}, dict(reversed(both.items()))):
        world.stores = stores
        for day in DAYS:
            assert world.outputs(day, on_unreadable=on_unreadable) == before[day]
            assert len(find_log_objects(stores, day, day).of(day)) == 5


@pytest.mark.parametrize("turned", [False, True])
def test_a_destination_around_the_source_lists_no_log_object_twice(nest, tmp_path, turned):
    source, day = part_of(nest, "logs"), DAYS[1]
    world = World(tmp_path, source, nest)
    if turned:
        world.stores = dict(reversed(world.stores.items()))
    deliver(source, prefix="reef/")
    source.write("foreign", b"")
    listing = find_log_objects(world.stores)
    assert [len(listing.of(day)) for day in DAYS] == [5, 5, 5, 5]
    assert listing.foreign.count == 1
    before = {day: world.outputs(day) for day in DAYS}
    world.roll_up(originals="delete")
    for day in DAYS:
        assert world.reduce(day).reused
        assert world.outputs(day) == before[day]
    source.write(f"reef/{day}-12-00-00-L", line(request_id="late", sent=7))
    assert world.reduce(day).checkpoint.counts["log_objects"] == 6


def test_what_was_rolled_up_in_a_part_is_read_and_extended_from_the_whole(nest, tmp_path):
    part, day = part_of(nest, "logs"), DAYS[1]
    deliver(nest)
    whole = World(tmp_path, nest, nest)
    before = {day: whole.outputs(day) for day in DAYS}
    World(tmp_path, part, part).roll_up(originals="delete")
    assert {day: whole.outputs(day) for day in DAYS} == before
    nest.write(f"logs/{day}-12-00-00-L", line(request_id="late", sent=7))
    late = whole.outputs(day)
    (result,) = whole.roll_up(originals="delete")
    assert (result["added"], result["held"], result["deleted"]) == (1, 6, 1)
    assert whole.outputs(day) == late
    assert find_log_objects({"reef": part}, day, day).foreign.count == 0
    part.write(f"{day}-13-00-00-L", line(request_id="later", sent=8))
    (result,) = World(tmp_path, part, part).roll_up(originals="delete", codec="gzip")
    assert (result["added"], result["held"], result["deleted"]) == (1, 7, 1)
    assert len([info for info in nest.list(f"logs/{day}") if not info.key.endswith(".json")]) == 1
    assert whole.reduce(day).checkpoint.counts["log_objects"] == 7


def test_originals_are_tagged_through_another_boundary(s3, bucket, tmp_path):
    whole = S3Store(s3.client, bucket, "nest/")
    part = part_of(whole, "logs")
    deliver(whole)
    World(tmp_path, part, part).roll_up(originals="keep")
    results = World(tmp_path, whole, whole).roll_up(originals="tag")
    assert [result["tagged"] for result in results] == [5] * len(DAYS)
    assert World(tmp_path, part, part).roll_up(originals="tag") == []


# Manifests that cannot be read

NO_MANIFESTS = {
    "empty": b"",
    "no JSON": b"\xff",
    "deep": b"[" * 100_000,
    "other": b'{"format": 0}',
    "no codec": b'{"format": 1, "level": "day", "interval": "", "codec": "x", "rollup": {}, "objects": []}',
}


@pytest.mark.parametrize("content", NO_MANIFESTS.values(), ids=NO_MANIFESTS)
def test_a_manifest_that_is_none_and_has_no_roll_up_is_foreign(world, content):
    for rest in ("", "-0123456789abcdef"):
        world.source.write(f"logs/{DAYS[1]}.manifest{rest}.json", content)
    world.source.write("other/2024-06.manifest.json", content)
    listing = find_log_objects(world.stores, DAYS[0], DAYS[1])
    assert (listing.foreign.count, listing.places) == (3, {})
    assert [len(listing.of(day)) for day in DAYS[:2]] == [5, 5]


def damage_manifest(world, content, level="day"):
    """Write something else in place of a manifest; return its address and what puts the right one back."""
    key = f"logs/{str(DAYS[1])[: len('2024-06') if level == 'month' else None]}.manifest.json"
    right = world.archive.read(key)
    world.archive.write(key, content)
    return world.archive.uri(key), lambda: world.archive.write(key, right)


@pytest.mark.parametrize("content", NO_MANIFESTS.values(), ids=NO_MANIFESTS)
def test_a_manifest_that_is_none_makes_only_its_own_day_unreadable(world, content):
    world.roll_up(originals="delete")
    where, put_back = damage_manifest(world, content)
    listing = find_log_objects(world.stores)
    assert [len(listing.of(day)) for day in DAYS] == [5, 1, 5, 5]
    with pytest.raises(UnreadableObjectError, match=rf"01\.zst cannot be read: {where} is no manifest.*back"):
        world.reduce(DAYS[1])
    skipped = world.reduce(DAYS[1], on_unreadable="skip").checkpoint.counts
    assert (skipped["log_objects"], skipped["unreadable_objects"], skipped["lines"]) == (1, 1, 0)
    assert world.reduce(DAYS[2]).checkpoint.counts["log_objects"] == 5
    put_back()  # then the day is computed anew, although the skipped roll-up is no object of it any more
    mended = world.reduce(DAYS[1], on_unreadable="skip").checkpoint.counts
    assert (mended["log_objects"], mended["unreadable_objects"]) == (5, 0)


def test_a_manifest_of_a_later_release_makes_only_its_own_day_unreadable(world):
    world.roll_up(originals="delete")
    damage_manifest(world, b'{"format": 2}')
    with pytest.raises(UnreadableObjectError, match="written by a later release"):
        world.reduce(DAYS[1])
    assert world.reduce(DAYS[2]).checkpoint.counts["log_objects"] == 5


@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_a_manifest_that_is_none_makes_each_day_of_a_month_unreadable(world, codec):
    world.roll_up(level="month", codec=codec, originals="delete")
    world.source.write("logs/2024-02-01-00-00-00-A", b"")  # from here a listing jumps to the day
    damage_manifest(world, b"", level="month")
    listing = find_log_objects(world.stores)
    assert [len(listing.of(day)) for day in DAYS] == [5, 1, 1, 1]
    assert len(listing.by_day) == 1 + 1 + 30
    assert list(find_log_objects(world.stores, DAYS[2], DAYS[2]).by_day) == [DAYS[2]]
    for day in DAYS[1:]:
        with pytest.raises(UnreadableObjectError, match=r"2024-06\.manifest\.json is no manifest"):
            world.reduce(day)


def test_what_still_stands_alone_is_read_beside_a_roll_up_whose_manifest_is_none(world):
    world.roll_up(originals="keep")
    damage_manifest(world, b"")
    counts = world.reduce(DAYS[1], on_unreadable="skip").checkpoint.counts
    assert (counts["log_objects"], counts["unreadable_objects"]) == (6, 1)


def test_an_attempt_that_left_no_manifest_makes_only_its_own_day_unreadable(world):
    world.roll_up(originals="delete")
    manifest = f"logs/{DAYS[1]}.manifest.json"
    world.archive.delete([manifest])
    world.archive.write(f"logs/{DAYS[1]}.manifest-0123456789abcdef.json", b"cut")
    with pytest.raises(UnreadableObjectError, match=r"manifest-0123456789abcdef\.json is no manifest"):
        world.reduce(DAYS[1])
    assert world.reduce(DAYS[0]).checkpoint.counts["log_objects"] == 5


def test_an_unreadable_roll_up_counts_once_where_one_source_lies_in_another(nest, tmp_path):
    world = World(tmp_path, nest, part_of(nest, "rolled"))
    deliver(nest)
    world.roll_up(originals="delete")
    damage_manifest(world, b"")
    assert len(find_log_objects(world.stores, DAYS[1], DAYS[1]).of(DAYS[1])) == 1


def test_a_manifest_that_may_not_be_read_makes_its_day_unreadable(world, monkeypatch):
    world.roll_up(originals="delete")
    read = LocalStore.read

    def forbidding(store, key, etag=None):
        if key == f"logs/{DAYS[1]}.manifest.json":
            raise AccessDeniedError(f"{store.uri(key)} may not be read.")
        return read(store, key, etag)

    monkeypatch.setattr(LocalStore, "read", forbidding)
    assert [len(find_log_objects(world.stores).of(day)) for day in DAYS] == [5, 1, 5, 5]
    with pytest.raises(UnreadableObjectError, match="may not be read"):
        world.reduce(DAYS[1])


def test_a_manifest_with_a_value_of_another_type_is_none(world):
    world.roll_up(originals="delete")
    key = f"logs/{DAYS[1]}.manifest.json"
    manifest = json.loads(world.archive.read(key))
    manifest["objects"][0]["key"] = 5
    damage_manifest(world, json.dumps(manifest).encode())
    with pytest.raises(UnreadableObjectError, match="is no manifest"):
        world.reduce(DAYS[1])
