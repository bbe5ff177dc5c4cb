"""Reduce, bin, map and roll-up take bounded memory, however large log objects are, or become unpacked."""

import json
import sys
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from include.s3logs.lake.checkpoint import read_output
from include.s3logs.stages.limits import Limits
from include.s3logs.stores.folder import LocalStore
from include.s3logs.tables.sorting import Limits as Sorting
from tests.support import processes
from tests.support.arrow_memory import counted
from tests.support.large_day import invent, run
from tests.support.memory_run import GARBAGE, LINE, MEGABYTE, PROC, put
from tests.support.paths import PROJECT

of_the_process = pytest.mark.skipif(not (PROC / "clear_refs").exists(), reason="Linux tells the peak")
ROWS, MANY_ROWS = 400_000, 2_000_000
LITTLE = Limits(rows=4_096, keys=4_096, sorting=Sorting(run=1 << 20, step=1 << 20))


@pytest.fixture(scope="module")
def large_day(tmp_path_factory):
    """A reduced and binned day."""
    lake = LocalStore(tmp_path_factory.mktemp("large"))
    invent(lake, MANY_ROWS, 200_000, 50_000)
    run("bin", lake)
    return lake


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A reduced and binned day that is quickly worked on."""
    lake = LocalStore(tmp_path_factory.mktemp("day"))
    invent(lake, ROWS, 40_000, 10_000)
    run("bin", lake)
    return lake


def measured(module, *arguments):
    """Return what a process of its own says."""
    done = processes.run(sys.executable, "-m", f"tests.support.{module}", *arguments, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@of_the_process
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


@of_the_process
@pytest.mark.parametrize("pack", [False, True])
def test_rolling_up_a_large_object_takes_little_memory(tmp_path, pack):
    lines = put(tmp_path, LINE, 300, pack)
    found = measured("memory_run", tmp_path, "roll_up")
    assert (found["lines"], found["deleted"]) == (lines + 1, 1)
    assert found["growth"] < 100 * MEGABYTE


@pytest.mark.parametrize("stage", ["bin", "map"])
def test_a_day_is_never_in_memory_as_a_whole(day, stage):
    with counted() as memory:
        checkpoint = run(stage, day, LITTLE)
    assert checkpoint.counts["rows"] == ROWS
    rows = pq.read_table(BytesIO(read_output(day, checkpoint, "rows"))).nbytes
    # Two row groups of a file that is written; to sort the rows at once would take twice of what they are.
    assert 0 < memory.max_memory() < 1.25 * rows


@pytest.mark.slow
@of_the_process
@pytest.mark.parametrize(("stage", "most"), [("bin", 330), ("map", 330)])
def test_a_day_of_very_many_rows_takes_little_memory(large_day, stage, most):
    found = measured("large_day", stage, large_day.root)
    assert found["counts"]["rows"] == MANY_ROWS
    assert found["growth"] < most * MEGABYTE
