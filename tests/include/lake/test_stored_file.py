"""A key of a store as a file: it gives what a file in memory would, and nothing else is asked for."""

import io
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.errors import NotFoundError
from include.s3logs.lake.stored_file import StoredFile
from include.s3logs.stores.folder import LocalStore

CONTENT = bytes(range(100))
MOVES = st.tuples(st.just("seek"), st.integers(0, 120), st.just(io.SEEK_SET))
ENDS = st.tuples(st.just("seek"), st.integers(-100, 20), st.just(io.SEEK_END))
READS = st.tuples(st.just("read"), st.integers(-1, 130))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = LocalStore(tmp_path_factory.mktemp("store"))
    store.write("key", CONTENT)
    return store


@given(st.lists(st.one_of(MOVES, ENDS, READS), max_size=10))
def test_it_reads_and_seeks_as_a_file_in_memory_does(store, steps):
    ours, expected = StoredFile(store, "key", len(CONTENT)), io.BytesIO(CONTENT)
    for name, *arguments in steps:
        assert getattr(ours, name)(*arguments) == getattr(expected, name)(*arguments)
        assert ours.tell() == expected.tell()


def test_of_a_table_only_the_columns_and_row_groups_asked_for_are_read(tmp_path):
    count = 200_000
    table = pa.table({"n": [n % 7 for n in range(count)], "noise": [os.urandom(16) for _ in range(count)]})
    pq.write_table(table, tmp_path / "table", row_group_size=count // 4)
    size = (tmp_path / "table").stat().st_size
    file = StoredFile(LocalStore(tmp_path), "table", size)
    with pq.ParquetFile(file) as parquet:
        assert parquet.num_row_groups == 4
        assert parquet.read_row_group(2, columns=["n"])["n"].to_pylist() == [
            n % 7 for n in range(count // 2, count // 4 * 3)
        ]
    # Parquet begins with the last 64 KiB, where the list of columns is.
    assert size > 3_000_000
    assert file.bytes_read < (64 << 10) + 30_000


def test_a_key_that_is_gone_is_named():
    with pytest.raises(NotFoundError, match="nothing"):
        pq.ParquetFile(StoredFile(LocalStore("/nowhere"), "nothing", 1000))
