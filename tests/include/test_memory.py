"""A day is reduced in bounded memory, however large its log objects are, or become when they are unpacked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from include.s3logs.store import LocalStore
from tests.support.large_day import invent, run
from tests.support.memory_run import GARBAGE, LINE, MEGABYTE, PROC, put

pytestmark = pytest.mark.skipif(not (PROC / "clear_refs").exists(), reason="Linux tells the peak")

ROWS = 2_000_000


@pytest.fixture(scope="module")
def large_day(tmp_path_factory):
    """A reduced and binned day."""
    lake = LocalStore(tmp_path_factory.mktemp("large"))
    invent(lake, ROWS, 200_000, 50_000)
    run("bin", lake)
    return lake


@pytest.mark.parametrize(
    ("line", "megabytes", "pack", "most"),
    [(LINE, 300, False, 175), (LINE, 300, True, 175), (GARBAGE, 150, True, 120)],
    ids=["plain", "packed", "garbage"],
)
def test_a_large_object_takes_little_memory(tmp_path, line, megabytes, pack, most):
    lines = put(tmp_path, line, megabytes, pack)
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.memory_run", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(run.stdout)
    assert found["lines"] == lines
    assert found["rejections"] == (lines if line is GARBAGE else 0)
    assert found["growth"] < most * MEGABYTE


@pytest.mark.parametrize(("stage", "most"), [("bin", 330), ("map", 330)])
def test_a_day_of_very_many_rows_takes_little_memory(large_day, stage, most):
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.large_day", stage, str(large_day.root)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(run.stdout)
    assert found["counts"]["rows"] == ROWS
    assert found["growth"] < most * MEGABYTE
