import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from include.s3logs.errors import (
    ChangedObjectError,
    NotFoundError,
    PermanentError,
    StoreUnavailableError,
)
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.store import PIECE, read_all


def keys(store, **kwargs):
    return [info.key for info in store.list(**kwargs)]


@pytest.fixture
def store(tmp_path):
    store = LocalStore(tmp_path)
    for key in ("a/b", "a-b", "a.b", "a/c/d", "ab", "b"):
        store.write(key, key.encode())
    return store


def test_lists_in_the_order_of_s3(store):
    assert keys(store) == ["a-b", "a.b", "a/b", "a/c/d", "ab", "b"]


@pytest.mark.parametrize(
    "start_after", ["", "a", "a-b", "a/", "a/b", "a/c", "a/c/d", "a/zzz", "ab", "b", "c"]
)
@pytest.mark.parametrize("prefix", ["", "a", "a/", "a/c", "b", "zzz"])
def test_prefix_and_start_after_select_what_s3_would(store, prefix, start_after):
    every = ["a-b", "a.b", "a/b", "a/c/d", "ab", "b"]
    expected = [key for key in every if key.startswith(prefix) and key > start_after]
    assert keys(store, prefix=prefix, start_after=start_after) == expected


def test_a_folder_is_listed_without_what_its_folders_hold(store):
    infos = {info.key: info for info in store.list()}
    assert [*store.list_folder("")] == [infos["a-b"], infos["a.b"], "a/", infos["ab"], infos["b"]]
    assert [*store.list_folder("a/")] == [infos["a/b"], "a/c/"]
    for nothing in ("nothing/", "ab/"):
        assert [*store.list_folder(nothing)] == [*store.list(nothing)] == []


def test_etag_changes_with_the_content_and_guards_the_read(store):
    before = next(store.list("ab"))
    store.write("ab", b"longer than before")
    assert next(store.list("ab")).etag != before.etag
    with pytest.raises(ChangedObjectError, match="ab changed"):
        store.read("ab", before.etag)


def test_missing_files_and_folders_are_named(store):
    for absent in ("nothing/here", "ab/below a file", "a"):
        with pytest.raises(NotFoundError, match=absent):
            store.read(absent)
        with pytest.raises(NotFoundError, match=absent):
            next(store.read_pieces(absent, 1))
    assert keys(LocalStore(store.root / "nowhere")) == []


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "a//b", "."])
def test_keys_never_leave_the_folder(store, key):
    with pytest.raises(PermanentError, match="no key inside"):
        store.write(key, b"")


def test_half_written_files_are_never_listed(store):
    (store.root / ".s3logs-tmp-123").write_bytes(b"half")
    assert ".s3logs-tmp-123" not in keys(store)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, OSError])
def test_a_write_that_is_stopped_leaves_nothing(store, monkeypatch, stop):
    def stopped(_):
        raise stop

    before = set(store.root.rglob("*"))
    monkeypatch.setattr(os, "fsync", stopped)
    with pytest.raises(StoreUnavailableError if stop is OSError else stop):
        store.write("a/new", b"half")
    assert set(store.root.rglob("*")) == before


@pytest.fixture
def synced(monkeypatch):
    """What goes to the disk, in order: the paths of files and folders, and where each was then."""
    steps, fsync, replace = [], os.fsync, Path.replace

    def noting(descriptor):
        steps.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        fsync(descriptor)

    def moving(path, target):
        steps.append(("move", str(target)))
        return replace(path, target)

    monkeypatch.setattr("include.s3logs.stores.folder.os.fsync", noting)
    monkeypatch.setattr(Path, "replace", moving)
    return steps


@pytest.mark.parametrize("over", [None, ""])
def test_a_name_is_on_disk_when_a_write_returns_and_so_are_new_folders(tmp_path, synced, over):
    store = LocalStore(tmp_path / "root")
    store.root.mkdir()
    (tmp_path / "file").write_bytes(b"content")
    for write in (
        lambda key: store.write(key, b"content", over=over),
        lambda key: store.write_file(key, tmp_path / "file", over=over),
    ):
        synced.clear()
        write("a/b/one")
        root = str(store.root)
        assert synced[0][1].startswith(f"{root}/a/b/.s3logs-tmp-")
        folders = [f"{root}/a/b", f"{root}/a", root]
        assert synced[1:] == [("move", f"{root}/a/b/one"), *(("sync", folder) for folder in folders)]
        synced.clear()
        write("a/b/two")
        assert synced[1:] == [("move", f"{root}/a/b/two"), ("sync", f"{root}/a/b")]
        store.delete(["a/b/one", "a/b/two"])


def test_many_files_and_their_names_go_to_the_disk_at_once(tmp_path, synced, monkeypatch):
    monkeypatch.setattr(os, "sync", lambda: synced.append(("sync", "all")))
    LocalStore(tmp_path).write_many({"a/one": b"", "a/two": b""})
    assert [step for step, _ in synced] == ["move", "move", "sync"]


@pytest.mark.parametrize(("code", "fails"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_file_system_may_know_no_such_thing_but_not_fail_at_it(tmp_path, monkeypatch, code, fails):
    fsync = os.fsync

    def refusing(descriptor):
        if Path(f"/proc/self/fd/{descriptor}").readlink() == tmp_path:
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    monkeypatch.setattr("include.s3logs.stores.folder.os.fsync", refusing)
    with pytest.raises(StoreUnavailableError, match="/a could not be written") if fails else nullcontext():
        LocalStore(tmp_path).write("a", b"content")


def test_delete_takes_empty_folders_away_and_minds_no_absent_key(store):
    store.delete(["a/c/d", "not there"])
    assert not (store.root / "a/c").exists()
    assert (store.root / "a/b").exists()


def test_read_all_keeps_the_order(tmp_path):
    store = LocalStore(tmp_path)
    names = [f"{n:03}" for n in range(100)]
    for name in names:
        store.write(name, name.encode())
    assert list(read_all(store, reversed(names))) == [name.encode() for name in reversed(names)]


def test_writers_and_deleters_of_one_folder_do_not_trip_each_other(tmp_path):
    store = LocalStore(tmp_path)

    def open_and_close(n):
        for _ in range(50):
            store.write(f"open/{n}", b"")
            store.delete([f"open/{n}"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_and_close, range(8)))
    assert keys(store) == []


@pytest.mark.parametrize("error", [FileNotFoundError, FileExistsError])
def test_a_folder_that_vanishes_while_it_is_made_is_made_again(tmp_path, monkeypatch, error):
    """Both are what `mkdir` raises when a concurrent `delete` removes the folder at the wrong moment."""
    make, failures = Path.mkdir, iter([error(), error()])

    def mkdir(*args, **options):
        if failure := next(failures, None):
            raise failure
        make(*args, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    store = LocalStore(tmp_path)
    store.write("open/1", b"one")
    assert store.read("open/1") == b"one"


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    store = LocalStore(tmp_path)
    store.write("open", b"")
    with pytest.raises(StoreUnavailableError, match=r"open/1 could not be written: .*File exists"):
        store.write("open/1", b"")


def test_a_file_that_vanishes_during_a_listing_is_not_listed(tmp_path):
    store = LocalStore(tmp_path)
    store.write_many({"a": b"", "b": b"", "c": b""})
    listing = store.list()
    assert next(listing).key == "a"
    (tmp_path / "b").unlink()
    assert [info.key for info in listing] == ["c"]


# Content in pieces


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 5])
def test_pieces_are_the_content_in_order(store, size):
    content = os.urandom(size)
    store.write("large", content)
    info = next(store.list("large"))
    pieces = list(store.read_pieces("large", info.size, info.etag))
    assert b"".join(pieces) == content == store.read("large", info.etag)
    assert [len(piece) for piece in pieces[:-1]] == [PIECE] * (len(pieces) - 1)
    assert len(pieces) == -(-size // PIECE)


def test_a_file_that_changed_before_is_noticed_before_any_piece(store):
    info = next(store.list("ab"))
    store.write("ab", b"ba")
    with pytest.raises(ChangedObjectError, match="ab changed"):
        next(store.read_pieces("ab", info.size, info.etag))


def test_a_file_that_changes_meanwhile_is_noticed_at_its_end(store):
    store.write("large", bytes(2 * PIECE))
    info = next(store.list("large"))
    pieces = store.read_pieces("large", info.size, info.etag)
    assert len(next(pieces)) == PIECE
    with (store.root / "large").open("r+b") as file:
        file.write(b"another beginning")
    os.utime(store.root / "large", ns=(1, 1))  # clocks of file systems may be coarse
    with pytest.raises(ChangedObjectError, match="large changed"):
        list(pieces)


@pytest.mark.parametrize("size", [PIECE - 1, PIECE + 1, 3 * PIECE])
def test_more_or_less_than_the_listed_size_is_a_change_too(store, size):
    store.write("large", bytes(2 * PIECE))
    given = 0
    with pytest.raises(ChangedObjectError, match="large changed"):
        for piece in store.read_pieces("large", size):
            given += len(piece)
    assert given <= size


def test_a_range_is_just_these_bytes(store):
    assert store.read_range("a/c/d", 0, 5) == b"a/c/d"
    assert store.read_range("a/c/d", 2, 1) == b"c"
    for start, length in ((4, 2), (5, 1), (50, 1)):
        with pytest.raises(ChangedObjectError, match="a/c/d changed"):
            store.read_range("a/c/d", start, length)
    with pytest.raises(NotFoundError, match="nothing"):
        store.read_range("nothing", 0, 1)


def test_write_file_puts_the_content_and_leaves_nothing_behind(store, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "file"
    path.write_bytes(os.urandom(PIECE + 1))
    store.write_file("new folder/large", path)
    store.write_file("ab", path)
    assert store.read("new folder/large") == store.read("ab") == path.read_bytes()
    assert not [name for name in store.root.rglob("*") if "tmp" in name.name]


def test_a_file_that_cannot_be_put_leaves_the_old_content_and_nothing_behind(store, tmp_path, monkeypatch):
    with pytest.raises(StoreUnavailableError, match="ab could not be written"):
        store.write_file("ab", tmp_path / "absent")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("include.s3logs.stores.folder.os.fsync", full)
    with pytest.raises(StoreUnavailableError, match=r"ab could not be written.*No space left"):
        store.write_file("ab", tmp_path / "b")
    assert store.read("ab") == b"ab"
    assert not [name for name in store.root.rglob("*") if "tmp" in name.name]
