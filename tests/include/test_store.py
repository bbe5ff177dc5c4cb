from concurrent.futures import ThreadPoolExecutor

import pytest

from include.s3logs.errors import ChangedObjectError, NotFoundError, PermanentError
from include.s3logs.store import LocalStore, read_all


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


def test_etag_changes_with_the_content_and_guards_the_read(store):
    before = next(store.list("ab"))
    store.write("ab", b"longer than before")
    assert next(store.list("ab")).etag != before.etag
    with pytest.raises(ChangedObjectError, match="ab changed"):
        store.read("ab", before.etag)


def test_missing_files_and_folders_are_named(store):
    with pytest.raises(NotFoundError, match="nothing/here"):
        store.read("nothing/here")
    assert keys(LocalStore(store.root / "nowhere")) == []


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "a//b", "."])
def test_keys_never_leave_the_folder(store, key):
    with pytest.raises(PermanentError, match="no key inside"):
        store.write(key, b"")


def test_half_written_files_are_never_listed(store):
    (store.root / ".s3logs-tmp-123").write_bytes(b"half")
    assert ".s3logs-tmp-123" not in keys(store)


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
