"""The rejection limit stops a day that cannot end well before its end, and never one that can."""

import gzip

import pytest

from include.s3logs.errors import TooManyRejectionsError
from include.s3logs.lake.checkpoint import load_checkpoint
from include.s3logs.quarantine.file import QuarantineFile
from tests.support.reduce_world import DAY, GARBAGE, World, line, name

MANY = 200_000


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, rejections=100)


@pytest.fixture
def quarantined(monkeypatch):
    """How many lines went to the quarantine."""
    lines, add = [], QuarantineFile.add
    monkeypatch.setattr(QuarantineFile, "add", lambda self, *line: (lines.append(line), add(self, *line))[1])
    return lines


def test_a_small_object_that_unpacks_to_very_many_bad_lines_is_not_unpacked_to_its_end(world, quarantined):
    world.deliver(gzip.compress(b"x\n" * MANY))
    with pytest.raises(TooManyRejectionsError) as error:
        world.reduce()
    first, *examples = str(error.value).split("\n")
    read = len(quarantined)
    assert 100 <= read < MANY / 2
    assert first.startswith(f"{read} of the first {read} lines of log day {DAY}, which stops here, have no")
    assert "S3LOGS_REJECTION_LIMIT=0.05" in first
    assert examples == [f"  {name()} line {n}: header fields malformed" for n in (1, 2, 3)]
    assert load_checkpoint(world.lake, "reduced", DAY) is None


def test_objects_that_come_after_it_are_not_read(world, quarantined):
    for unique in "ABCDEFGH":
        world.deliver(GARBAGE * 300, name(unique))
    with pytest.raises(TooManyRejectionsError, match=r"of the first \d+ lines"):
        world.reduce()
    assert len(quarantined) < 8 * 300


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_day_whose_first_object_is_all_bad_and_whose_rest_is_good_passes(world, pack):
    good = b"".join(line(request_id=f"{n * 2654435761 % 2**64:016X}") for n in range(200 * 19))
    world.deliver(GARBAGE * 200, name("A"))
    world.deliver(pack(good), name("B"))
    counts = world.reduce(rejection_limit=0.05).checkpoint.counts
    assert (counts["rejections"], counts["lines"]) == (200, 200 * 20)


def test_below_so_many_rejections_a_day_is_read_to_its_end(tmp_path):
    world = World(tmp_path, rejections=301)
    for unique in "ABC":
        world.deliver(GARBAGE * 100, name(unique))
    with pytest.raises(TooManyRejectionsError, match=f"300 of 300 lines of log day {DAY} have"):
        world.reduce()


def test_a_quarantine_has_a_bound_whatever_is_to_come(tmp_path, quarantined):
    world = World(tmp_path, quarantine=100_000)
    for unique in "ABCDEF":
        world.deliver(b"x" * 50_000 + b"\n", name(unique))
    world.deliver(line() * 10_000, name("G"))
    with pytest.raises(TooManyRejectionsError, match=r"2 of the first 2 lines .* stops here"):
        world.reduce()
    assert len(quarantined) == 2


def test_what_is_allowed_has_none(tmp_path):
    world = World(tmp_path, quarantine=100, rejections=1)
    world.deliver(GARBAGE * 300)
    assert world.reduce(rejection_limit=1).checkpoint.counts["rejections"] == 300
