"""Originals that an attempt did not read itself are compared before any of them is deleted or tagged."""

import gzip
import hashlib
import json
from datetime import UTC, datetime

import pytest

from include.s3logs.errors import AccessDeniedError
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store

NOW = datetime.now(UTC)
DAY = Interval("logs/", "day", "2026-10-21")
NAMES = [f"logs/2026-10-21-11-16-03-{n}" for n in "ABC"]
OBJECTS = {NAMES[0]: b"one\n", NAMES[1]: gzip.compress(b"two\nthree"), NAMES[2]: b""}
FORGED = b"nothing\n"


class Reading(LocalStore):
    """A folder that notes what is read, and in which some may not be."""

    def __init__(self, root):
        super().__init__(root)
        self.reads, self.forbidden, self.tags = [], set(), {}

    def read_pieces(self, key, size, etag=None):
        if key in self.forbidden:
            raise AccessDeniedError(f"{key} may not be read.")
        self.reads.append(key)
        return super().read_pieces(key, size, etag)

    def tag_versions(self, versions, name, value):
        self.tags |= dict.fromkeys(versions, (name, value))
        return {}


@pytest.fixture
def source(tmp_path):
    store = Reading(tmp_path / "source")
    for key, data in OBJECTS.items():
        store.write(key, data)
    return store


@pytest.fixture
def destination(tmp_path):
    return LocalStore(tmp_path / "destination")


def run(source, destination, **flags):
    return roll_up(destination, {"": source}, DAY, RollUpOptions(**flags), NOW)


def forge(source, destination, of=tuple(NAMES), attempt=False):
    """Write a roll-up and a manifest that agree with each other, and name originals whose lines they lack."""
    members, offset = [], 0
    for key in of:
        info = source.find(key)
        digest = hashlib.sha256(FORGED).hexdigest()
        told = {"source": source.uri(), "key": key, "size": info.size, "etag": info.etag, "lines": 1}
        members.append(told | {"sha256": digest, "offset": offset, "bytes": len(FORGED)})
        offset += len(FORGED)
    content = FORGED * len(members)
    digest = hashlib.sha256(content).hexdigest()
    destination.write("logs/2026-10-21", content)
    etag = None if attempt else destination.find("logs/2026-10-21").etag
    rollup = {"key": "logs/2026-10-21", "size": len(content), "bytes": len(content), "lines": len(members)}
    rollup |= {"sha256": digest, "content_sha256": digest, "etag": etag}
    manifest = {"format": 1, "level": "day", "interval": "2026-10-21", "codec": "none", "rollup": rollup}
    key = DAY.attempt_key("0" * 16) if attempt else DAY.manifest_key
    destination.write(key, json.dumps(manifest | {"objects": members}).encode())


@pytest.mark.parametrize("attempt", [False, True], ids=["manifest", "attempt"])
@pytest.mark.parametrize("originals", ["delete", "tag"])
def test_a_forged_roll_up_takes_no_original_along(source, destination, originals, attempt):
    forge(source, destination, attempt=attempt)
    result = run(source, destination, originals=originals, codec="none")
    assert (result["deleted"], result["tagged"], result["refused"]) == (0, 0, 3)
    assert {info.key: source.read(info.key) for info in source.list()} == OBJECTS
    assert source.tags == {}
    for key in NAMES:
        assert "its content is another one" in result["examples"][source.uri(key)]


def test_only_those_go_that_it_holds(source, destination):
    forge(source, destination, NAMES[:1])
    result = run(source, destination, originals="delete", codec="none")
    assert (result["added"], result["deleted"], result["refused"]) == (2, 2, 1)
    assert [info.key for info in source.list()] == NAMES[:1]
    again = run(source, destination, originals="delete", codec="none")
    assert (again["deleted"], again["refused"]) == (0, 1)


def test_what_an_earlier_run_read_is_read_once_more_and_only_that(source, destination):
    run(source, destination)
    source.write("logs/2026-10-21-12-00-00-D", b"late\n")
    source.reads.clear()
    result = run(source, destination, originals="delete")
    assert (result["added"], result["deleted"], result["refused"]) == (1, 4, 0)
    assert sorted(source.reads) == [*NAMES, "logs/2026-10-21-12-00-00-D"]


def test_what_this_attempt_read_is_not_read_twice_and_what_stays_not_at_all(source, destination):
    run(source, destination, originals="delete")
    assert sorted(source.reads) == NAMES
    for key, data in OBJECTS.items():
        source.write(key, data)
    run(source, destination)
    source.reads.clear()
    run(source, destination)
    assert source.reads == []


def test_one_that_may_not_be_read_any_more_stays(source, destination):
    run(source, destination)
    source.forbidden = {NAMES[0]}
    result = run(source, destination, originals="delete")
    assert (result["deleted"], result["unreadable"], result["refused"]) == (2, 1, 0)
    assert [info.key for info in source.list()] == NAMES[:1]
    result = run(source, destination, originals="tag")
    assert (result["tagged"], result["unreadable"]) == (0, 1)
    source.forbidden = set()
    assert run(source, destination, originals="tag")["tagged"] == 1
    source.reads.clear()
    assert run(source, destination, originals="tag")["tagged"] == 1  # the manifest says that all are
    assert source.reads == []


def test_one_that_may_not_be_read_goes_where_that_is_asked_for(source, destination):
    run(source, destination)
    source.forbidden = {NAMES[0]}
    result = run(source, destination, originals="delete", delete_forbidden=True)
    assert (result["deleted"], result["deleted_forbidden"], result["refused"]) == (2, 1, 0)
    assert list(source.list()) == []


def test_one_that_changes_after_it_was_compared_stays(source, destination, monkeypatch):
    run(source, destination)

    def delete_later(versions, delete=source.delete_versions):
        source.write(NAMES[0], b"just written\n")
        return delete(versions)

    monkeypatch.setattr(source, "delete_versions", delete_later)
    result = run(source, destination, originals="delete")
    assert (result["deleted"], result["refused"]) == (2, 1)
    assert source.read(NAMES[0]) == b"just written\n"


def test_a_forged_roll_up_on_s3(s3, bucket):
    source, destination = S3Store(s3.client, bucket, "in/"), S3Store(s3.client, bucket, "out/")
    for key, data in OBJECTS.items():
        source.write(key, data)
    forge(source, destination)
    result = run(source, destination, originals="delete", codec="none")
    assert (result["deleted"], result["refused"]) == (0, 3)
    assert {info.key for info in source.list()} == set(NAMES)
