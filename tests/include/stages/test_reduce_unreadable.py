"""Reduce: log objects that are corrupt, gone, forbidden, changing or endless."""

import bz2
import gzip
from random import Random

import pytest

from include.s3logs.errors import (
    AccessDeniedError,
    ArchivedObjectError,
    ChangedObjectError,
    NotFoundError,
    TooManyRejectionsError,
    UnreadableObjectError,
)
from include.s3logs.lake.checkpoint import load_checkpoint
from include.s3logs.lake.open_days import open_days
from include.s3logs.logs.limits import Limits
from include.s3logs.stores.folder import LocalStore
from tests.support.reduce_world import BROKEN_GZIP, DAY, GARBAGE, World, assert_reconciled, line, name


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


class Forbidden(LocalStore):
    """A source some of whose objects may not, or cannot, be read; a folder cannot say so to root."""

    def read_pieces(self, key, size, etag=None):
        if key.endswith("-SECRET"):
            raise AccessDeniedError(f"{self.uri(key)} may not be read.")
        if key.endswith("-COLD"):
            raise ArchivedObjectError(f"{self.uri(key)} is archived.")
        return super().read_pieces(key, size, etag)


@pytest.fixture(params=["corrupt", "gone", "forbidden", "archived"])
def unreadable(request, tmp_path):
    """A day with one good object and one that cannot be read: its world, name and listing."""
    world = World(tmp_path)
    world.stores["reef"] = Forbidden(tmp_path / "reef")
    bad = name({"forbidden": "SECRET", "archived": "COLD"}.get(request.param, "BAD"))
    world.deliver(line(), name("GOOD"))
    world.deliver(BROKEN_GZIP if request.param == "corrupt" else line("b.txt"), bad)
    listing = world.listing()
    if request.param == "gone":
        world.remove(bad)
    return world, bad, listing


def test_an_unreadable_object_fails_the_day_by_name_and_leaves_it_open(unreadable):
    world, bad, listing = unreadable
    with pytest.raises(UnreadableObjectError) as error:
        world.reduce(listing=listing)
    assert world.stores["reef"].uri(bad) in str(error.value)
    assert "S3LOGS_ON_UNREADABLE=skip" in str(error.value)
    assert load_checkpoint(world.lake, "reduced", DAY) is None
    assert open_days(world.lake) == {str(DAY)}


def test_an_unreadable_object_can_be_skipped_and_is_counted_and_kept_in_quarantine(unreadable):
    world, bad, listing = unreadable
    checkpoint = world.reduce(listing=listing, on_unreadable="skip").checkpoint
    assert checkpoint.counts["unreadable_objects"] == 1
    assert checkpoint.counts["log_objects"] == 2
    assert [row["object_key"] for row in world.rows(checkpoint)] == ["a.txt"]
    (entry,) = world.quarantine(checkpoint)
    assert (entry["source"], entry["log_object"], entry["line_number"], entry["raw"]) == (
        "reef",
        bad,
        None,
        None,
    )
    assert entry["reason"].startswith("unreadable: ")
    assert_reconciled(world, checkpoint)


def test_an_object_with_half_its_gzip_content_adds_none_of_its_lines(world):
    packed = gzip.compress(b"".join(line(f"{n}.txt") for n in range(200)))
    world.deliver(packed[: len(packed) // 2])
    counts = world.reduce(on_unreadable="skip").checkpoint.counts
    assert (counts["lines"], counts["unreadable_objects"]) == (0, 1)


PIECE = 10_000  # instead of 8 MiB


@pytest.fixture
def small_pieces(tmp_path):
    """A world whose objects are read in small pieces."""
    return World(tmp_path, Limits(piece=PIECE))


def many(lines, start=0):
    """Lines that cannot be packed well."""
    return b"".join(line(Random(n).randbytes(100).hex()) for n in range(start, start + lines))


@pytest.mark.parametrize("on_unreadable", ["fail", "skip"])
def test_objects_of_many_pieces_give_the_same_bytes(world, small_pieces, on_unreadable):
    world.deliver(b"\xef\xbb\xbf" + many(300), name("A"))
    world.deliver(gzip.compress(many(300, 300)) + gzip.compress(many(300, 600) + GARBAGE), name("B"))
    world.deliver(many(300, 800) + b"no end", name("C"))
    in_pieces = small_pieces.reduce(rejection_limit=1, on_unreadable=on_unreadable).checkpoint
    whole = world.reduce(rejection_limit=1, on_unreadable=on_unreadable, force=True).checkpoint
    assert max(int(row["size"]) for row in world.objects(whole)) > 5 * PIECE
    assert in_pieces.counts == whole.counts
    assert (whole.counts["records"], whole.counts["exact_duplicates"]) == (1200, 100)
    digests = [{role: file.sha256 for role, file in one.files.items()} for one in (in_pieces, whole)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(("packing", "pack"), [("gzip", gzip.compress), ("bzip2", bz2.compress)])
def test_nothing_of_a_large_object_that_is_corrupt_at_its_end_counts(small_pieces, packing, pack):
    """And none of its lines makes a duplicate of the same line elsewhere."""
    world, packed = small_pieces, pack(many(5000))
    assert len(packed) > 20 * PIECE
    world.deliver(line(), name("A"))
    world.deliver(packed[:-5], name("B"))
    world.deliver(many(10), name("C"))
    checkpoint = world.reduce(on_unreadable="skip").checkpoint
    counts = checkpoint.counts
    assert (counts["lines"], counts["unreadable_objects"], counts["exact_duplicates"]) == (11, 1, 0)
    (entry,) = world.quarantine(checkpoint)
    assert (entry["log_object"], entry["line_number"], entry["raw"]) == (name("B"), None, None)
    assert entry["reason"].startswith(f"unreadable: broken {packing} content ({len(packed) - 5} bytes)")
    assert_reconciled(world, checkpoint)
    assert world.reduce().reused  # what an unreadable object does is no part of what the day was made from
    with pytest.raises(UnreadableObjectError, match=name("B")):
        world.reduce(force=True)


class Vanishing(LocalStore):
    """A source whose objects are gone when their third piece is asked for."""

    def read_pieces(self, key, size, etag=None):
        for n, piece in enumerate(super().read_pieces(key, size, etag)):
            if n == 2:
                raise NotFoundError(f"{self.uri(key)} does not exist.")
            yield piece


@pytest.mark.parametrize("on_unreadable", ["fail", "skip"])
def test_an_object_that_vanishes_in_its_middle_fails_the_day(small_pieces, on_unreadable):
    """Skipping it is no longer possible: lines of it are counted."""
    world = small_pieces
    world.stores["reef"] = Vanishing(world.stores["reef"].root, PIECE)
    world.deliver(many(300))
    with pytest.raises(UnreadableObjectError, match=name()) as error:
        world.reduce(on_unreadable=on_unreadable)
    assert ("S3LOGS_ON_UNREADABLE=skip" in str(error.value)) == (on_unreadable == "fail")
    assert load_checkpoint(world.lake, "reduced", DAY) is None


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_what_never_ends_a_line_is_no_log_object(tmp_path, pack):
    world = World(tmp_path, Limits(piece=PIECE, unpacked=PIECE, line=3 * PIECE))
    world.deliver(line(), name("A"))
    world.deliver(pack(line() + Random(1).randbytes(5 * PIECE).replace(b"\n", b"")), name("B"))
    with pytest.raises(UnreadableObjectError, match="a line is longer than 30000 bytes"):
        world.reduce()
    counts = world.reduce(on_unreadable="skip").checkpoint.counts
    assert (counts["lines"], counts["unreadable_objects"], counts["exact_duplicates"]) == (1, 1, 0)


def test_no_temporary_file_is_left_behind(world, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    world.deliver(line() + GARBAGE)
    with pytest.raises(TooManyRejectionsError):
        world.reduce()
    assert list((tmp_path / "temporary").iterdir()) == []
    world.reduce(rejection_limit=1)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_object_that_changed_after_it_was_listed_is_never_skipped_but_tried_again(world):
    world.deliver(line())
    listing = world.listing()
    world.deliver(line() + line("b.txt"))
    with pytest.raises(ChangedObjectError, match=name()):
        world.reduce(listing=listing, on_unreadable="skip")
    assert load_checkpoint(world.lake, "reduced", DAY) is None
    assert world.reduce(on_unreadable="skip").checkpoint.counts["reduced_rows"] == 2
