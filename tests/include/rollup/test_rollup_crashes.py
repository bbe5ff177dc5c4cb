"""Whatever step an attempt dies in, the next one ends with every line exactly once; nothing is lost."""

import gzip
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from include.s3logs.errors import AccessDeniedError
from include.s3logs.logs.rolled_up.codecs import CODECS
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.planning import plan
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from tests.support.killing_store import Effects, Killed, KillingStore
from tests.support.rolled_up import lines, prove, rollups

NOW = datetime.now(UTC)
INTERVALS = {"10min": "2026-10-21-11-10", "hour": "2026-10-21-11", "day": "2026-10-21", "month": "2026-10"}
EARLY = {
    "logs/2026-10-21-11-11-00-A0": b"first\nsecond\n",
    "logs/2026-10-21-11-12-00-A1": b"no newline at the end",
    "logs/2026-10-21-11-13-00-A2": b"",
    "logs/2026-10-21-11-14-00-A3": gzip.compress(b"packed one\npacked two\n"),
}
LATE = {"logs/2026-10-21-11-10-00-B0": b"late\n", "logs/2026-10-21-11-19-59-B1": b"later, without newline"}
TEXT = {
    b"A": [b"first", b"second", b"no newline at the end", b"packed one", b"packed two"],
    b"B": [b"late", b"later, without newline"],
}
ALL = Counter(TEXT[b"A"] + TEXT[b"B"])
FORBIDDEN = "logs/2026-10-21-11-15-00-C0"


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """A process that is killed leaves what it wrote to the system; only a power cut needs fsync."""
    monkeypatch.setattr("include.s3logs.stores.folder.os.fsync", lambda _: None)


class Folder(LocalStore):
    """A folder whose objects can be tagged, and in which one may not be read."""

    def __init__(self, root):
        super().__init__(root)
        self.tags = {}

    def read_pieces(self, key, size, etag=None):
        if key == FORBIDDEN:
            raise AccessDeniedError(f"{key} may not be read.")
        return super().read_pieces(key, size, etag)

    def tag_versions(self, versions, name, value):
        self.tags |= dict.fromkeys(versions, (name, value))
        return {}


class Scene:
    """A source and a destination, and the attempts at one interval."""

    def __init__(self, source, destination, level):
        self.source, self.destination = source, destination
        self.interval = Interval("logs/", level, INTERVALS[level])

    def put(self, objects):
        for key, data in objects.items():
            self.source.write(key, data)

    def run(self, options, fatal=None, now=NOW):
        """Make one attempt, which dies before its side effect `fatal`; return its result and effects."""
        effects = Effects(fatal)
        destination = KillingStore(self.destination, effects)
        same = self.source is self.destination
        stores = {"source": destination if same else KillingStore(self.source, effects)}
        return roll_up(destination, stores, self.interval, options, now), effects.done

    def originals(self):
        """Return the lines of the log objects that are still there."""
        found = Counter()
        for info in self.source.list():
            if info.key in EARLY | LATE:
                data = self.source.read(info.key)
                data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
                found.update(data.removesuffix(b"\n").split(b"\n") if data else [])
        return found

    def nothing_lost(self):
        """Check that each line is in a log object or in a roll-up."""
        assert set(ALL) <= set(self.originals()) | set(lines(self.destination))

    def nothing_early(self, options):
        """Check that before the roll-up nothing was tagged, and nothing deleted that may not be read."""
        if self.source.tags or (options.delete_forbidden and not self.source.find(FORBIDDEN)):
            assert lines(self.destination) == ALL


def folders(tmp_path, level, same=False):
    source = Folder(tmp_path / "source")
    return Scene(source, source if same else LocalStore(tmp_path / "destination"), level)


# What was done before the attempt that dies, and how that differs from this one.
FIRST = {"codec": "zstd", "originals": "keep"}
SCENARIOS = {
    "new, keep": (None, {}),
    "new, delete": (None, {"originals": "delete"}),
    "new, gzip": (None, {"codec": "gzip", "originals": "delete"}),
    "new, open included": (None, {"include_open": True, "originals": "delete"}),
    "late objects, keep": ({}, {}),
    "late objects, delete": ({}, {"originals": "delete"}),
    "late objects, originals gone": ({"originals": "delete"}, {"originals": "delete"}),
    "late objects, originals gone, keep": ({"originals": "delete"}, {}),
    "late objects, plain": (
        {"codec": "none", "originals": "delete"},
        {"codec": "none", "originals": "delete"},
    ),
    "late objects, bzip2": (
        {"codec": "bzip2", "originals": "delete"},
        {"codec": "bzip2", "originals": "delete"},
    ),
    "other codec": ({"originals": "delete"}, {"codec": "gzip", "originals": "delete"}),
    "other codec, keep": ({}, {"codec": "none"}),
    "new, tag": (None, {"originals": "tag"}),
    "late objects, tag": ({"originals": "tag"}, {"originals": "tag"}),
    "other codec, tag": ({}, {"codec": "gzip", "originals": "tag"}),
    "new, delete forbidden": (None, {"originals": "delete", "delete_forbidden": True}),
    "late objects, delete forbidden": (
        {"originals": "delete"},
        {"originals": "delete", "delete_forbidden": True},
    ),
    "overwrite": ({}, {"overwrite": True}),
    "overwrite, delete": ({}, {"overwrite": True, "originals": "delete"}),
    "overwrite, other codec": ({}, {"overwrite": True, "codec": "bzip2"}),
}


def prepared(scene, before):
    """Bring a scene to where the attempt that dies begins."""
    scene.put(EARLY)
    if before is not None:
        scene.run(RollUpOptions(level=scene.interval.level, **{**FIRST, **before}))
    scene.put(LATE)
    return scene


def finished(scene, options):
    """Check what has to be true after an attempt that got through."""
    assert lines(scene.destination) == ALL
    assert len(rollups(scene.destination)) == 1
    (manifest,) = prove(scene.destination).values()
    assert manifest["codec"] == options.codec
    assert len(manifest["objects"]) == len(EARLY) + len(LATE)
    kept = [info.key for info in scene.source.list() if info.key in EARLY | LATE]
    if options.originals == "delete":
        assert kept == []
    elif options.originals == "tag" and isinstance(scene.source, Folder):
        tags = {version.key: tag for version, tag in scene.source.tags.items()}
        assert tags == dict.fromkeys(kept, options.tag)
        assert len(kept) == len(EARLY) + len(LATE)
    if options.delete_forbidden:
        assert scene.source.find(FORBIDDEN) is None


PLACES = [(level, False) for level in INTERVALS] + [("day", True)]


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize(("level", "same"), PLACES, ids=[*INTERVALS, "day, same folder"])
def test_killed_before_every_side_effect(level, name, same, tmp_path):
    before, flags = SCENARIOS[name]
    options = RollUpOptions(level=level, **{**FIRST, **flags})
    # After some kills the only copy of some originals is the roll-up: overwrite refuses then, rightly.
    again = replace(options, overwrite=False)
    for fatal in count():
        scene = folders(tmp_path / str(fatal), level, same)
        if options.delete_forbidden:
            scene.put({FORBIDDEN: b"not for us\n"})
        prepared(scene, before)
        scene.source.tags.clear()  # what counts is what is tagged from here on
        try:
            scene.run(options, fatal)
        except Killed:
            scene.nothing_lost()
            scene.nothing_early(options)
            scene.run(options if options.originals == "keep" else again)
            finished(scene, options)
            result, effects = scene.run(again)
            assert (result["outcome"], effects) == ("reused", 0)
        else:
            finished(scene, options)
            break
    assert fatal >= 4  # its own manifest, the roll-up, the manifest, and its own manifest again


@pytest.mark.parametrize("name", ["new, delete", "late objects, originals gone", "other codec"])
def test_killed_twice(name, tmp_path):
    before, flags = SCENARIOS[name]
    options = RollUpOptions(**{**FIRST, **flags})
    for first in count():
        for second in count():
            scene = prepared(folders(tmp_path / f"{first}-{second}", "day"), before)
            try:
                scene.run(options, first)
                return
            except Killed:
                pass
            try:
                scene.run(options, second)
            except Killed:
                scene.nothing_lost()
                scene.run(options)
                finished(scene, options)
            else:
                finished(scene, options)
                break


@pytest.mark.parametrize("originals", ["keep", "delete"])
@pytest.mark.parametrize("codec", ["zstd", "gzip"])
def test_killed_where_the_same_objects_were_stored_once_more(codec, originals, tmp_path):
    """Only the manifest changes then, whatever codec is wanted now."""
    options = RollUpOptions(codec=codec, originals=originals)
    for fatal in count():
        scene = folders(tmp_path / str(fatal), "day")
        scene.put(EARLY | LATE)
        scene.run(RollUpOptions(originals="keep"))
        (rolled_up,) = rollups(scene.destination)
        before = scene.destination.find(rolled_up)
        scene.put(EARLY | LATE)  # other ETags
        try:
            result, _ = scene.run(options, fatal)
            assert result["added"] == 0
        except Killed:
            scene.nothing_lost()
            scene.run(options)
        finished(scene, RollUpOptions(originals=originals))
        assert scene.destination.find(rolled_up) == before
        assert scene.run(options)[1] == 0
        if fatal > 8:
            break


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("other", CODECS)
def test_killed_then_run_with_another_codec(codec, other, tmp_path):
    """What the first attempt left behind stays while it may still be alive: a day."""
    for fatal in count():
        scene = prepared(folders(tmp_path / str(fatal), "day"), {"codec": "zstd", "originals": "delete"})
        try:
            scene.run(RollUpOptions(codec=codec, originals="delete"), fatal)
        except Killed:
            scene.run(RollUpOptions(codec=other, originals="delete"))
            scene.nothing_lost()
            # A day later: the files of the attempts are as old as they would be then.
            scene.run(RollUpOptions(codec=other), now=NOW + timedelta(days=2))
            assert lines(scene.destination) == ALL
            prove(scene.destination)
        else:
            break


@pytest.mark.parametrize("codec", ["zstd", "gzip"])
def test_objects_that_come_while_an_attempt_is_dead_are_added(codec, tmp_path):
    options = RollUpOptions(codec=codec, originals="delete")
    for fatal in count():
        scene = folders(tmp_path / str(fatal), "day")
        scene.put(EARLY)
        scene.run(RollUpOptions(codec="zstd", originals="delete"))
        (first, *others) = LATE.items()
        scene.put(dict([first]))
        try:
            scene.run(options, fatal)
        except Killed:
            scene.put(dict(others))
            scene.run(options)
            finished(scene, options)
        else:
            break


def test_killed_before_there_was_a_roll_up_and_then_the_objects_went(tmp_path):
    """They expired, or are in the roll-up of another level: nothing is left to do, and that is seen."""
    scene = folders(tmp_path, "day")
    scene.put(EARLY)
    with pytest.raises(Killed):
        scene.run(RollUpOptions(), fatal=1)
    scene.source.delete(EARLY)
    assert scene.run(RollUpOptions())[1] == 0  # the attempt may still be at work
    later = NOW + timedelta(days=2)
    assert scene.run(RollUpOptions(), now=later)[1] == 1
    assert plan(scene.destination, {"": scene.source}, RollUpOptions(), later).intervals == []
    assert list(scene.destination.list()) == []


@pytest.mark.parametrize("name", ["new, delete", "late objects, originals gone", "other codec"])
def test_killed_on_s3(name, s3, bucket):
    before, flags = SCENARIOS[name]
    options = RollUpOptions(**{**FIRST, **flags})
    for fatal in count():
        store = S3Store(s3.client, bucket, f"{fatal}/")
        scene = prepared(Scene(store, store, "day"), before)
        try:
            scene.run(options, fatal)
        except Killed:
            scene.nothing_lost()
            scene.run(options)
            finished(scene, options)
        else:
            finished(scene, options)
            break


def test_tagging_killed_on_s3(s3, bucket):
    options = RollUpOptions(originals="tag", tag=("state", "rolled up"))
    for fatal in count():
        store = S3Store(s3.client, bucket, f"{fatal}/")
        scene = prepared(Scene(store, store, "day"), {})
        try:
            scene.run(options, fatal)
        except Killed:
            scene.run(options)
        finished(scene, options)
        for key in EARLY | LATE:
            tags = s3.client.get_object_tagging(Bucket=bucket, Key=f"{fatal}/{key}")["TagSet"]
            assert tags == [{"Key": "state", "Value": "rolled up"}]
        result, effects = scene.run(options)
        assert (result["tagged"], effects) == (6, 0)
        if fatal > 12:
            break
