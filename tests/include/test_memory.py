"""A day is reduced and rolled up in bounded memory, however large its log objects are, or become unpacked."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tests.support.memory_run import GARBAGE, KEY, LINE, PROC

pytestmark = pytest.mark.skipif(not (PROC / "clear_refs").exists(), reason="Linux tells the peak")
MEGABYTE = 1_000_000


def put(folder, line, megabytes, pack):
    """Write one object of that many bytes; no two of its lines are the same."""
    path = folder / "source" / KEY
    path.parent.mkdir()
    lines = megabytes * MEGABYTE // len(line)
    values = line.count(b"%")
    file = pa.OSFile(str(path), "wb")
    with pa.CompressedOutputStream(file, "zstd") if pack else file as sink:
        for first in range(0, lines, 1000):
            sink.write(b"".join(line % ((n,) * values) for n in range(first, first + 1000)))
    return len(range(0, lines, 1000)) * 1000


def measured(*arguments):
    """Return what a process of its own says."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.memory_run", *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize(
    ("line", "megabytes", "pack", "most"),
    [(LINE, 300, False, 175), (LINE, 300, True, 175), (GARBAGE, 150, True, 120)],
    ids=["plain", "packed", "garbage"],
)
def test_a_large_object_takes_little_memory(tmp_path, line, megabytes, pack, most):
    lines = put(tmp_path, line, megabytes, pack)
    found = measured(tmp_path)
    assert found["lines"] == lines
    assert found["rejections"] == (lines if line is GARBAGE else 0)
    assert found["growth"] < most * MEGABYTE


@pytest.mark.parametrize("pack", [False, True])
def test_rolling_up_a_large_object_takes_little_memory(tmp_path, pack):
    lines = put(tmp_path, LINE, 300, pack)
    found = measured(tmp_path, "roll_up")
    assert (found["lines"], found["deleted"]) == (lines + 1, 1)
    assert found["growth"] < 100 * MEGABYTE
