"""Sorted files that are read together, some rows at a time."""

import random
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.s3logs.errors import CorruptLakeError
from include.s3logs.tables import merging
from include.s3logs.tables.merging import LIMITS, Limits, ranges, runs

FEW = Limits(rows=40, least=5)
KEYS = ("dataset", "asset_path", "timestamp")
KINDS = pa.schema(
    [("size", pa.int64()), ("dataset", pa.string()), ("asset_path", pa.string()), ("timestamp", pa.int64())]
)


def write(path, rows, group=1 << 20):
    """Rows are (dataset, asset path, timestamp, size); the file has its columns in another order."""
    table = pa.table(
        {
            name: pa.array([row[n] for row in rows], KINDS.field(name).type)
            for name, n in (("size", 3), ("dataset", 0), ("asset_path", 1), ("timestamp", 2))
        }
    )
    pq.write_table(table, path, row_group_size=group)
    return path


def by_all(table):
    return table.sort_by([(name, "ascending") for name in (*KEYS, "size")])


def read(paths, datasets=None, limits=LIMITS):
    return [
        [tuple(row.values()) for row in part.to_pylist()]
        for part in ranges(paths, (*KEYS, "size"), KEYS, by_all, datasets, limits=limits)
    ]


class Recording(pq.ParquetFile):
    """Notes which row groups are read, and of which columns."""

    read_groups: list

    def iter_batches(self, *args, **kwargs):
        self.read_groups.append(list(kwargs["row_groups"]))
        yield from super().iter_batches(*args, **kwargs)


@pytest.fixture
def groups(monkeypatch):
    monkeypatch.setattr(merging.pq, "ParquetFile", Recording)
    monkeypatch.setattr(Recording, "read_groups", [], raising=False)
    return Recording.read_groups


@pytest.mark.parametrize("group", [7, 64, 1 << 20])
@pytest.mark.parametrize("seed", range(6))
def test_all_rows_come_once_and_in_order(tmp_path, group, seed):
    rng = random.Random(seed)
    files = [
        [
            (f"d{rng.randrange(4)}", "é/ab"[rng.randrange(4)], rng.randrange(20), rng.randrange(3))
            for _ in range(rng.choice([0, 1, 90, 300]))
        ]
        for _ in range(5)
    ]
    paths = [write(tmp_path / f"{n}.parquet", sorted(rows), group) for n, rows in enumerate(files)]
    expected = sorted(row for rows in files for row in rows)
    parts = read(paths, limits=FEW)
    assert [row for part in parts for row in part] == expected
    assert all(before[-1][:3] < after[0][:3] for before, after in pairwise(parts))
    some = read(paths, ["d1", "d3", "nobody"], FEW)
    assert [row for part in some for row in part] == [row for row in expected if row[0] in ("d1", "d3")]


@pytest.mark.parametrize("group", [64, 1 << 20])
def test_no_more_rows_are_held_than_asked_for(tmp_path, group):
    rows = [("d", f"{n // 10:04}", n, 0) for n in range(2_000)]
    paths = [write(tmp_path / f"{n}.parquet", rows[n::4], group) for n in range(4)]
    parts = read(paths, limits=FEW)
    assert sum(map(len, parts)) == 2_000
    assert max(map(len, parts)) <= 2 * 40


def test_equal_keys_stay_together_even_if_they_are_more_than_are_held(tmp_path):
    rows = [("d", "a", 1, n) for n in range(500)]
    paths = [write(tmp_path / "1.parquet", rows), write(tmp_path / "2.parquet", [("d", "a", 2, 0)])]
    assert read(paths, limits=FEW)[0][:500] == rows


def test_only_row_groups_of_the_datasets_are_read(tmp_path, groups):
    rows = [(f"d{n:02}", "a", 0, n) for n in range(30)]
    path = write(tmp_path / "1.parquet", rows, 5)
    assert read([path], ["d07", "d21", "x"]) == [[rows[7], rows[21]]]
    assert groups == [[1, 4]]


def test_row_groups_without_statistics_are_read(tmp_path, groups):
    """Of very long names Parquet keeps none."""
    rows = [(letter * 5_000, "a", 0, 0) for letter in "abc"]
    path = write(tmp_path / "1.parquet", rows, 1)
    assert read([path], ["b" * 5_000]) == [[rows[1]]]
    assert groups == [[0, 1, 2]]


def test_files_that_are_not_in_order_are_an_error(tmp_path):
    rows = [("d", f"{n:04}", 0, 0) for n in range(100)]
    rows[10], rows[90] = rows[90], rows[10]
    with pytest.raises(CorruptLakeError, match=r"dataset, asset_path, timestamp.*1\.parquet"):
        read([write(tmp_path / "1.parquet", rows)], limits=FEW)


def test_runs_go_on_in_the_next_table():
    def table(names):
        return pa.table({"name": list(names), "n": list(range(len(names)))})

    found = [
        (name, [part["n"].to_pylist() for part in parts])
        for name, parts in runs(map(table, ["aab", "bb", "bc"]), "name")
    ]
    assert found == [("a", [[0, 1]]), ("b", [[2], [0, 1], [0]]), ("c", [[1]])]
