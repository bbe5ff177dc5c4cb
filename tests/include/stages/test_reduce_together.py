"""Reduce: small log objects are judged together, and what a day gives is as if each were alone."""

import base64
import bz2
import gzip
import json
from random import Random

import pytest

from include.s3logs.errors import NotFoundError, TooManyRejectionsError, UnreadableObjectError
from include.s3logs.logs.limits import Limits
from include.s3logs.parsing.parse import Selector
from include.s3logs.parsing.strict import Reason, lines, parse_line
from include.s3logs.stores.folder import LocalStore
from tests.support.paths import EXAMPLES
from tests.support.reduce_world import DAY, GARBAGE, World, assert_reconciled, line, name

NASTY = [json.loads(row)["line"].encode() for row in (EXAMPLES / "nasty_lines.jsonl").open()]
EXAMPLE_OBJECTS = [
    base64.b64decode(json.loads(row)["content_b64"]) for row in (EXAMPLES / "objects.jsonl").open()
]
MARK = b"\xef\xbb\xbf"
ALONE = Limits(small=0)
WAYS = [
    Limits(),
    Limits(together=0),
    Limits(small=2_000, together=5_000),
    Limits(small=400, unpacked=300),
    Limits(small=1_000, piece=700, together=10_000),
]


def broken(content):
    """Contents that nothing can be read of, whatever is in them."""
    packed = gzip.compress(content)
    return [packed[: len(packed) // 2], packed[:-3], packed + b"x", packed[:-8] + bytes(8), b"\x1f\x8bzz"]


def cut(seed, many, breaks):
    """Some log objects of nasty and ordinary lines, cut anywhere."""
    some = Random(seed)
    every = [*NASTY, *(line(f"{n}.txt", request_id=f"R{n}").rstrip() for n in range(50)), b"", b"x"]
    contents = []
    for n in range(many):
        texts = some.choices(every, k=some.choice([0, 0, 1, 2, 5, 12]))
        content = b"".join(text + some.choice([b"\n", b"\r\n", b"\n\n"]) for text in texts)
        content = some.choice([content, content, content[:-1], content[: some.randrange(len(content) + 1)]])
        content = some.choice([MARK, b"", b"", b""]) + content
        kinds = [content, content, content, content, gzip.compress(content), bz2.compress(content)]
        kinds += [gzip.compress(content) + gzip.compress(content + MARK) + bytes(some.randrange(3))]
        contents.append(some.choice(kinds if not breaks or n % 9 else broken(content)))
    return contents


DAYS = {
    "examples": EXAMPLE_OBJECTS,
    "one": cut(1, 1, False),
    "few": cut(2, 7, True),
    "some": cut(3, 120, True),
    "many": cut(4, 700, False),
    "empty": [b""] * 5,
    "blank": [b"\n", b"", MARK, b"\r\n", b"\r", MARK + b"\n\n"],
    "borders": [GARBAGE, b"", GARBAGE[:-1], b"", b"", b"\n" + GARBAGE, MARK + GARBAGE, GARBAGE[:-1] + b"\r"],
    "large between": [line("a"), line("b") * 900 + GARBAGE, GARBAGE, b"\n" * 3_000 + line("a") + GARBAGE],
}


def delivered(folder, contents):
    for n, content in enumerate(contents):
        path = folder / "reef" / name(f"{n:04}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def reduced(folder, limits=ALONE):
    """Return the world of what was delivered, and its checkpoint."""
    world = World(folder, limits)
    return world, world.reduce(force=True, rejection_limit=1, on_unreadable="skip").checkpoint


def told(checkpoint):
    return checkpoint.counts, {role: file.sha256 for role, file in checkpoint.files.items()}


@pytest.mark.parametrize("day", DAYS)
def test_a_day_gives_the_same_bytes_however_its_objects_are_judged_together(tmp_path, day):
    delivered(tmp_path, DAYS[day])
    world, alone = reduced(tmp_path)
    assert_reconciled(world, alone)
    for limits in WAYS:
        assert told(reduced(tmp_path, limits)[1]) == told(alone), limits


def test_thousands_of_nasty_objects_give_the_same_bytes(tmp_path):
    delivered(tmp_path, cut(5, 3_000, True))
    alone = told(reduced(tmp_path)[1])
    assert alone[0]["unreadable_objects"] > 100
    for limits in WAYS[::2]:
        assert told(reduced(tmp_path, limits)[1]) == alone, limits


def unpacked(content):
    return {b"\x1f\x8b": gzip.decompress, b"BZ": bz2.decompress}.get(content[:2], bytes)(content)


def test_each_line_is_counted_for_its_own_object(tmp_path):
    """What the strict path says of each object."""
    contents = cut(6, 300, False)
    delivered(tmp_path, contents)
    world, checkpoint = reduced(tmp_path, Limits())
    expected, quarantined = [], []
    for n, content in enumerate(contents):
        numbered = list(lines(unpacked(content)))
        bad = [(number, raw) for number, raw in numbered if isinstance(parse_line(raw), Reason)]
        expected.append((name(f"{n:04}"), str(len(numbered)), str(len(bad))))
        quarantined += [(name(f"{n:04}"), number, raw) for number, raw in bad]
    objects = world.objects(checkpoint)
    assert [(row["key"], row["lines"], row["rejections"]) for row in objects] == expected
    assert [
        (entry["log_object"], entry["line_number"], entry["raw"].encode("utf-8", "surrogateescape"))
        for entry in world.quarantine(checkpoint)
    ] == quarantined
    assert len(quarantined) > 100


@pytest.fixture
def passes(monkeypatch):
    """How many objects were judged in each pass."""
    found, select = [], Selector.select_joined
    monkeypatch.setattr(
        Selector, "select_joined", lambda self, some: (found.append(len(some)), select(self, some))[1]
    )
    return found


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_only_small_objects_are_judged_together_and_only_so_many(tmp_path, passes, pack):
    small, large = line() * 10, line() * 100
    limits = Limits(small=len(large), together=3 * len(small))
    delivered(tmp_path, [pack(content) for content in [small] * 7 + [large] + [small] * 2])
    reduced(tmp_path, limits)
    assert [many for many in passes if many] == [3, 3, 1, 2]


class Vanishing(LocalStore):
    """A source some of whose objects are gone when they are read."""

    def read_pieces(self, key, size, etag=None):
        if key.endswith("3"):
            raise NotFoundError(f"{self.uri(key)} does not exist.")
        return super().read_pieces(key, size, etag)


@pytest.mark.parametrize("limits", [ALONE, *WAYS])
def test_what_cannot_be_read_stands_in_quarantine_where_its_turn_was(tmp_path, limits):
    world = World(tmp_path, limits)
    world.stores["reef"] = Vanishing(world.stores["reef"].root, limits.piece)
    for n in range(6):
        world.deliver(GARBAGE, name(f"{n}"))
    checkpoint = world.reduce(rejection_limit=1, on_unreadable="skip").checkpoint
    assert [(entry["log_object"][-1], entry["line_number"]) for entry in world.quarantine(checkpoint)] == [
        ("0", 1),
        ("1", 1),
        ("2", 1),
        ("3", None),
        ("4", 1),
        ("5", 1),
    ]
    with pytest.raises(UnreadableObjectError, match=f"{name('3')} does not exist"):
        world.reduce(rejection_limit=1, force=True)


@pytest.mark.parametrize("limits", [ALONE, *WAYS])
def test_a_day_that_cannot_end_well_stops_at_the_same_object(tmp_path, limits):
    """And before the one that cannot be read is said to be so."""
    world = World(tmp_path, limits, rejections=20)
    for n in range(20):
        world.deliver(GARBAGE * 5 + line(), name(f"{n:02}"))
    world.deliver(b"\x1f\x8bzz", name("99"))
    with pytest.raises(TooManyRejectionsError, match=f"80 of the first 96 lines of log day {DAY}"):
        world.reduce(rejection_limit=0.3)
