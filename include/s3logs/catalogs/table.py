"""A catalog that is one table of claims, however it came by it."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.claims import CLAIMS
from include.s3logs.catalogs.datasets import DatasetFilter
from include.s3logs.tables.order import begins

_DRAFT = "draft"  # an archive's newest state, before it gets a version number
_NUMBER_WIDTH = 20
_EXAMPLES = 3


class TableCatalog:
    """Claims in memory. A key that several datasets hold counts for the one whose name comes first."""

    unknown: Sequence[str] = ()

    def __init__(self, rows: pa.Table, digest: str, datasets: DatasetFilter) -> None:
        """Take rows in the order of `in_order` and the digest of what they were read from."""
        self.fingerprint = hashlib.sha256(f"{digest} {datasets.as_text()}".encode()).hexdigest()
        if not datasets.is_open:
            chosen = pa.array(datasets.chosen(pc.unique(rows["dataset"]).to_pylist()), pa.string())
            rows = rows.filter(pc.is_in(rows["dataset"], value_set=chosen))
        self.rows = rows
        self.examples = tuple(rows["object_key"][:_EXAMPLES].unique().to_pylist())

    def claims(self, object_keys: Sequence[str]) -> pa.Table:
        """Return the rows of these keys."""
        if not isinstance(object_keys, pa.Array | pa.ChunkedArray):
            object_keys = pa.array(object_keys, pa.string())
        found = self.rows.filter(pc.is_in(self.rows["object_key"], value_set=object_keys))
        return of_one_dataset(found).cast(CLAIMS)


def in_order(rows: pa.Table) -> pa.Table:
    """Return the rows (schema CLAIMS) once each, by key, dataset, newest version first, and path."""
    rows = rows.group_by(CLAIMS.names).aggregate([])
    versions = sorted(pc.unique(rows["version"]).to_pylist(), key=version_order)
    age = pc.index_in(rows["version"], value_set=pa.array(versions, pa.string()))
    order = [(name, "ascending") for name in ("object_key", "dataset")]
    return (
        rows.append_column("age", age)
        .sort_by([*order, ("age", "descending"), ("asset_path", "ascending")])
        .select(CLAIMS.names)
    )


def of_one_dataset(rows: pa.Table) -> pa.Table:
    """Return the rows (in order) of the first dataset of each key."""
    if not rows.num_rows:
        return rows
    first = begins(rows["object_key"])
    owner = np.flatnonzero(first)[np.cumsum(first) - 1]  # for each row, the first row of its key
    datasets = rows["dataset"].combine_chunks()
    return rows.filter(pc.equal(datasets, datasets.take(pa.array(owner))))


def version_order(version: str) -> tuple[str, str]:
    """Return what sorts versions as people do: 0.9 before 0.10, a draft last."""
    if version == _DRAFT:
        return "~", version
    return ".".join(part.zfill(_NUMBER_WIDTH) for part in version.split(".")), version
