"""A manifest that makes no sense is none: never a hang, never another content than digests prove."""

import hashlib
import json
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.errors import CorruptRollUpError, S3LogsError
from include.s3logs.logs.decompress import CorruptObjectError, unpack
from include.s3logs.logs.reading import read_ahead
from include.s3logs.logs.rolled_up.manifest import Manifest
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.planning import plan
from include.s3logs.stores.folder import LocalStore
from tests.include.logs.rolled_up.test_rolled_up_days import DAYS, LEVELS, NOW, World, deliver

DAY = DAYS[1]
KEY = f"logs/{DAY}.manifest.json"
DIGEST = "0" * 64


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    source = LocalStore(folder / "source")
    deliver(source)
    world = World(folder, source, source)
    world.contents = {o: content for day in DAYS for o, content in contents(world, day)}
    world.roll_up(originals="delete")
    world.manifest = json.loads(source.read(KEY))
    return world


def contents(world, day):
    """Yield each log object of a day with the digest of its content, or why it cannot be read."""
    listing = find_log_objects(world.stores, day, day)
    for log_object, content in read_ahead(world.stores, listing.of(day), listing.places):
        try:
            yield log_object, hashlib.sha256(b"".join(unpack(content()))).hexdigest()
        except (CorruptObjectError, S3LogsError) as error:
            yield log_object, error


NONSENSE = {
    "level": ["hour", "", None, 5, []],
    "interval": ["2024-06-02", "2024-06", "", None, {}],
    "codec": ["gzip", "none", "", None, []],
    "tagged": [5, []],
    "replaces": [5, "", [1], {"key": 1}],
    "other": ["unknown"],
    "rollup": [None, 5, [], {}],
    "objects": [None, 5, [5], [{}], []],
}
NONSENSE_OF_FILE = {
    "key": ["", None, 5, "logs/2024-06-02.zst", "logs/2024-06-01.gz", "logs/2024-06-01"],
    "size": [-1, 1 << 63, 1.5, True, None, "5"],
    "bytes": [-1, 1 << 63, 0, 1.5, None],
    "lines": [-1, 1 << 63, 0, math.nan, None],
    "sha256": ["", "0" * 63, "G" * 64, None, 5],
    "content_sha256": ["", "0" * 65, DIGEST + "\n", None],
    "etag": ["", 5, []],
}
NONSENSE_OF_MEMBER = {
    "source": [None, 5, "", "relative", "http://bucket/"],
    "key": [
        *[None, 5, "", "2024-06-01", "logs/2024-06-02-00-00-00-A", "logs/2024-06-01-25-00-00-A"],
        *["../2024-06-01-00-00-00-A", "/logs/2024-06-01-00-00-00-A", "a//2024-06-01-00-00-00-A"],
        *["logs/2024-06-01-00-00-00-A/..", "./2024-06-01-00-00-00-A", "logs/2024-06-01.log"],
    ],
    "size": [-1, 1 << 63, 1.5, None],
    "etag": [None, 5],
    "lines": [-1, 1 << 63, 77, None],
    "sha256": ["", DIGEST[1:], "0" * 65, None],
    "offset": [-1, -5, -(1 << 70), 1 << 63, 1.5, None, 1],
    "bytes": [-1, 1 << 63, 1 << 40, 1.5, None, 1],
}


def cases():
    for name, values in NONSENSE.items():
        yield from ((f"{name}={value!r:.30}", lambda m, n=name, v=value: m | {n: v}) for value in values)
    for name, values in NONSENSE_OF_FILE.items():
        for value in values:
            change = {name: value}
            yield f"rollup.{name}={value!r:.30}", lambda m, c=change: m | {"rollup": m["rollup"] | c}
    for name, values in NONSENSE_OF_MEMBER.items():
        for value in values:
            yield f"objects.{name}={value!r:.30}", lambda m, n=name, v=value: with_member(m, 0, {n: v})
    yield "twice", lambda m: m | {"objects": [*m["objects"], m["objects"][-1]]}
    yield "one missing", lambda m: m | {"objects": m["objects"][1:]}
    yield "turned round", lambda m: with_member(m, 0, {"offset": m["objects"][3]["offset"]})


def with_member(manifest, number, values):
    objects = list(manifest["objects"])
    objects[number] = objects[number] | values
    return manifest | {"objects": objects}


CASES = dict(cases())


@pytest.mark.parametrize("change", CASES.values(), ids=CASES)
def test_a_manifest_with_a_value_that_makes_no_sense_is_none(world, change):
    data = json.dumps(change(world.manifest)).encode()
    with pytest.raises(ValueError, match="not a manifest of format 1: "):
        Manifest.from_json(data, KEY)


def test_its_day_is_unreadable_and_the_plan_says_so(world):
    right = world.source.read(KEY)
    world.source.write(KEY, json.dumps(with_member(world.manifest, 0, {"offset": -5})).encode())
    try:
        listing = find_log_objects(world.stores, DAY, DAY)
        (why,) = listing.places.values()
        assert isinstance(why, CorruptRollUpError)
        assert "'logs/2024-06-01-00-00-00-A'" in str(why)
        world.source.write(f"logs/{DAY}-12-00-00-L", b"late\n")
        (planned,) = plan(world.source, {"": world.source}, RollUpOptions(), NOW).intervals
        assert planned.remark.startswith("would fail: ")
    finally:
        world.source.write(KEY, right)
        world.source.delete([f"logs/{DAY}-12-00-00-L"])


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_written_makes_sense(tmp_path, level):
    source = LocalStore(tmp_path / "source")
    deliver(source)
    source.write("logs/2024-06-30-23-59-59-Z", b"the last moment of a month\n")
    source.write("logs/2024/06/30/2024-06-30-00-00-00-Z", b"in folders")
    World(tmp_path, source, source).roll_up(level=level)
    found = [info.key for info in source.list() if info.key.endswith(".json")]
    assert found
    for key in found:
        assert Manifest.from_json(source.read(key), key).to_json() == source.read(key)


def paths(node, path=()):
    """Yield the path of every value."""
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        yield from paths(child, (*path, name))


def put(node, path, value):
    if not path:
        return value
    copied = dict(node) if isinstance(node, dict) else list(node)
    copied[path[0]] = put(node[path[0]], path[1:], value)
    return copied


def got(node, path):
    return got(node[path[0]], path[1:]) if path else node


SCALARS = st.none() | st.booleans() | st.integers() | st.integers(-9, 999) | st.text(max_size=9)
VALUES = SCALARS | st.just(DIGEST) | st.lists(SCALARS, max_size=2)


@given(data=st.data())
def test_no_manifest_gives_a_content_that_its_digests_do_not_prove(world, data):
    """A value becomes another one, or that of another place; what is read then, if anything, is proven."""
    manifest, right = world.manifest, world.source.read(KEY)
    among = list(paths(manifest))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(among))
        other = st.sampled_from(among).map(lambda path: got(world.manifest, path))
        with suppress(KeyError, IndexError, TypeError):  # it is in what was replaced before
            manifest = put(manifest, path, data.draw(VALUES | other))
    world.source.write(KEY, json.dumps(manifest).encode())
    try:
        for log_object, found in contents(world, DAY):
            if isinstance(found, str):
                assert found in world.contents.values()
                assert found in [m["sha256"] for m in manifest["objects"] if m["key"] == log_object.key]
    finally:
        world.source.write(KEY, right)
