"""Reduce, bin, map and roll-up take bounded memory, however large log objects are, or become unpacked."""

import json
import sys

import pytest

from include.s3logs.stores.folder import LocalStore
from tests.support import processes
from tests.support.large_day import invent, run
from tests.support.memory_run import GARBAGE, LINE, MEGABYTE, PROC, put
from tests.support.paths import PROJECT

pytestmark = pytest.mark.skipif(not (PROC / "clear_refs").exists(), reason="Linux tells the peak")

ROWS = 2_000_000


@pytest.fixture(scope="module")
def large_day(tmp_path_factory):
    """A reduced and binned day."""
    lake = LocalStore(tmp_path_factory.mktemp("large"))
    invent(lake, ROWS, 200_000, 50_000)
    run("bin", lake)
    return lake


def measured(module, *arguments):
    """Return what a process of its own says."""
    done = processes.run(sys.executable, "-m", f"tests.support.{module}", *arguments, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("line", "megabytes", "pack", "most"),
    [(LINE, 300, False, 175), (LINE, 300, True, 175), (GARBAGE, 150, True, 120)],
    ids=["plain", "packed", "garbage"],
)
def test_a_large_object_takes_little_memory(tmp_path, line, megabytes, pack, most):
    lines = put(tmp_path, line, megabytes, pack)
    found = measured("memory_run", tmp_path)
    assert found["lines"] == lines
    assert found["rejections"] == (lines if line is GARBAGE else 0)
    assert found["growth"] < most * MEGABYTE


@pytest.mark.parametrize("pack", [False, True])
def test_rolling_up_a_large_object_takes_little_memory(tmp_path, pack):
    lines = put(tmp_path, LINE, 300, pack)
    found = measured("memory_run", tmp_path, "roll_up")
    assert (found["lines"], found["deleted"]) == (lines + 1, 1)
    assert found["growth"] < 100 * MEGABYTE


@pytest.mark.parametrize(("stage", "most"), [("bin", 330), ("map", 330)])
def test_a_day_of_very_many_rows_takes_little_memory(large_day, stage, most):
    found = measured("large_day", stage, large_day.root)
    assert found["counts"]["rows"] == ROWS
    assert found["growth"] < most * MEGABYTE
