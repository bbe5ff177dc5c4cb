"""Sorted Parquet files read together, some rows at a time: what is held does not grow with the files."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.s3logs.errors import CorruptLakeError
from include.s3logs.tables.order import split

_BUFFER = 1 << 16  # bytes of a column that are read at once

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What is held in memory at once; the rows and their order do not depend on it."""

    rows: int = 1 << 18
    """About how many rows of all files together."""
    least: int = 1024
    """Rows of one file, however many files there are."""


LIMITS = Limits()


def ranges(
    paths: Sequence[Path],
    columns: Sequence[str],
    keys: Sequence[str],
    arrange: Callable[[pa.Table], pa.Table],
    datasets: Sequence[str] | None = None,
    *,
    limits: Limits = LIMITS,
) -> Iterator[pa.Table]:
    """Yield `columns` of all rows of the files, which are sorted by `keys`, range by range in this order.

    Rows with equal keys are in one range. `arrange` gets the rows of a range, file by file, and returns them
    sorted by the keys, or sums of them. With `datasets`, only rows of these are read, by their row groups.
    """
    most = max(limits.least, limits.rows // max(1, len(paths)))
    last: Key | None = None
    with ExitStack() as stack:
        opened = [
            stack.enter_context(pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)) for path in paths
        ]
        files = [_SortedFile(file, columns, keys, most=most, datasets=datasets) for file in opened]
        while files := [file for file in files if file.fill()]:
            unfinished = [file for file in files if file.has_more]
            bound = min((file.last_key() for file in unfinished), default=None)
            found = [rows for file in files if (rows := file.take_before(bound)).num_rows]
            if not found:  # all that is held of a file has one key, and there may be more of it
                for file in unfinished:
                    if file.last_key() == bound:
                        file.read_on()
                continue
            part = arrange(pa.concat_tables(found))
            if last is not None and not last < _key(part, keys, 0):
                raise CorruptLakeError(
                    f"Not in order of {', '.join(keys)}: {', '.join(path.name for path in paths)}. "
                    "Run their log days again with force."
                )
            last = _key(part, keys, -1)
            yield part


def runs(tables: Iterable[pa.Table], column: str) -> Iterator[tuple[str, Iterator[pa.Table]]]:
    """Yield each value of a column, by which the tables are sorted one after the other, with its rows.

    Like `itertools.groupby`: the rows of a value are there until the next one is asked for.
    """
    pieces = (piece for table in tables for piece in split(table, column).items())
    for value, own in groupby(pieces, key=itemgetter(0)):
        yield value, (rows for _, rows in own)


class _SortedFile:
    """A file that is read from its beginning to its end, some rows at a time."""

    def __init__(
        self,
        file: pq.ParquetFile,
        columns: Sequence[str],
        keys: Sequence[str],
        *,
        most: int,
        datasets: Sequence[str] | None,
    ) -> None:
        self._keys = keys
        self._least = most // 2
        self._datasets = None if datasets is None else pa.array(datasets, pa.string())
        groups = _row_groups(file.metadata, datasets)
        self._batches = file.iter_batches(batch_size=self._least, row_groups=groups, columns=list(columns))
        self._rows = file.schema_arrow.empty_table().select(list(columns))
        self.has_more = True

    def fill(self) -> bool:
        """Hold a good many rows, if there are; tell whether there are any that were not taken."""
        self._read(self._least)
        return bool(self._rows.num_rows)

    def read_on(self) -> None:
        """Hold more rows than now."""
        self._read(self._rows.num_rows + 1)

    def _read(self, least: int) -> None:
        found, count = [self._rows], self._rows.num_rows
        while self.has_more and count < least:
            batch = next(self._batches, None)
            if batch is None:
                self.has_more = False
                break
            rows = pa.Table.from_batches([batch]).select(
                self._rows.column_names
            )  # they come in the file's order
            if self._datasets is not None:
                rows = rows.filter(pc.is_in(rows["dataset"], self._datasets))
            found.append(rows)
            count += rows.num_rows
        if len(found) > 1:
            self._rows = pa.concat_tables(found).combine_chunks()

    def last_key(self) -> Key:
        """Return the key of the last row that is held."""
        return _key(self._rows, self._keys, -1)

    def take_before(self, bound: Key | None) -> pa.Table:
        """Return the rows that are held and come before a key (None: all of them), and let go of them."""
        count = self._rows.num_rows
        if bound is not None:
            count = bisect_left(range(count), bound, key=lambda row: _key(self._rows, self._keys, row))
        taken, self._rows = self._rows.slice(0, count), self._rows.slice(count)
        return taken


def _key(table: pa.Table, keys: Sequence[str], row: int) -> Key:
    return tuple(table[name][row].as_py() for name in keys)


def _row_groups(metadata: pq.FileMetaData, datasets: Sequence[str] | None) -> list[int]:
    """Return the row groups that may hold rows of the datasets, by their statistics."""
    groups = range(metadata.num_row_groups)
    if datasets is None:
        return list(groups)
    names = sorted(datasets)
    at = metadata.schema.to_arrow_schema().get_field_index("dataset")

    def may_hold(group: int) -> bool:
        statistics = metadata.row_group(group).column(at).statistics
        if statistics is None or not statistics.has_min_max:
            return True
        first = bisect_left(names, statistics.min)
        return first < len(names) and names[first] <= statistics.max

    return [group for group in groups if may_hold(group)]
