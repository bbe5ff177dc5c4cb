"""The same log object from another place, or stored once more, never doubles its lines."""

import gzip
import os
from collections import Counter
from datetime import UTC, datetime

import pytest

from include.s3logs.errors import PermanentError
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.store import PIECE
from tests.support.killing_store import Effects, KillingStore
from tests.support.rolled_up import lines, prove, rollups

NOW = datetime.now(UTC)
DAY = Interval("logs/", "day", "2026-10-21")
NAMES = [f"logs/2026-10-21-11-16-03-{number:016X}" for number in range(3)]
DATED = "logs/2026/10/21/" + NAMES[0].removeprefix("logs/")
OBJECTS = {NAMES[0]: b"one\ntwo", NAMES[1]: b"", NAMES[2]: gzip.compress(b"three\n" * 3)}
ALL = Counter({b"one": 1, b"two": 1, b"three": 3})


def put(store, objects=OBJECTS):
    for key, data in objects.items():
        store.write(key, data)
    return store


def keys(store):
    return [info.key for info in store.list()]


@pytest.fixture
def source(tmp_path):
    return put(LocalStore(tmp_path / "source"))


@pytest.fixture
def destination(tmp_path):
    return LocalStore(tmp_path / "destination")


def run(destination, *sources, **flags):
    """Roll up; return the result and the number of side effects."""
    effects = Effects()
    stores = {str(n): store for n, store in enumerate(sources)}
    result = roll_up(KillingStore(destination, effects), stores, DAY, RollUpOptions(**flags), NOW)
    return result, effects.done


def members(destination):
    return prove(destination)["logs/2026-10-21"]["objects"]


def touched(source, tmp_path):
    for key in OBJECTS:
        os.utime(source.root / key, ns=(1, 1))
    return source


def renamed(source, tmp_path):
    source.root.rename(tmp_path / "renamed")
    return LocalStore(tmp_path / "renamed")


def linked(source, tmp_path):
    (tmp_path / "link").symlink_to(source.root)
    return LocalStore(tmp_path / "link")


def packed(source, tmp_path):
    return put(source, {NAMES[0]: gzip.compress(OBJECTS[NAMES[0]])})


def in_a_folder(source, tmp_path):
    source.delete([NAMES[0]])
    return put(source, {DATED: OBJECTS[NAMES[0]]})


def put_back(source, tmp_path):
    source.delete(OBJECTS)
    return put(source)


CHANGES = [touched, renamed, linked, packed, in_a_folder, put_back]


@pytest.mark.parametrize("codec", ["zstd", "none"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_same_object_elsewhere_or_stored_anew_is_the_one_that_is_held(
    change, codec, source, destination, tmp_path
):
    run(destination, source)
    stored = destination.find("logs/2026-10-21.zst")
    changed = change(source, tmp_path)
    result, effects = run(destination, changed, codec=codec)
    assert (result["outcome"], result["added"], result["held"], effects) == ("reused", 0, 3, 1)
    assert lines(destination) == ALL
    assert destination.find("logs/2026-10-21.zst") == stored
    # The manifest knows it now: nothing is read or written any more, and it may go.
    found = {(changed.uri(), info.key, info.etag) for info in changed.list()}
    assert {(m["source"], m["key"], m["etag"]) for m in members(destination)} == found
    result, effects = run(destination, changed)
    assert (result["kept"], result["verified"], effects) == (3, False, 0)
    assert run(destination, changed, originals="delete")[0]["deleted"] == 3
    assert keys(changed) == []


@pytest.mark.parametrize("change", CHANGES)
def test_it_goes_at_once_where_originals_go(change, source, destination, tmp_path):
    run(destination, source)
    changed = change(source, tmp_path)
    result, _ = run(destination, changed, originals="delete")
    assert (result["added"], result["deleted"], keys(changed)) == (0, 3, [])
    assert lines(destination) == ALL


def test_copies_beside_new_objects(source, destination, tmp_path):
    run(destination, source)
    changed = put(renamed(source, tmp_path), {"logs/2026-10-21-11-16-03-NEW": b"new\n"})
    result, _ = run(destination, changed, originals="delete")
    assert (result["outcome"], result["added"], result["deleted"]) == ("computed", 1, 4)
    assert lines(destination) == ALL + Counter([b"new"])
    assert {m["source"] for m in members(destination)} == {changed.uri()}


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_copies_in_one_run_count_once_and_do_not_take_turns(overwrite, source, destination, tmp_path):
    other = put(LocalStore(tmp_path / "other"))
    result, _ = run(destination, source, other, overwrite=overwrite)
    assert (result["found"], result["added"], result["kept"]) == (6, 3, 6)
    assert lines(destination) == ALL
    assert run(destination, source, other)[1] == 0
    assert run(destination, source, other, originals="delete")[0]["deleted"] == 6
    assert keys(source) == keys(other) == []
    assert lines(destination) == ALL
    prove(destination)


def test_a_copy_that_appears_later_takes_over_when_the_other_is_gone(source, destination, tmp_path):
    run(destination, source)
    other = put(LocalStore(tmp_path / "other"))
    assert run(destination, source, other)[1] == 0
    source.delete(OBJECTS)
    assert run(destination, source, other)[1] == 1
    assert {m["source"] for m in members(destination)} == {other.uri()}
    assert lines(destination) == ALL


def test_large_ones_are_compared_too(source, destination, tmp_path):
    large = b"".join(b"%015d\n" % n for n in range(PIECE // 16 * 2 + 7))
    put(source, {NAMES[1]: large})
    run(destination, source)
    put(source, {NAMES[1]: large})
    assert run(destination, source)[0]["added"] == 0
    put(source, {NAMES[1]: large[:-16] + b"another content\n"})
    assert run(destination, source)[0]["added"] == 1
    assert len(members(destination)) == 4


def test_another_name_or_another_content_is_another_object(source, destination):
    run(destination, source)
    put(source, {"logs/2026-10-21-11-16-03-COPY": b"one\ntwo", NAMES[0]: b"one\n"})
    assert run(destination, source)[0]["added"] == 2
    assert lines(destination) == ALL + Counter({b"one": 2, b"two": 1})
    put(source)  # the first content once more
    assert run(destination, source)[0]["added"] == 0
    assert len(members(destination)) == 5


@pytest.mark.parametrize("change", CHANGES)
def test_overwrite_takes_the_same_content_from_wherever_it_is(change, source, destination, tmp_path):
    run(destination, source)
    changed = change(source, tmp_path)
    assert run(destination, changed, overwrite=True)[0]["added"] == 3
    assert lines(destination) == ALL
    put(changed, {NAMES[2]: b"other\n"})
    with pytest.raises(PermanentError, match=rf"of its 3 log objects 1 are gone or changed.*{NAMES[2]}"):
        run(destination, changed, overwrite=True)
    assert lines(destination) == ALL


def test_a_copied_bucket(s3, bucket):
    """`copy_object` keeps the ETag of such objects, and uploads in parts have another one."""
    first, second = S3Store(s3.client, bucket, "first/"), S3Store(s3.client, bucket, "second/")
    put(first)
    options = {"originals": "tag", "tag": ("state", "rolled up")}
    run(first, first, **options)
    for key in [*OBJECTS, *(k for k in keys(first) if k not in OBJECTS)]:
        origin = {"Bucket": bucket, "Key": f"first/{key}"}
        s3.client.copy_object(Bucket=bucket, Key=f"second/{key}", CopySource=origin, TaggingDirective="COPY")
        if key == NAMES[0]:
            s3.client.put_object_tagging(Bucket=bucket, Key=f"second/{key}", Tagging={"TagSet": []})
    result, _ = run(second, second, **options)
    assert (result["added"], result["tagged"]) == (0, 3)
    tags = s3.client.get_object_tagging(Bucket=bucket, Key=f"second/{NAMES[0]}")["TagSet"]
    assert tags == [{"Key": "state", "Value": "rolled up"}]
    assert rollups(second) == rollups(first)
    assert run(second, second, originals="delete")[0]["deleted"] == 3
    assert lines(second) == ALL
