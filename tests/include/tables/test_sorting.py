"""Sorting and grouping rows that are too many for the memory; here the memory is a few rows."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.tables.order import distinct, sorted_by_all
from include.s3logs.tables.sorting import Groups, Limits, Sorter, grouped
from include.s3logs.tables.temporary import temporary_folder
from include.s3logs.tables.totals import TOTALS, total_by, totals_schema

SCHEMA = pa.schema(
    [
        ("bytes", pa.int64()),
        ("key", pa.string()),
        ("time", pa.timestamp("s", "UTC")),
        ("status", pa.int16()),
        ("hash", pa.uint64()),
        ("day", pa.date32()),
    ]
)
TIME = datetime(2024, 6, 1, tzinfo=UTC)
FEW = {  # values, so that rows are often equal, or differ in one column only
    "bytes": [0, 7, 2**62, None],
    "key": ["", "a", "a\x00", "ab", "é", "\U0001f98a", "\uffff", None],
    "time": [TIME, TIME.replace(year=1969), None],
    "status": [200, 206, None],
    "hash": [0, 2**64 - 1, None],
    "day": [TIME.date(), None],
}
ROWS = st.lists(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in FEW.items()}))
LIMITS = st.builds(
    Limits,
    run=st.integers(1, 400),
    batch=st.integers(1, 4),
    step=st.integers(1, 400),
    runs=st.integers(2, 4),
    piece=st.integers(1, 5),
)
TINY = Limits(run=1, batch=1, step=1, runs=2, piece=1)


def table(rows):
    return pa.Table.from_pylist(rows, SCHEMA)


def tables(rows, lengths):
    """The rows in tables of these many rows, and the rest."""
    whole, begin = table(rows), 0
    for length in lengths:
        yield whole.slice(begin, length)
        begin += length
    yield whole.slice(begin)


def sort(parts, limits, *first):
    with temporary_folder() as folder:
        sorter = Sorter(folder / "rows", SCHEMA, *first, limits=limits)
        for part in parts:
            sorter.add(part)
        found = list(sorter.sorted())
        left = [path.name for path in folder.iterdir()]
    assert left == []
    assert all(0 < part.num_rows <= limits.piece for part in found)
    return pa.concat_tables([SCHEMA.empty_table(), *found])


@given(ROWS, st.lists(st.integers(0, 5), max_size=10), LIMITS)
def test_rows_come_in_the_order_of_one_sort_whatever_fits_in_the_memory(rows, lengths, limits):
    found = sort(tables(rows, lengths), limits, "key", "time")
    assert found.equals(sorted_by_all(table(rows), "key", "time"))


@given(st.data(), ROWS)
def test_the_order_in_which_rows_come_makes_no_difference(data, rows):
    shuffled = data.draw(st.permutations(rows))
    one, other = (sort(tables(given, [3, 3]), TINY, "time") for given in (rows, shuffled))
    assert one.equals(other)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_rows_that_are_all_equal(count):
    row = {name: values[1] for name, values in FEW.items()}
    found = sort(tables([row] * count, [100] * 9), Limits(run=2000, batch=7, step=500, runs=3), "key")
    assert found.to_pylist() == [row] * count


def test_one_key_with_most_rows_of_many():
    rows = [{"key": "most" if n % 10 else f"k{n}", "bytes": n * 7919 % 1000} for n in range(2000)]
    found = sort(tables(rows, [33] * 50), Limits(run=1000, batch=4, step=500, runs=5, piece=64), "key")
    expected = sorted((row["key"], row["bytes"]) for row in rows)
    assert [(row["key"], row["bytes"]) for row in found.to_pylist()] == expected


def test_what_waits_in_a_merge_does_not_grow_with_the_rows():
    """The memory of Arrow is all that counts here; the rows are some 15 MB."""
    limits = Limits(run=400_000, batch=256, step=400_000, runs=16, piece=1000)
    before = pa.total_allocated_bytes()
    with temporary_folder() as folder:
        sorter = Sorter(folder / "rows", pa.schema([("n", pa.int64()), ("key", pa.string())]), limits=limits)
        for n in range(200):
            numbers = pa.array(range(n, 400_000, 200))
            sorter.add(pa.table({"n": numbers, "key": pa.repeat("a key of some length", len(numbers))}))
            assert pa.total_allocated_bytes() - before < 3 * limits.run
        count, most = 0, 0
        for rows in sorter.sorted():
            most = max(most, pa.total_allocated_bytes() - before)
            assert rows["n"].to_pylist() == list(range(count, count + rows.num_rows))
            count += rows.num_rows
    assert count == 400_000
    assert most < 5 * limits.step


def test_what_fits_in_a_run_is_not_written(tmp_path):
    sorter = Sorter(tmp_path / "absent" / "rows", SCHEMA, "key")
    sorter.add(table([{"key": "b"}, {"key": "a"}]))
    assert [row["key"] for part in sorter.sorted() for row in part.to_pylist()] == ["a", "b"]
    with pytest.raises(FileNotFoundError):
        Sorter(tmp_path / "absent" / "rows", SCHEMA, "key", limits=TINY).add(table([{"key": "b"}]))


MEASURED = [*["key", "day"], *TOTALS]


def measured(rows):
    return pa.table(
        {
            "key": pa.array([row["key"] for row in rows], pa.string()),
            "day": pa.array([row["day"] for row in rows], pa.date32()),
            **{name: pa.array([row["status"] or 0 for row in rows], pa.int64()) for name in TOTALS},
        }
    )


@given(ROWS, st.lists(st.integers(0, 5), max_size=10))
def test_totals_of_rows_in_any_order_are_those_of_all_at_once(rows, lengths):
    schema = totals_schema(pa.schema([("key", pa.string())]), "key", "event_day")
    renamed = [measured([]).rename_columns(schema.names)] if not rows else []
    begin = 0
    for length in [*lengths, len(rows)]:
        part = rows[begin : begin + length]
        renamed.append(measured(part).rename_columns(schema.names))
        begin += length
    with temporary_folder() as folder:
        groups = Groups(Path(folder) / "groups", schema, total_by, "key", "event_day")
        for part in renamed:
            groups.add(part)
        found = pa.concat_tables([schema.empty_table(), *groups.all()])
    assert found.equals(total_by(measured(rows).rename_columns(schema.names), "key", "event_day"))


@given(ROWS, st.lists(st.integers(0, 5), max_size=10))
def test_different_values_over_the_borders_of_tables(rows, lengths):
    ordered = sorted_by_all(table(rows), "key", "hash").to_pylist()
    found = list(grouped(tables(ordered, lengths), distinct, "key", "hash"))
    expected = distinct(table(rows), "key", "hash")
    assert pa.concat_tables(found).equals(expected)


def test_groups_that_do_not_fit_in_the_memory(tmp_path):
    values = [n * 7919 % 50 for n in range(500)]
    groups = Groups(tmp_path / "groups", pa.schema([("n", pa.int64())]), distinct, "n", limits=TINY)
    for begin in range(0, 500, 20):
        groups.add(pa.table({"n": values[begin : begin + 20]}))
    assert any(tmp_path.iterdir())
    assert [row["n"] for part in groups.all() for row in part.to_pylist()] == list(range(50))
    assert not any(tmp_path.iterdir())


def test_nothing_has_no_groups():
    assert list(grouped(iter([]), distinct, "key")) == []
