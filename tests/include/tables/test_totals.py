"""Totals and different values: of few rows and of many, in one order, whatever is null."""

from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.tables.arrays import empty_table, optional_texts, scalar_of
from include.s3logs.tables.order import distinct, is_small
from include.s3logs.tables.totals import TOTALS, total_by

KEYS = ("object_key", "day", "requester")
SCHEMA = pa.schema(
    [
        ("object_key", pa.string()),
        ("day", pa.date32()),
        ("requester", pa.uint64()),
        *((name, pa.int64()) for name in TOTALS),
    ]
)
TEXTS = st.none() | st.sampled_from(["", "a", "á", "b", "aa"])
NUMBERS = st.integers(-(2**40), 2**40)
ROWS = st.lists(
    st.tuples(TEXTS, st.none() | st.dates(), st.none() | st.integers(0, 2**64 - 1), *[NUMBERS] * len(TOTALS))
)
MANY = 5000


def table_of(rows):
    columns = zip(*rows, strict=True) if rows else [[]] * len(SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def place(key):
    """Where a key sorts: null comes last, texts are in the order of their bytes."""
    return [(part is None, part.encode() if isinstance(part, str) else part or 0) for part in key]


def expected(rows, width):
    sums = defaultdict(lambda: [0] * len(TOTALS))
    for row in rows:
        key = row[:width]
        sums[key] = [old + new for old, new in zip(sums[key], row[len(KEYS) :], strict=True)]
    return [(*key, *sums[key]) for key in sorted(sums, key=place)]


def rows_of(table):
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True)) if table.num_rows else []


@given(ROWS, st.integers(1, len(KEYS)))
def test_totals_and_different_values_of_few_rows(rows, width):
    keys, table = KEYS[:width], table_of(rows)
    assert is_small(table)
    totals, different = total_by(table, *keys), distinct(table, *keys)
    assert rows_of(totals) == expected(rows, width)
    assert rows_of(different) == [row[:width] for row in expected(rows, width)]
    assert totals.schema.names == [*keys, *TOTALS]
    assert totals.schema.types == [*(SCHEMA.field(key).type for key in keys), *[pa.int64()] * len(TOTALS)]
    assert different.schema.equals(pa.schema([SCHEMA.field(key) for key in keys]))


@pytest.mark.parametrize("width", [1, 2, 3])
def test_of_many_rows_they_are_the_same(width):
    few = table_of([("b", None, 7, 1, 2, 3, 4), (None, None, None, 5, 6, 7, 8), ("b", None, 7, 9, 1, 1, 1)])
    many = pa.concat_tables([few] * MANY)
    assert not is_small(many)
    keys = KEYS[:width]
    once = total_by(few, *keys)
    sums = [[MANY * number for number in once[name].to_pylist()] for name in TOTALS]
    totals = total_by(many, *keys)
    assert totals.select(list(keys)).equals(once.select(list(keys)))
    assert [totals[name].to_pylist() for name in TOTALS] == sums
    assert distinct(many, *keys).equals(distinct(few, *keys))


def test_a_measure_that_is_null_everywhere_stays_null():
    table = table_of([("a", None, 1, None, 1, 1, 1)])
    assert total_by(table, "object_key")["bytes_sent"].to_pylist() == [None]


def test_what_is_made_of_python_values_is_what_arrow_makes_of_them():
    assert optional_texts(["a", None, "", "ö"]).equals(pa.array(["a", None, "", "ö"], pa.string()))
    assert optional_texts([]).equals(pa.array([], pa.string()))
    for value, kind in (("ö", pa.string()), (-1, pa.int32()), (2**63, pa.uint64()), (0.5, pa.float64())):
        assert scalar_of(value, kind) == pa.scalar(value, kind)
    assert empty_table(SCHEMA).equals(SCHEMA.empty_table())
