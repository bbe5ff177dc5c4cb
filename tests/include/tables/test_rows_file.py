"""The files of a reduced day that grow on disk."""

import json
import random
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.s3logs.errors import StoreUnavailableError
from include.s3logs.logs.names import LogObject
from include.s3logs.quarantine.file import QuarantineFile
from include.s3logs.tables.parquet import RowsFile
from include.s3logs.tables.temporary import temporary_folder

SCHEMA = pa.schema([("key", pa.string()), ("bytes", pa.int64())])
OBJECT = LogObject("reef", "logs/2024-06-01-11-00-00-A", 10, "e")
GROUP = 65_536


def rows(first, stop):
    numbers = range(first, stop)
    keys = [None if n % 7 == 0 else f"key {n}" for n in numbers]
    return pa.table({"key": keys, "bytes": list(numbers)}, SCHEMA)


def written(folder, borders):
    file = RowsFile(folder / "rows", SCHEMA)
    for first, stop in zip([0, *borders], borders, strict=False):
        file.add(rows(first, stop))
    file.close()
    return file.path.read_bytes()


def test_batches_of_rows_do_not_change_the_bytes(tmp_path):
    total, some = 3 * GROUP + 1000, random.Random(1)
    whole = written(tmp_path, [total])
    for borders in ([GROUP, 2 * GROUP, total], sorted(some.sample(range(total), 100)), range(0, total, 1000)):
        assert written(tmp_path, [*borders, total]) == whole
    parquet = pq.ParquetFile(tmp_path / "rows")
    groups = [parquet.metadata.row_group(n).num_rows for n in range(parquet.num_row_groups)]
    assert groups == [GROUP, GROUP, GROUP, 1000]
    assert parquet.read() == rows(0, total)


@pytest.mark.parametrize("total", [0, 1, GROUP])
def test_any_number_of_rows_is_read_back(tmp_path, total):
    written(tmp_path, [total])
    assert pq.read_table(tmp_path / "rows") == rows(0, total)


def test_small_batches_do_not_hold_on_to_large_buffers(tmp_path):
    file = RowsFile(tmp_path / "rows", SCHEMA)
    before = pa.total_allocated_bytes()
    for n in range(50):
        numbers = pa.array(range(100_000))
        file.add(pa.table({"key": ["key"], "bytes": numbers[n : n + 1]}, SCHEMA))
    assert pa.total_allocated_bytes() - before < 2_000_000
    file.close()
    assert pq.read_table(tmp_path / "rows")["bytes"].to_pylist() == list(range(50))


def test_the_quarantine_keeps_every_line_and_shows_the_first(tmp_path):
    file = QuarantineFile(tmp_path / "quarantine")
    file.add(OBJECT, None, "unreadable: gone", None)
    for number in range(1, 6):
        file.add(OBJECT, number, "why", b"\xff line %d " % number + b"x" * 1000)
    file.add(OBJECT, 6, "why", b"X-Amz-Signature=5ec4e7")
    file.close()
    entries = [json.loads(text) for text in file.path.read_text("ascii").splitlines()]
    assert entries[0] == {
        "source": "reef",
        "log_object": OBJECT.key,
        "line_number": None,
        "reason": "unreadable: gone",
        "raw": None,
    }
    assert entries[5]["raw"].encode("utf-8", "surrogateescape") == b"\xff line 5 " + b"x" * 1000
    assert len(entries) == 7
    assert file.examples == [f"{OBJECT.key} line {n}: why" for n in (1, 2, 3)]


def test_the_folder_goes_away_whatever_happens(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_folder() as folder:
        (folder / "rows").write_bytes(b"content")
        assert folder.parent == tmp_path
    with pytest.raises(KeyError), temporary_folder() as folder:
        (folder / "rows").write_bytes(b"content")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_where_and_can_heal(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(StoreUnavailableError, match=f"{tmp_path}.*TMPDIR.*No space left"), temporary_folder():
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(StoreUnavailableError, match="absent"), temporary_folder() as folder:
        assert isinstance(folder, Path)
