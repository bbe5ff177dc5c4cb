"""Sort rows that are too many for the memory: sorted runs on disk, merged.

A run is sorted in memory and written in batches of some rows. The merge reads the batches of all runs in the
order of their first rows. So what is not greater than the first row of the next batch comes before everything
that is not read yet, and is ready; of each run at most one batch has to wait. As rows are compared by all
their columns, equal ones are the same, and it does not matter which goes first or how many there are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.tables.arrays import empty_table, number_array
from include.s3logs.tables.order import all_columns, sorted_by_all
from include.s3logs.tables.parquet import release_unused


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sorter holds in memory at once; the result does not depend on it."""

    run: int = 16 << 20
    """Bytes of a run; up to three times as many are needed while it is sorted."""
    batch: int = 512
    """Rows of a batch of a run."""
    step: int = 8 << 20
    """Bytes that a step of the merge reads."""
    runs: int = 256
    """Runs that are merged at once; of more, so many become one first."""
    piece: int = 1 << 15
    """Rows that are given back at once."""


LIMITS = Limits()
Combine = Callable[..., pa.Table]


class Sorter:
    """Rows in the one order of `tables.sorted_by_all`: `add` them, then take them `sorted`, once.

    Columns are texts, whole numbers, times or days, of which null comes last. What fits in a run never
    touches the disk; more is kept in files whose names begin with `path`.
    """

    def __init__(self, path: Path, schema: pa.Schema, *first: str, limits: Limits = LIMITS) -> None:
        self._path, self._schema, self._first = path, schema, first
        self._limits = limits
        self._waiting = [empty_table(schema)]
        self._size = 0  # bytes that wait
        self._runs: _Runs | None = None

    def add(self, rows: pa.Table) -> None:
        """Add rows (of the schema)."""
        self._waiting.append(rows)
        self._size += rows.nbytes
        if self._size >= self._limits.run:
            self._spill()

    def sorted(self) -> Iterator[pa.Table]:
        """Yield all rows in order, some at a time."""
        if self._runs is None:
            return self._in_pieces([self._settled()])
        self._spill()
        return self._in_pieces(self._merged(self._runs))

    def _settled(self) -> pa.Table:
        """Return what waits, sorted."""
        rows = pa.concat_tables(self._waiting).combine_chunks()
        self._waiting, self._size = [empty_table(self._schema)], 0
        return sorted_by_all(rows, *self._first)

    def _spill(self) -> None:
        if self._runs is None:
            self._runs = self._new_runs(0)
        self._runs.add([self._settled()])
        release_unused()

    def _new_runs(self, level: int) -> "_Runs":
        return _Runs(self._path.with_name(f"{self._path.name}-{level}"), self._schema, self._limits)

    def _merged(self, runs: "_Runs") -> Iterator[pa.Table]:
        """Merge so many runs at a time until these are all."""
        level = 0
        while runs.count > self._limits.runs:
            level += 1
            fewer = self._new_runs(level)
            for begin in range(0, runs.count, self._limits.runs):
                fewer.add(runs.merged(begin, begin + self._limits.runs, self._first))
            runs.remove()
            runs = fewer
        yield from runs.merged(0, runs.count, self._first)
        runs.remove()

    def _in_pieces(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for table in tables:
            for begin in range(0, table.num_rows, self._limits.piece):
                yield table.slice(begin, self._limits.piece)


class Groups:
    """One row for each group of rows, which come in any order: `combine(table, *keys)` makes them.

    That is `tables.total_by` or `tables.distinct`, or whatever takes its own results as well.
    """

    def __init__(
        self, path: Path, schema: pa.Schema, combine: Combine, *keys: str, limits: Limits = LIMITS
    ) -> None:
        self.schema, self._combine, self._keys = schema, combine, keys
        # Of these there are several at once.
        self._sorter = Sorter(path, schema, *keys, limits=replace(limits, run=limits.run // 4))

    def add(self, rows: pa.Table) -> None:
        """Add rows, which may have other columns, too."""
        self._sorter.add(self._combine(rows, *self._keys))

    def all(self) -> Iterator[pa.Table]:
        """Yield the row of each group in order, some at a time, once."""
        return grouped(self._sorter.sorted(), self._combine, *self._keys)


def grouped(tables: Iterable[pa.Table], combine: Combine, *keys: str) -> Iterator[pa.Table]:
    """Yield the row that `combine(table, *keys)` makes of each group, some at a time.

    The groups are in order, and may go over the borders of tables.
    """
    held = None
    for table in tables:
        parts = [table] if held is None else [held, table.select(held.column_names)]
        rows = combine(pa.concat_tables(parts), *keys)
        last = max(rows.num_rows - 1, 0)
        yield rows.slice(0, last)
        held = rows.slice(last)
    if held is not None:
        yield held


class _Runs:
    """Sorted runs in one file, and in memory the first row of each of their batches."""

    def __init__(self, path: Path, schema: pa.Schema, limits: Limits) -> None:
        self._path, self._schema, self._limits = path, schema, limits
        self._writer = pa.ipc.new_file(path, schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))
        self._firsts = [empty_table(schema)]
        self._starts = [0]  # where each run begins, in batches; at last where the next one would

    @property
    def count(self) -> int:
        """Return how many runs there are."""
        return len(self._starts) - 1

    def add(self, tables: Iterable[pa.Table]) -> None:
        """Add a run: tables that are sorted, one after the other."""
        stop = self._starts[-1]
        for table in tables:
            if not table.num_rows:
                continue
            rows = table.combine_chunks()
            begins = np.arange(0, rows.num_rows, self._limits.batch)
            self._firsts.append(rows.take(number_array(begins, pa.int64())))
            self._writer.write_table(rows, max_chunksize=self._limits.batch)
            stop += len(begins)
        self._starts.append(stop)

    def merged(self, begin: int, stop: int, first: tuple[str, ...]) -> Iterator[pa.Table]:
        """Yield the rows of the runs from `begin` to before `stop` in order."""
        self._writer.close()  # there are no more runs
        start, end = self._starts[begin], self._starts[min(stop, self.count)]
        firsts = pa.concat_tables(self._firsts).slice(start, end - start)
        numbered = firsts.append_column("", number_array(np.arange(start, end), pa.int64()))
        numbered = sorted_by_all(numbered, *first)
        order = numbered[""].to_pylist()
        held, at = empty_table(self._schema), 0
        with pa.OSFile(str(self._path)) as source, pa.ipc.open_file(source) as batches:
            while at < len(order):
                read, size = [held], 0
                while at < len(order) and size < self._limits.step:
                    batch = batches.get_batch(order[at])
                    read.append(pa.Table.from_batches([batch]))
                    size += batch.nbytes
                    at += 1
                held = sorted_by_all(pa.concat_tables(read).combine_chunks(), *first)
                ready = held.num_rows
                if at < len(order):
                    ready = _up_to(held, numbered.slice(at, 1).select(held.column_names), first)
                yield held.slice(0, ready)
                held = held.slice(ready)
                release_unused()

    def remove(self) -> None:
        """Remove the file."""
        self._path.unlink()


def _up_to(rows: pa.Table, bound: pa.Table, first: tuple[str, ...]) -> int:
    """Return how many of the sorted rows are not greater than the one row `bound`."""
    begin, stop = 0, int(rows.num_rows)  # where rows are like the bound, as far as columns were looked at
    for name in all_columns(rows, *first):
        column, value = rows[name].slice(begin, stop - begin), bound[name][0]
        if value.is_valid:
            less, like = (pc.sum(test(column, value)).as_py() or 0 for test in (pc.less, pc.equal))
        else:
            less, like = len(column) - column.null_count, column.null_count
        begin, stop = begin + less, begin + less + like
    return stop
