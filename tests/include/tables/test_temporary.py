"""Temporary folders go with their process, however that ends."""

import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from include.s3logs.errors import StoreUnavailableError
from include.s3logs.tables import temporary
from include.s3logs.tables.temporary import PREFIX, temporary_folder
from tests.support.paths import PROJECT

HOLDS = """
import sys
from include.s3logs.tables.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "rows").write_bytes(b"addresses")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def parent(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@contextmanager
def holding():
    """A process that has such a folder until it ends."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLDS], cwd=PROJECT, **pipes) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_it_is_for_this_user_alone_and_goes_when_it_is_left(parent):
    with temporary_folder() as folder:
        assert folder.parent == parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "rows").write_bytes(b"")
    with pytest.raises(KeyError), temporary_folder():
        raise KeyError
    assert list(parent.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_one_and_what_a_live_one_has_stays(parent):
    with holding() as (process, held), temporary_folder():
        assert {str(path) for path in parent.iterdir()} > {held}
        process.kill()
        process.wait()
        with temporary_folder() as mine:
            left = set(parent.iterdir())
            assert mine in left
            assert held not in {str(path) for path in left}
            assert len(left) == 2  # the outer one of this test stays, too
    assert list(parent.iterdir()) == []


def test_many_at_once_do_not_take_each_other_away(parent):
    def work(n):
        for _ in range(20):
            with temporary_folder() as folder:
                (folder / "rows").write_text(str(n))
                assert (folder / "rows").read_text() == str(n)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert list(parent.iterdir()) == []


def test_one_that_is_taken_for_an_abandoned_one_before_it_is_locked_is_made_again(parent, monkeypatch):
    make, sweeps = tempfile.mkdtemp, iter([1])

    def swept(**options):
        made = make(**options)
        if next(sweeps, None):
            temporary._remove_abandoned(parent)
        return made

    monkeypatch.setattr(tempfile, "mkdtemp", swept)
    with temporary_folder() as folder:
        (folder / "rows").write_bytes(b"")


def test_nothing_else_is_removed(parent, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "mine").write_bytes(b"")
    (parent / f"{PREFIX}link").symlink_to(elsewhere)
    (parent / f"{PREFIX}file").write_bytes(b"")
    (parent / "s3logs-archive").mkdir()
    with temporary_folder():
        pass
    assert {path.name for path in parent.iterdir()} == {f"{PREFIX}link", f"{PREFIX}file", "s3logs-archive"}
    assert (elsewhere / "mine").exists()


def test_a_full_disk_says_where_it_is_full(parent):
    with (
        pytest.raises(StoreUnavailableError, match=f"{parent} .TMPDIR.: .*No space left"),
        temporary_folder(),
    ):
        raise OSError(28, "No space left on device")
