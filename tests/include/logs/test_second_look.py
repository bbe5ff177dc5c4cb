"""Log objects that go into a roll-up after they were listed are found there in the same attempt."""

from contextlib import closing

import pytest

from include.s3logs.errors import ChangedObjectError, NotFoundError, UnreadableObjectError
from include.s3logs.logs.limits import Limits
from include.s3logs.logs.reading import read_ahead
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from tests.include.logs.rolled_up.test_rolled_up_days import CODECS, DAYS, LEVELS, World, deliver
from tests.support.one_day import reduce_day
from tests.support.reduce_world import line, settings

DAY = DAYS[1]
ON_UNREADABLE = ["fail", "skip"]


@pytest.fixture(params=["same folder", "elsewhere", "s3", "s3 elsewhere"])
def world(request, tmp_path):
    elsewhere = request.param.endswith("elsewhere")
    if request.param.startswith("s3"):
        s3, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
        source, archive = S3Store(s3.client, bucket, "in/"), S3Store(s3.client, bucket, "archive/")
    else:
        source, archive = LocalStore(tmp_path / "source"), LocalStore(tmp_path / "archive")
    deliver(source)
    return World(tmp_path, source, archive if elsewhere else source)


@pytest.fixture
def folder(tmp_path):
    source = LocalStore(tmp_path / "source")
    deliver(source)
    return World(tmp_path, source, source)


def reduced(world, listing, on_unreadable="fail"):
    """Reduce what was listed; return what came of it, but for names that are new each time."""
    values = settings(rejection_limit=1.0, on_unreadable=on_unreadable)
    checkpoint = reduce_day(world.lake, world.stores, DAY, listing, values, force=True).checkpoint
    files = {role: file.sha256 for role, file in checkpoint.files.items()}
    return checkpoint.counts, files


@pytest.mark.parametrize("on_unreadable", ON_UNREADABLE)
def test_all_of_a_day_is_rolled_up_between_listing_and_reading(world, on_unreadable):
    listing = find_log_objects(world.stores, DAY, DAY)
    before = reduced(world, listing, on_unreadable)
    world.roll_up(originals="delete")
    assert reduced(world, listing, on_unreadable) == before
    assert before[0]["log_objects"] == 5


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("level", LEVELS)
def test_at_every_level_and_with_every_codec(folder, level, codec):
    listing = find_log_objects(folder.stores, DAY, DAY)
    before = reduced(folder, listing)
    folder.roll_up(level=level, codec=codec, originals="delete")
    assert reduced(folder, listing) == before


@pytest.mark.parametrize("on_unreadable", ON_UNREADABLE)
@pytest.mark.parametrize("at", range(1, 6))
def test_it_is_rolled_up_while_it_is_read(folder, monkeypatch, at, on_unreadable):
    listing = find_log_objects(folder.stores, DAY, DAY)
    before = reduced(folder, listing, on_unreadable)
    read_pieces, reads = LocalStore.read_pieces, []

    def reading(store, key, size, etag=None):
        reads.append(key)
        if len(reads) == at:
            monkeypatch.setattr(LocalStore, "read_pieces", read_pieces)
            folder.roll_up(originals="delete")
        return read_pieces(store, key, size, etag)

    monkeypatch.setattr(LocalStore, "read_pieces", reading)
    assert reduced(folder, listing, on_unreadable) == before
    assert len(reads) == at


def test_a_roll_up_that_is_made_anew_with_another_codec_is_found(folder):
    folder.roll_up(originals="delete")
    listing = find_log_objects(folder.stores, DAY, DAY)
    before = reduced(folder, listing)
    folder.source.write(f"logs/{DAY}-00-00-00-0", line(request_id="late", sent=7))
    folder.roll_up(codec="gzip", originals="delete")
    assert folder.source.find(f"logs/{DAY}.zst") is None
    assert reduced(folder, listing) == before


def test_what_is_in_no_roll_up_is_gone(folder):
    listing = find_log_objects(folder.stores, DAY, DAY)
    folder.roll_up(originals="keep")
    gone = listing.of(DAY)[1]
    folder.source.write(gone.key, b"another version\n")
    folder.source.delete([gone.key])
    other = listing.of(DAY)[0]._replace(etag="another version", key=f"logs/{DAY}-00-00-00-Z")
    listing.by_day[DAY].append(other)
    with pytest.raises(UnreadableObjectError, match="00-00-00-Z does not exist"):
        reduced(folder, listing)
    assert reduced(folder, listing, "skip")[0]["unreadable_objects"] == 1


class Counting(LocalStore):
    """Lists objects that it never gives, and counts its listings."""

    lists = 0

    def list(self, prefix="", start_after=""):
        self.lists += not prefix
        return super().list(prefix, start_after)

    def read_pieces(self, key, size, etag=None):
        raise NotFoundError(f"{key} does not exist.")


def test_a_store_that_lists_what_it_does_not_give_is_not_listed_for_each_object(tmp_path):
    source = Counting(tmp_path / "source")
    deliver(source)
    stores = {"reef": source}
    objects = find_log_objects(stores, DAY, DAY).of(DAY)
    source.lists = 0
    for _, content in read_ahead(stores, objects, {}):
        with pytest.raises(NotFoundError):
            next(content())
    assert source.lists <= 4  # jumps, once for all


def test_one_that_is_gone_after_its_first_piece_is_found_by_the_next_attempt(folder):
    class Vanishing(LocalStore):
        def read_pieces(self, key, size, etag=None):
            if key.endswith("A"):
                yield next(super().read_pieces(key, size, etag))
                folder.roll_up(originals="delete")
                raise NotFoundError(f"{key} does not exist.")
            yield from super().read_pieces(key, size, etag)

    stores = {"reef": Vanishing(folder.source.root, piece=9)}
    listing = find_log_objects(stores, DAY, DAY)
    with (
        closing(read_ahead(stores, listing.of(DAY), {}, Limits(piece=9))) as ahead,
        pytest.raises(ChangedObjectError, match="was rolled up while it was read"),
    ):
        for _, content in ahead:
            list(content())
