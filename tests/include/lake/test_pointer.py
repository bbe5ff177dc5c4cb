import json
from datetime import timedelta

import pytest

from include.s3logs.errors import ChangedObjectError, CorruptLakeError, NewerLakeError
from include.s3logs.lake.pointer import (
    Attempt,
    Kind,
    NotAPointerError,
    OutputFile,
    Pointer,
    copy_file,
    put,
    read_file,
    sweep,
    without_checksum,
)
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.store import ABSENT

KEY = "things/_thing.json"
KIND = Kind("thing")


@pytest.fixture
def lake(tmp_path):
    return LocalStore(tmp_path)


@pytest.fixture
def pointer(lake):
    return Pointer(lake, KEY, KIND)


def written(lake, data=b"the rows"):
    attempt = Attempt(lake, "things")
    attempt.write("rows", "txt", data)
    return attempt


def test_what_is_put_is_read(lake, pointer):
    assert (pointer.read(), pointer.version()) == (None, ABSENT)
    attempt = written(lake)
    pointer.put(attempt.files, {"count": 8}, over=ABSENT)
    found = pointer.read()
    assert (found.files, found.content, found.format) == (attempt.files, {"count": 8}, 1)
    assert read_file(lake, found.files["rows"], "") == b"the rows"


def test_a_file_whose_role_is_its_key_says_so_once(lake, pointer):
    files = {"usage/a.tsv": OutputFile("usage/a.tsv", 8, "00")}
    pointer.put(files, {}, over=ABSENT)
    assert json.loads(lake.read(KEY))["files"] == {"usage/a.tsv": {"size": 8, "sha256": "00"}}
    assert pointer.read().files == files


def test_only_the_version_that_a_writer_began_with_is_replaced(lake, pointer):
    pointer.put({}, {"writer": 1}, over=ABSENT)
    began = pointer.version()
    pointer.put({}, {"writer": 2}, over=began)
    for version in (ABSENT, began):
        with pytest.raises(ChangedObjectError):
            pointer.put({}, {"writer": 3}, over=version)
    assert pointer.read().content == {"writer": 2}


def test_a_writer_whose_answer_got_lost_is_no_loser(lake):
    class Lost:
        """Writes, and repeats the request as a client does that got no answer."""

        def write(self, key, data, *, over):
            lake.write(key, data, over=over)
            lake.write(key, data, over=over)

        read = lake.read

    put(Lost(), KEY, b"{}", over=ABSENT)
    assert lake.read(KEY) == b"{}"


NO_FORMATS = [b'{"format": "1"}', b'{"format": 0}', b'{"files": 1}']


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000, *NO_FORMATS])
def test_what_is_no_pointer_is_told_from_none(lake, pointer, damage):
    lake.write(KEY, damage)
    with pytest.raises(NotAPointerError):
        pointer.read()


def test_no_byte_of_a_pointer_changes_unnoticed(lake):
    pointer = Pointer(lake, KEY, Kind("thing", 2, {1: without_checksum}))
    pointer.put({"rows": OutputFile("things/rows", 8, "00")}, {"count": 8, "name": "x"}, over=ABSENT)
    whole = lake.read(KEY)
    for at in range(len(whole)):
        lake.write(KEY, whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises((NotAPointerError, NewerLakeError)):
            pointer.read()


def test_a_pointer_of_an_earlier_format_needs_no_checksum_and_one_of_today_does(lake):
    lake.write(KEY, b'{"format": 1, "count": 8}')
    assert Pointer(lake, KEY, Kind("thing", 2, {1: without_checksum})).read().content == {"count": 8}
    with pytest.raises(NotAPointerError, match="checksum"):
        Pointer(lake, KEY, KIND).read()


def test_a_later_format_is_refused_by_name(lake, pointer):
    lake.write(KEY, b'{"format": 2}')
    with pytest.raises(NewerLakeError, match=r"_thing\.json was written by a later release .*format 2"):
        pointer.read()


def test_earlier_formats_are_brought_up_step_by_step(lake):
    def to_2(content, lake):
        return {**content, "files": {"rows": {"key": "rows", "size": len(lake.read("rows")), "sha256": "00"}}}

    def to_3(content, _):
        return {"count": content.pop("number"), **content}

    kind = Kind("thing", 3, {1: to_2, 2: to_3})
    lake.write("rows", b"1234")
    lake.write(KEY, b'{"number": 8}')  # from before there were formats
    found = Pointer(lake, KEY, kind).read()
    assert (found.format, found.content, found.files["rows"].size) == (1, {"count": 8}, 4)


@pytest.mark.parametrize("damage", [b"the r0ws", b"cut", None])
def test_a_file_with_other_content_is_an_error_that_says_what_to_do(lake, tmp_path, damage):
    file = written(lake).files["rows"]
    if damage is None:
        lake.delete([file.key])
    else:
        lake.write(file.key, damage)
    with pytest.raises(CorruptLakeError, match=r"rows-.*Do this\."):
        read_file(lake, file, "Do this.")
    with pytest.raises(CorruptLakeError, match=r"rows-.*Do this\."):
        copy_file(lake, file, tmp_path / "copy", "Do this.")


def test_an_attempt_that_is_abandoned_leaves_nothing(lake):
    attempt = written(lake)
    attempt.abandon()
    assert list(lake.list("things/")) == []


def test_the_sweep_removes_what_nobody_names_when_it_is_old(lake, pointer):
    orphan, named = written(lake), written(lake)
    pointer.put(named.files, {}, over=ABSENT)
    keep = {KEY, named.files["rows"].key}
    sweep(lake, "things/", keep)
    assert lake.find(orphan.files["rows"].key)
    sweep(lake, "things/", keep, timedelta(seconds=-1))
    assert {info.key for info in lake.list("things/")} == keep
