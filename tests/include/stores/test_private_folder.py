"""Who may read what a store leaves in a folder, and what becomes of files that killed writers left."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from include.s3logs.deployment import Deployment, access_from_environment
from include.s3logs.settings import Settings
from include.s3logs.stores.abandoned import OLD, TEMPORARY
from include.s3logs.stores.folder import LocalStore
from tests.support.paths import PROJECT


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def lake(tmp_path):
    settings = Settings(_env_file=None, lake=str(tmp_path / "lake"))
    return Deployment(settings, access_from_environment()).lake


def test_in_a_lake_only_what_is_published_may_be_read_by_others(lake, tmp_path):
    (tmp_path / "copy").write_bytes(b"copied")
    lake.write("reduced/2024-06-01/_checkpoint.json", b"{}")
    lake.write_many({"status/log_days.tsv": b"", "usage/reef/by_day.tsv": b""})
    lake.write_file("binned/2024-06-01/rows", tmp_path / "copy")
    found = {str(path.relative_to(lake.root)): oct(mode(path)) for path in lake.root.rglob("*")}
    assert found == {
        "reduced": "0o700",
        "reduced/2024-06-01": "0o700",
        "reduced/2024-06-01/_checkpoint.json": "0o600",
        "binned": "0o700",
        "binned/2024-06-01": "0o700",
        "binned/2024-06-01/rows": "0o600",
        "status": "0o700",
        "status/log_days.tsv": "0o600",
        "usage": "0o755",
        "usage/reef": "0o755",
        "usage/reef/by_day.tsv": "0o644",
    }
    assert mode(lake.root) == 0o755  # else nobody would come to usage/


def test_elsewhere_the_umask_decides(tmp_path):
    LocalStore(tmp_path / "rolled").write("2024/roll-up.zst", b"")
    assert mode(tmp_path / "rolled/2024") == 0o755
    assert mode(tmp_path / "rolled/2024/roll-up.zst") == 0o644


def test_the_temporary_file_is_as_private_from_the_start(lake, monkeypatch):
    seen = []

    def look(_):
        seen.extend(oct(mode(path)) for path in lake.root.rglob(f"{TEMPORARY}*"))

    monkeypatch.setattr(os, "fsync", look)
    lake.write("reduced/rows", b"")
    lake.write("usage/by_day.tsv", b"")
    assert seen == ["0o600", "0o644"]


def test_folders_of_an_earlier_release_are_closed_when_something_is_written_there(lake):
    day = lake.root / "reduced/2024-06-01"
    day.mkdir(parents=True)
    (day / "old").write_bytes(b"")
    lake.write("reduced/2024-06-01/new", b"")
    assert [mode(path) for path in (day.parent, day, day / "new")] == [0o700, 0o700, 0o600]


# Writers that are killed


@contextmanager
def writing(root, key, folder):
    """A process in the middle of writing a file: it waits for more to come from a pipe."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    code = f"""
from pathlib import Path
from include.s3logs.stores.folder import LocalStore
LocalStore({str(root)!r}).write_file({key!r}, Path({str(pipe)!r}))
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT) as process:
        try:
            with pipe.open("wb"):  # opens when the other end does: after the temporary file is there
                yield process
        finally:
            process.kill()


def temporary(root):
    return [path for path in root.rglob("*") if path.name.startswith(TEMPORARY)]


def test_the_file_of_a_killed_writer_goes_with_the_next_write_and_that_of_a_live_one_stays(tmp_path):
    root = tmp_path / "root"
    with writing(root, "folder/large", tmp_path) as writer:
        LocalStore(root).write("folder/other", b"")
        assert len(temporary(root)) == 1
        writer.kill()
        writer.wait()
        assert len(temporary(root)) == 1
        LocalStore(root).write("elsewhere/other", b"")
        assert len(temporary(root)) == 1
        LocalStore(root).write("folder/another", b"")
    assert temporary(root) == []


def test_a_lake_is_swept_where_it_is_listed_and_other_folders_are_not(lake, tmp_path):
    for root in (lake.root, tmp_path / "source"):
        (root / "usage/reef").mkdir(parents=True)
        (root / f"usage/reef/{TEMPORARY}half").write_bytes(b"half")
    assert list(LocalStore(tmp_path / "source").list()) == []
    assert list(lake.list("usage/")) == []
    assert temporary(lake.root) == []
    assert len(temporary(tmp_path / "source")) == 1


def test_a_file_that_is_taken_for_an_abandoned_one_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    store, lock, sweeps = LocalStore(tmp_path), fcntl.flock, iter([1])

    def flock(file, operation):
        if next(sweeps, None):
            LocalStore(tmp_path).write("other", b"")  # which sweeps between creating and locking
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    store.write("key", b"content")
    assert store.read("key") == b"content"
    assert temporary(tmp_path) == []


def test_without_locks_only_what_is_old_goes(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    old, new = (tmp_path / f"{TEMPORARY}{name}" for name in ("old", "new"))
    for path, age in ((old, OLD + 60), (new, OLD - 60)):
        path.write_bytes(b"")
        os.utime(path, (time.time() - age,) * 2)
    LocalStore(tmp_path).write("key", b"")
    assert temporary(tmp_path) == [new]


def test_a_link_with_such_a_name_leads_to_no_other_file(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "other").write_bytes(b"mine")
    (tmp_path / f"root/{TEMPORARY}link").symlink_to(tmp_path / "other")
    LocalStore(tmp_path / "root").write("key", b"")
    assert (tmp_path / "other").read_bytes() == b"mine"
