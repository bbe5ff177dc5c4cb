"""Rows in order: sorted, told apart, and where each stretch of equal ones begins."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.tables.arrays import bools_of, number_array, numbers_of, whole

_SMALL = 4096  # rows


def sorted_by_all(table: pa.Table, *first: str) -> pa.Table:
    """Return the rows in one fixed order: by the columns `first`, then by all others; null comes last."""
    return sorted_by(table, *all_columns(table, *first))


def sorted_by(table: pa.Table, *keys: str) -> pa.Table:
    """Return the rows in the order of the columns `keys`; null comes last."""
    return table.take(pc.sort_indices(table, sort_keys=[(key, "ascending") for key in keys]))


def all_columns(table: pa.Table, *first: str) -> list[str]:
    """Return the names of the columns `first` and then of all others."""
    return [*first, *(name for name in table.column_names if name not in first)]


def distinct(table: pa.Table, *keys: str) -> pa.Table:
    """Return the different values of the columns `keys`, sorted."""
    names = list(keys)
    if is_small(table):
        rows, starts = groups(table.select(names), *keys)
        return rows.take(number_array(starts, pa.int64()))
    return sorted_by(table.group_by(names).aggregate([]).select(names), *keys)


def is_small(table: pa.Table) -> bool:
    """Tell whether Arrow's `group_by` would take longer to begin than `groups` takes."""
    return bool(table.num_rows <= _SMALL)


def groups(table: pa.Table, *keys: str) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Return the rows sorted by the columns `keys`, and where each group of equal ones begins."""
    rows = sorted_by(table.combine_chunks(), *keys)
    is_first = np.zeros(rows.num_rows, np.bool_)
    is_first[:1] = True
    for key in keys:
        codes = numbers_of(whole(rows[key]).dictionary_encode("encode").indices)
        is_first[1:] |= codes[1:] != codes[:-1]
    return rows, np.flatnonzero(is_first)


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
    return np.flatnonzero(np.r_[True, bools_of(whole(pc.not_equal(values[1:], values[:-1])))])


def begins(ordered: pa.ChunkedArray) -> np.ndarray:
    """Return for each of the ordered texts whether it is the first one of its kind (booleans)."""
    texts = whole(ordered)
    first = np.ones(len(texts), np.bool_)
    if len(texts):
        first[1:] = bools_of(pc.not_equal(texts[1:], texts[:-1]))
    return first


def stretches(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the positions start, start + 1, … of each stretch, one stretch after the other."""
    before = np.cumsum(lengths) - lengths  # positions of the stretches before
    return np.asarray(np.arange(lengths.sum()) + np.repeat(starts - before, lengths))
