"""Bytes by week, of each asset and of each type: as a wide text and as long Parquet.

Most assets have no traffic in most weeks. Only cells with traffic are held, and one line of the text.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.publishing.asset_types import OTHERS, TYPES, asset_types
from include.s3logs.publishing.figures import Files, joined, quoted
from include.s3logs.publishing.limits import LIMITS, Limits
from include.s3logs.publishing.schemas import ASSET_WEEKS, TYPE_WEEKS, PublishedFile
from include.s3logs.tables.arrays import number_array
from include.s3logs.tables.growing_file import GrowingFile
from include.s3logs.tables.order import run_starts
from include.s3logs.tables.parquet import RowsFile

Numbers = npt.NDArray[np.int64]


def by_week(
    assets: pa.Table, folder: Path, most_columns: int | None = None, limits: Limits = LIMITS
) -> Files:
    """Yield the tables of assets and of types, from sums that are sorted by `asset_path` and `week`.

    A table of more assets than `most_columns` is not written as text.
    """
    cells = _of_assets(assets)
    if most_columns is None or len(cells.names) <= most_columns:
        yield f"{ASSET_WEEKS.name}.tsv", cells.to_tsv(folder / "weeks.tsv", limits)
    long = folder / "weeks.parquet"
    yield f"{ASSET_WEEKS.name}.parquet", cells.to_parquet(long, ASSET_WEEKS, limits.cells)
    types = _of_types(cells)
    yield f"{TYPE_WEEKS.name}.tsv", types.to_tsv(folder / "weeks.tsv", limits)
    yield f"{TYPE_WEEKS.name}.parquet", types.by_name().to_parquet(long, TYPE_WEEKS, limits.cells)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells with traffic, by week and column: `sent[n]` bytes of `names[column[n]]` in `weeks[row[n]]`."""

    weeks: npt.NDArray[np.datetime64]
    names: pa.ChunkedArray
    row: Numbers
    column: Numbers
    sent: Numbers

    def by_name(self) -> "_Cells":
        """Return the same in order of the names within a week, of which there are few."""
        rank = np.argsort(np.argsort(self.names.to_pylist()))
        order = np.lexsort((rank[self.column], self.row))
        return replace(self, row=self.row[order], column=self.column[order], sent=self.sent[order])

    def to_tsv(self, path: Path, limits: Limits) -> bytes | Path:
        """Return a row for each week and a column for each name."""
        file = GrowingFile(path, limits.small)
        file.write(ASSET_WEEKS.names[0].encode())
        for first in range(0, len(self.names), limits.cells):
            names = self.names.slice(first, limits.cells)
            file.write(b"\t" + joined(quoted(names), "\t"))
        weeks_at_once = max(1, limits.cells // max(1, len(self.names)))
        for first in range(0, len(self.weeks), weeks_at_once):
            file.write(self._lines(first, min(first + weeks_at_once, len(self.weeks))))
        file.write(b"\n")
        return file.content()

    def _lines(self, first: int, end: int) -> bytes:
        """Return the rows of weeks[first:end], each after a line feed."""
        weeks, columns = end - first, len(self.names)
        cells = slice(*np.searchsorted(self.row, [first, end]))
        sent = np.zeros((weeks, columns), np.int64)
        sent[self.row[cells] - first, self.column[cells]] = self.sent[cells]
        texts = pc.cast(number_array(sent.ravel(), pa.int64()), pa.string())
        rows = pa.ListArray.from_arrays(pa.array(range(0, (weeks + 1) * columns, columns), pa.int32()), texts)
        names = pa.array([f"\n{week}" for week in self.weeks[first:end]])
        return joined(pc.binary_join_element_wise(names, pc.binary_join(rows, "\t"), "\t"), "")

    def to_parquet(self, path: Path, table: PublishedFile, at_once: int) -> Path:
        """Write a row for each cell with traffic, some at once; return where."""
        file = RowsFile(path, table.schema)
        days = self.weeks.astype(np.int32)
        for first in range(0, len(self.sent), at_once):
            cells = slice(first, first + at_once)
            values = [
                number_array(days[self.row[cells]], pa.date32()),
                self.names.take(number_array(self.column[cells], pa.int64())),
                number_array(self.sent[cells], pa.int64()),
            ]
            file.add(pa.table(values, list(table.names)))
        file.close()
        return path


def _of_assets(assets: pa.Table) -> _Cells:
    starts = run_starts(assets["asset_path"])
    weeks, row = np.unique(assets["week"].to_numpy(), return_inverse=True)
    column = np.repeat(np.arange(len(starts)), np.diff(starts, append=assets.num_rows))
    order = np.argsort(row, kind="stable")
    names = assets["asset_path"].take(number_array(starts, pa.int64()))
    return _Cells(weeks, names, row[order], column[order], assets["bytes_sent"].to_numpy()[order])


def _of_types(assets: _Cells) -> _Cells:
    kinds = [*TYPES, OTHERS]
    number = pc.index_in(asset_types(assets.names), pa.array(kinds)).to_numpy()[assets.column]
    sent = np.zeros((len(assets.weeks), len(kinds)), np.int64)
    np.add.at(sent, (assets.row, number), assets.sent)
    there = np.zeros(sent.shape, np.bool_)
    there[assets.row, number] = True
    used = np.flatnonzero(there.any(axis=0))
    row, column = map(np.ascontiguousarray, np.nonzero(there[:, used]))
    names = pa.chunked_array([pa.array([kinds[n] for n in used], pa.string())])
    return _Cells(assets.weeks, names, row, column, sent[:, used][row, column])
