"""Rows in order: sorted, told apart, and where each stretch of equal ones begins."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.tables.arrays import number_array


def sorted_by_all(table: pa.Table, *first: str) -> pa.Table:
    """Return the rows in one fixed order: by the columns `first`, then by all others; null comes last."""
    return table.sort_by([(name, "ascending") for name in all_columns(table, *first)])


def all_columns(table: pa.Table, *first: str) -> list[str]:
    """Return the names of the columns `first` and then of all others."""
    return [*first, *(name for name in table.column_names if name not in first)]


def distinct(table: pa.Table, *keys: str) -> pa.Table:
    """Return the different values of the columns `keys`, sorted."""
    return (
        table.group_by(list(keys)).aggregate([]).select(list(keys)).sort_by([(k, "ascending") for k in keys])
    )


def split(table: pa.Table, column: str) -> dict[str, pa.Table]:
    """Return the rows of each value of a column, by which the table is sorted, without that column."""
    starts = run_starts(table[column])
    rest = table.drop_columns([column])
    bounds = [*starts.tolist(), table.num_rows]
    names = table[column].take(number_array(starts, pa.int64())).to_pylist()
    return {
        name: rest.slice(start, stop - start)
        for name, (start, stop) in zip(names, pairwise(bounds), strict=True)
    }


def run_starts(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return where in sorted values each different one begins."""
    if not len(values):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.r_[True, pc.not_equal(values[1:], values[:-1]).to_numpy()])


def begins(ordered: pa.ChunkedArray) -> np.ndarray:
    """Return for each of the ordered texts whether it is the first one of its kind (booleans)."""
    texts = ordered.combine_chunks()
    first = np.ones(len(texts), np.bool_)
    if len(texts):
        first[1:] = pc.not_equal(texts[1:], texts[:-1]).to_numpy(zero_copy_only=False)
    return first


def stretches(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the positions start, start + 1, … of each stretch, one stretch after the other."""
    before = np.cumsum(lengths) - lengths  # positions of the stretches before
    return np.asarray(np.arange(lengths.sum()) + np.repeat(starts - before, lengths))
