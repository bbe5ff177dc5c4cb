"""Rolling up one interval in folders: what goes in, what is proven, what is deleted and what is refused."""

import bz2
import gzip
import os
import subprocess
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, datetime
from shutil import which

import pytest

from include.s3logs.errors import (
    AccessDeniedError,
    ArchivedObjectError,
    ChangedObjectError,
    CorruptRollUpError,
    NewerLakeError,
    PermanentError,
    SettingsError,
)
from include.s3logs.logs.rolled_up.codecs import SUFFIXES
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.logs.rolled_up.manifest import Manifest, Member, RollUpFile
from include.s3logs.logs.rolled_up.verification import verify
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.store import PIECE
from tests.support.rolled_up import lines, prove, rollups

NOW = datetime.now(UTC)
DAY = Interval("logs/", "day", "2026-10-21")
TOOLS = {"none": "cat", "gzip": "zcat", "bzip2": "bzcat", "zstd": "zstdcat"}
with_their_tools = pytest.mark.parametrize(
    "codec",
    [
        pytest.param(codec, marks=pytest.mark.skipif(not which(tool), reason=f"{tool} is not installed"))
        for codec, tool in TOOLS.items()
    ],
)


def name(number, day="2026-10-21"):
    return f"logs/{day}-11-16-03-{number:016X}"


@pytest.fixture
def source(tmp_path):
    return LocalStore(tmp_path / "source")


@pytest.fixture
def destination(tmp_path):
    return LocalStore(tmp_path / "destination")


@pytest.fixture
def run(source, destination):
    def run(**flags):
        return roll_up(destination, {"any name": source}, DAY, RollUpOptions(**flags), NOW)

    return run


def keys(store):
    return [info.key for info in store.list()]


@with_their_tools
def test_the_standard_tools_read_it_extended_or_not(codec, source, destination, run):
    source.write(name(1), b"one\ntwo")
    source.write(name(2), b"")
    source.write(name(3), b"three\r\n")
    run(codec=codec)
    path = destination.root / f"logs/2026-10-21{SUFFIXES[codec]}"

    def shown():
        return subprocess.run([TOOLS[codec], path], check=True, capture_output=True).stdout

    assert shown() == b"one\ntwo\nthree\r\n"
    source.write(name(0), b"late")
    run(codec=codec)
    assert shown() == b"one\ntwo\nthree\r\nlate\n"
    prove(destination)


@with_their_tools
def test_a_day_of_empty_objects_is_an_empty_roll_up(codec, source, destination, run):
    source.write(name(1), b"")
    result = run(codec=codec, originals="delete")
    assert (result["lines"], result["held"], result["deleted"]) == (0, 1, 1)
    path = destination.root / f"logs/2026-10-21{SUFFIXES[codec]}"
    assert subprocess.run([TOOLS[codec], path], check=True, capture_output=True).stdout == b""
    source.write(name(2), b"")
    source.write(name(3), b"a line\n")
    run(codec=codec)
    assert subprocess.run([TOOLS[codec], path], check=True, capture_output=True).stdout == b"a line\n"
    prove(destination)


def test_packed_log_objects_are_unpacked_and_large_ones_streamed(source, destination, run):
    large = b"".join(b"%015d\n" % n for n in range(PIECE // 16 * 2 + 7))
    source.write(name(1), large)
    source.write(name(2), gzip.compress(large, 1)[:-8] + gzip.compress(large, 1)[-8:])
    source.write(name(3), bz2.compress(b"a\nb"))
    result = run(codec="gzip")
    (content,) = rollups(destination).values()
    assert content == large + large + b"a\nb\n"
    assert result["bytes"] == len(content)
    assert (result["added"], result["lines"]) == (3, content.count(b"\n"))
    prove(destination)


def test_content_that_looks_packed_is_not_unpacked_once_more(source, destination, run):
    inner = gzip.compress(b"twice\n")
    source.write(name(1), gzip.compress(inner))
    run(codec="none")
    source.write(name(2), b"more\n")
    run(codec="none", originals="delete")
    assert [*rollups(destination).values()] == [inner + b"\nmore\n"]
    prove(destination)


def test_keep_is_the_default_and_nothing_new_writes_nothing(source, destination, run):
    source.write(name(1), b"one\n")
    first = run()
    before = set(destination.list())
    again = run()
    assert (first["outcome"], first["verified"], first["kept"]) == ("computed", True, 1)
    assert (again["outcome"], again["verified"], again["kept"]) == ("reused", False, 1)
    assert set(destination.list()) == before
    assert keys(source) == [name(1)]


def test_deleting_later_reads_the_roll_up_back_first(source, destination, run):
    source.write(name(1), b"one\n")
    run()
    path = destination.root / "logs/2026-10-21.zst"
    data, status = bytearray(path.read_bytes()), path.stat()
    data[-2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # damaged, and nobody can see it
    with pytest.raises(CorruptRollUpError, match=r"2026-10-21\.zst was read back"):
        run(originals="delete")
    assert keys(source) == [name(1)]
    run(overwrite=True, originals="delete")
    assert keys(source) == []
    assert lines(destination) == Counter([b"one"])


def test_other_objects_are_left_alone(source, run):
    others = [
        "logs/2026-10-21.csv",
        "logs/2026-10-21-11-16-03-U/part",
        "logs/2026-10-22-00-00-00-A",
        "logs/2026/10/21.log",
        "logs/2026/10/20/2026-10-21-11-16-03-A",
        "logs/deeper/2026-10-21-11-16-03-A",
        "logs/2026-10-21-11-16-03-not_unique",
        "logs/AWSLogs/elb.log.gz",
    ]
    for key in [*others, name(1)]:
        source.write(key, b"x\n")
    result = run(originals="delete")
    assert (result["found"], result["deleted"]) == (1, 1)
    assert keys(source) == sorted(others)


def test_simple_and_dated_objects_of_one_sub_prefix_go_into_one_roll_up(source, destination, run):
    source.write("logs/2026/10/21/2026-10-21-11-16-03-A", b"in a folder\n")
    source.write(name(1), b"simple\n")
    assert run(originals="delete")["deleted"] == 2
    assert lines(destination) == Counter([b"in a folder", b"simple"])
    assert keys(source) == []


def test_an_object_that_changed_since_is_new_and_both_versions_count(source, destination, run):
    source.write(name(1), b"before\n")
    run()
    source.write(name(1), b"after it was rolled up\n")
    assert run(originals="delete")["added"] == 1
    assert lines(destination) == Counter([b"before", b"after it was rolled up"])
    assert len(prove(destination)["logs/2026-10-21"]["objects"]) == 2


# What cannot be read


class Forbidding(LocalStore):
    """A folder in which some objects may not be read, or break off after some pieces."""

    forbidden: frozenset = frozenset()
    error = AccessDeniedError
    breaking: frozenset = frozenset()

    def read_pieces(self, key, size, etag=None):
        if key in self.forbidden:
            raise self.error(f"{key} may not be read.")
        pieces = super().read_pieces(key, size, etag)
        if key in self.breaking:
            yield next(pieces)
            yield next(pieces)
            raise AccessDeniedError(f"{key} may no longer be read.")
        yield from pieces


@pytest.fixture
def forbidding(tmp_path):
    store = Forbidding(tmp_path / "source")
    store.write(name(1), b"readable\n")
    store.write(name(2), b"forbidden\n")
    store.write(name(3), gzip.compress(b"corrupt\n")[:-3])
    store.forbidden = frozenset([name(2)])
    return store


def test_unreadable_objects_are_reported_and_stay(forbidding, destination):
    options = RollUpOptions(originals="delete")
    result = roll_up(destination, {"": forbidding}, DAY, options, NOW)
    assert (result["unreadable"], result["deleted"], result["deleted_forbidden"]) == (2, 1, 0)
    assert result["examples"].keys() == {forbidding.uri(name(2)), forbidding.uri(name(3))}
    assert "may not be read" in result["examples"][forbidding.uri(name(2))]
    assert keys(forbidding) == [name(2), name(3)]
    assert lines(destination) == Counter([b"readable"])
    forbidding.forbidden = frozenset()  # now it may be read
    assert roll_up(destination, {"": forbidding}, DAY, options, NOW)["added"] == 1
    assert keys(forbidding) == [name(3)]
    assert lines(destination) == Counter([b"readable", b"forbidden"])


def test_deleting_forbidden_objects_is_opted_into_and_never_takes_corrupt_ones(forbidding, destination):
    options = RollUpOptions(originals="delete", delete_forbidden=True)
    result = roll_up(destination, {"": forbidding}, DAY, options, NOW)
    assert (result["deleted"], result["deleted_forbidden"]) == (1, 1)
    assert keys(forbidding) == [name(3)]


def test_archived_objects_are_reported_and_never_deleted(forbidding, destination):
    """They can be restored, and are read then."""
    forbidding.error = ArchivedObjectError
    options = RollUpOptions(originals="delete", delete_forbidden=True)
    result = roll_up(destination, {"": forbidding}, DAY, options, NOW)
    assert (result["unreadable"], result["deleted"], result["deleted_forbidden"]) == (2, 1, 0)
    assert keys(forbidding) == [name(2), name(3)]


def test_where_nothing_can_be_read_nothing_is_deleted(forbidding, destination):
    forbidding.forbidden = frozenset([name(1), name(2), name(3)])
    options = RollUpOptions(originals="delete", delete_forbidden=True)
    result = roll_up(destination, {"": forbidding}, DAY, options, NOW)
    assert (result["unreadable"], result["rollup"], result["deleted_forbidden"]) == (3, None, 0)
    assert len(keys(forbidding)) == 3
    assert keys(destination) == []


def test_an_earlier_roll_up_does_not_prove_that_the_credentials_are_right(forbidding, destination):
    options = RollUpOptions(originals="delete", delete_forbidden=True)
    roll_up(destination, {"": forbidding}, DAY, RollUpOptions(), NOW)
    forbidding.write(name(4), b"new\n")
    forbidding.forbidden = frozenset([name(1), name(2), name(4)])
    result = roll_up(destination, {"": forbidding}, DAY, options, NOW)
    assert (result["deleted"], result["deleted_forbidden"], result["refused"]) == (0, 0, 3)
    for number in (1, 2, 4):
        assert "no other log object of this source" in result["examples"][forbidding.uri(name(number))]
    assert keys(forbidding) == [name(1), name(2), name(3), name(4)]


def test_a_held_original_that_can_be_read_proves_it(forbidding, destination):
    roll_up(destination, {"": forbidding}, DAY, RollUpOptions(), NOW)
    options = RollUpOptions(originals="delete", delete_forbidden=True)
    result = roll_up(destination, {"": forbidding}, DAY, options, NOW)
    assert (result["deleted"], result["deleted_forbidden"], result["refused"]) == (1, 1, 0)
    assert keys(forbidding) == [name(3)]


def test_reading_in_one_source_says_nothing_about_another(forbidding, destination, tmp_path):
    other = Forbidding(tmp_path / "other")
    other.write(name(5), b"forbidden too\n")
    other.forbidden = frozenset([name(5)])
    options = RollUpOptions(originals="delete", delete_forbidden=True)
    result = roll_up(destination, {"": forbidding, "other": other}, DAY, options, NOW)
    assert (result["deleted_forbidden"], result["refused"]) == (1, 1)
    assert keys(other) == [name(5)]


@pytest.mark.parametrize("codec", TOOLS)
def test_an_object_that_breaks_off_leaves_no_trace(codec, forbidding, destination):
    forbidding.write(name(0), b"a line\n" * (3 * PIECE // 7))
    forbidding.breaking = frozenset([name(0)])
    others = range(10, 310)  # some of them are read by then, some are not even listed
    for number in others:
        forbidding.write(name(number), b"line %d\n" % number)
    result = roll_up(destination, {"": forbidding}, DAY, RollUpOptions(codec=codec), NOW)
    assert (result["unreadable"], result["held"]) == (3, 301)
    assert lines(destination) == Counter([b"readable", *(b"line %d" % number for number in others)])
    prove(destination)


# Reading back


@pytest.mark.parametrize("codec", TOOLS)
@pytest.mark.parametrize(
    ("part", "name_", "difference"),
    [
        ("member", "offset", "offset"),
        ("member", "bytes", "offset|size|newline|line count|digest"),
        ("member", "lines", "line count"),
        ("member", "sha256", "digest"),
        ("rollup", "size", "size"),
        ("rollup", "sha256", "digest"),
        ("rollup", "bytes", "size"),
        ("rollup", "lines", "line count"),
        ("rollup", "content_sha256", "digest"),
    ],
)
def test_every_figure_of_a_manifest_is_compared(codec, part, name_, difference, source, destination, run):
    for number in range(3):
        source.write(name(number), b"%d\nwithout a newline" % number)
    run(codec=codec)
    manifest = Manifest.from_json(destination.read(DAY.manifest_key), DAY.manifest_key)
    assert verify(destination, manifest) == manifest.rollup
    target = manifest.objects[1]._asdict() if part == "member" else asdict(manifest.rollup)
    value = target[name_]
    target[name_] = value + 1 if isinstance(value, int) else "0" * 64
    if part == "member":
        objects = (manifest.objects[0], Member(**target), manifest.objects[2])
        wrong = replace(manifest, objects=objects)
    else:
        wrong = replace(manifest, rollup=RollUpFile(**target))
    with pytest.raises(CorruptRollUpError, match=difference):
        verify(destination, wrong)


def test_what_follows_the_last_member_is_noticed(source, destination, run):
    source.write(name(1), b"one\n")
    source.write(name(2), b"two\n")
    run()
    manifest = Manifest.from_json(destination.read(DAY.manifest_key), DAY.manifest_key)
    fewer = replace(manifest, rollup=replace(manifest.rollup, bytes=4, lines=1), objects=manifest.objects[:1])
    with pytest.raises(CorruptRollUpError, match="size, line count or digest"):
        verify(destination, fewer)


# Overwrite, and what it refuses


def test_overwrite_makes_it_anew_from_what_exists(source, destination, run):
    for number in (3, 1, 2):
        source.write(name(number), b"%d\n" % number)
        run()
    assert [*rollups(destination).values()] == [b"3\n1\n2\n"]
    assert run(overwrite=True)["held"] == 3
    assert [*rollups(destination).values()] == [b"1\n2\n3\n"]
    prove(destination)


@pytest.mark.parametrize("how", ["deleted", "changed", "forbidden"])
def test_overwrite_refuses_to_lose_lines(how, tmp_path, destination):
    source = Forbidding(tmp_path / "source")
    source.write(name(1), b"one\n")
    source.write(name(2), b"two\n")
    roll_up(destination, {"": source}, DAY, RollUpOptions(), NOW)
    before = {info.key: destination.read(info.key) for info in destination.list()}
    if how == "deleted":
        source.delete([name(1)])
    elif how == "changed":
        source.write(name(1), b"another content\n")
    else:
        source.forbidden = frozenset([name(1)])
    with pytest.raises(PermanentError, match=rf"1 are gone or changed \(first: .*{name(1)}"):
        roll_up(destination, {"": source}, DAY, RollUpOptions(overwrite=True, originals="delete"), NOW)
    assert {info.key: destination.read(info.key) for info in destination.list()} == before
    assert name(2) in keys(source)


def test_a_roll_up_of_somebody_else_is_never_replaced(source, destination, run):
    source.write(name(1), b"one\n")
    destination.write("logs/2026-10-21.zst", b"theirs")
    for overwrite in (False, True):
        with pytest.raises(CorruptRollUpError, match="No manifest says"):
            run(overwrite=overwrite, originals="delete")
    assert destination.read("logs/2026-10-21.zst") == b"theirs"
    assert keys(source) == [name(1)]


@pytest.mark.parametrize("codec", SUFFIXES)
def test_a_roll_up_without_manifest_is_not_hidden_by_one_with_another_codec(codec, source, destination, run):
    source.write(name(1), b"one\n")
    run(originals="delete")
    manifest = destination.read("logs/2026-10-21.manifest.json")
    destination.delete(["logs/2026-10-21.manifest.json"])
    source.write(name(2), b"late\n")
    for overwrite in (False, True):
        with pytest.raises(CorruptRollUpError, match=r"No manifest says what .*/2026-10-21\.zst holds"):
            run(codec=codec, originals="delete", overwrite=overwrite)
    assert keys(destination) == ["logs/2026-10-21.zst"]
    assert keys(source) == [name(2)]
    destination.write("logs/2026-10-21.manifest.json", manifest)  # put back what belongs there
    run(codec=codec, originals="delete")
    assert lines(destination) == Counter([b"one", b"late"])


def test_a_roll_up_beside_the_described_one_is_named(source, destination, run):
    source.write(name(1), b"one\n")
    run()
    destination.write("logs/2026-10-21.bz2", b"theirs")
    with pytest.raises(CorruptRollUpError, match=r"No manifest says what .*/2026-10-21\.bz2 holds"):
        run(codec="gzip")
    assert destination.read("logs/2026-10-21.bz2") == b"theirs"


def test_a_roll_up_that_is_gone_or_replaced_is_not_extended(source, destination, run):
    source.write(name(1), b"one\n")
    run()
    source.write(name(2), b"two\n")
    for change in (
        lambda: destination.write("logs/2026-10-21.zst", b"else"),
        lambda: destination.delete(["logs/2026-10-21.zst"]),
    ):
        change()
        with pytest.raises(CorruptRollUpError, match="no longer, what its manifest says"):
            run(originals="delete")
    assert run(overwrite=True)["held"] == 2
    assert lines(destination) == Counter([b"one", b"two"])


def test_a_damaged_roll_up_is_not_extended(source, destination, run):
    source.write(name(1), b"one\n" * 1000)
    for codec in TOOLS:
        run(codec=codec, overwrite=True)
        path = destination.root / f"logs/2026-10-21{SUFFIXES[codec]}"
        status = path.stat()
        data = path.read_bytes()
        path.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        source.write(name(2), b"two\n")
        with pytest.raises(CorruptRollUpError, match="does not have the content"):
            run(codec=codec)
        source.delete([name(2)])


def test_a_copied_destination_is_recognised_by_its_digests(source, destination, run):
    source.write(name(1), b"one\n")
    run()
    path = destination.root / "logs/2026-10-21.zst"
    os.utime(path, ns=(1, 1))  # another ETag
    source.write(name(2), b"two\n")
    assert run(originals="delete")["held"] == 2
    os.utime(path, ns=(2, 2))
    assert run(originals="delete")["verified"]
    prove(destination)
    assert not run()["verified"]


def test_a_manifest_that_is_none_is_named(source, destination, run):
    source.write(name(1), b"one\n")
    for content in (b"", b"[]", b'{"format": "1"}', b'{"format": 1}'):
        destination.write("logs/2026-10-21.manifest.json", content)
        with pytest.raises(CorruptRollUpError, match=r"manifest\.json is no manifest"):
            run()


def test_a_manifest_of_a_later_release_is_left_alone(source, destination, run):
    source.write(name(1), b"one\n")
    destination.write("logs/2026-10-21.manifest.json", b'{"format": 2}')
    with pytest.raises(NewerLakeError, match="later release"):
        run()
    assert destination.read("logs/2026-10-21.manifest.json") == b'{"format": 2}'


# Flags


class ReadOnly(LocalStore):
    def _refuse(self, *_, **__):
        raise AssertionError("a dry run must not write")

    write = write_many = write_file = delete = delete_versions = tag_versions = _refuse


@pytest.mark.parametrize(
    "flags", [{}, {"originals": "delete"}, {"overwrite": True, "originals": "delete"}, {"codec": "gzip"}]
)
def test_a_dry_run_writes_and_deletes_nothing(flags, source, destination, run):
    source.write(name(1), b"one\n")
    run()
    source.write(name(2), b"two\n")
    before = {(s.uri(i.key), i.etag) for s in (source, destination) for i in s.list()}
    stores = {"": ReadOnly(source.root)}
    result = roll_up(ReadOnly(destination.root), stores, DAY, RollUpOptions(dry_run=True, **flags), NOW)
    assert result["outcome"] == "dry run"
    assert (result["found"], result["found_bytes"], result["added"]) == (
        2,
        8,
        2 if "overwrite" in flags else 1,
    )
    assert result["deleted"] == (2 if "originals" in flags else 0)
    assert {(s.uri(i.key), i.etag) for s in (source, destination) for i in s.list()} == before


def test_a_dry_run_refuses_what_the_run_would(source, destination, run):
    source.write(name(1), b"one\n")
    run(originals="delete")
    with pytest.raises(PermanentError, match="is not overwritten"):
        run(dry_run=True, overwrite=True)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"level": "week"}, "level='week'"),
        ({"codec": "xz"}, "codec='xz'"),
        ({"originals": "burn"}, "originals='burn'"),
        ({"delete_forbidden": True}, "delete_forbidden needs"),
        ({"originals": "tag", "delete_forbidden": True}, "delete_forbidden needs"),
    ],
)
def test_options_that_make_no_sense_are_refused(flags, message):
    with pytest.raises(SettingsError, match=message):
        RollUpOptions(**flags)


def test_files_cannot_be_tagged(source, run):
    source.write(name(1), b"one\n")
    with pytest.raises(SettingsError, match="cannot be tagged"):
        run(originals="tag")


def test_a_source_inside_another_is_refused(tmp_path, destination):
    outer, inner = LocalStore(tmp_path / "source"), LocalStore(tmp_path / "source/deep")
    with pytest.raises(SettingsError, match="lies in the source"):
        roll_up(destination, {"a": outer, "b": inner}, DAY, RollUpOptions(), NOW)
    roll_up(destination, {"a": inner, "b": LocalStore(tmp_path / "source/deeper")}, DAY, RollUpOptions(), NOW)


def test_objects_that_change_while_they_are_deleted_stay(source, destination, run, monkeypatch):
    source.write(name(1), b"one\n")
    source.write(name(2), b"two\n")

    def delete_later(versions, delete=source.delete_versions):
        source.write(name(1), b"just written\n")
        return delete(versions)

    monkeypatch.setattr(source, "delete_versions", delete_later)
    result = run(originals="delete")
    assert (result["deleted"], result["refused"]) == (1, 1)
    assert "changed" in result["examples"][source.uri(name(1))]
    assert keys(source) == [name(1)]


def test_an_object_that_changes_while_it_is_read_fails_the_attempt(source, destination, run, monkeypatch):
    source.write(name(1), b"one\n")

    def change(key, size, etag=None, read=source.read_pieces):
        source.write(name(1), b"another\n")
        return read(key, size, etag)

    monkeypatch.setattr(source, "read_pieces", change)
    with pytest.raises(ChangedObjectError):
        run(originals="delete")
    assert keys(destination) == []
