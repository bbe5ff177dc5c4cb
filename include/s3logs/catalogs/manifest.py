"""A catalog in a CSV or Parquet file with the columns `object_key, dataset, version, asset_path`."""

import hashlib
import warnings
from io import BytesIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.s3logs.catalogs.claims import CLAIMS
from include.s3logs.catalogs.datasets import ALL, DatasetFilter
from include.s3logs.catalogs.folders import LONGEST_FOLDER, RESERVED, folder_of
from include.s3logs.catalogs.table import TableCatalog, in_order
from include.s3logs.catalogs.zarr import collapse_zarr
from include.s3logs.errors import CatalogError

_PARQUET = b"PAR1"


class ManifestCatalog(TableCatalog):
    """The manifest: one row for each object of each version. An object is of one dataset only."""

    def __init__(self, data: bytes, name: str, datasets: DatasetFilter = ALL) -> None:
        """Read the file; CatalogError names `name` and the row that makes no sense."""
        rows = _checked(_read(data, name), name)
        self.unknown = datasets.check(rows["dataset"])
        table = pa.Table.from_pandas(rows, CLAIMS, preserve_index=False)
        super().__init__(in_order(table), hashlib.sha256(data).hexdigest(), datasets)


def _read(data: bytes, name: str) -> pd.DataFrame:
    is_parquet = data.startswith(_PARQUET)
    try:
        return _read_parquet(data) if is_parquet else _read_csv(data)
    except (ValueError, pa.ArrowException, OSError, pd.errors.ParserWarning) as error:
        kind = "Parquet" if is_parquet else "CSV"
        raise CatalogError(f"The catalog {name} is no readable {kind} file: {error}") from error


def _read_csv(data: bytes) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more values than columns
        rows: pd.DataFrame = pd.read_csv(
            BytesIO(data), dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig"
        )
    return rows


def _read_parquet(data: bytes) -> pd.DataFrame:
    table = pq.read_table(BytesIO(data))
    table = table.select([name for name in CLAIMS.names if name in table.column_names])
    rows: pd.DataFrame = table.cast(
        pa.schema([(name, pa.string()) for name in table.column_names])
    ).to_pandas()
    return rows.fillna("")  # no value, as in a CSV file


def _checked(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    missing = [column for column in CLAIMS.names if column not in rows.columns]
    if missing:
        raise CatalogError(f"The catalog {name} lacks the column {', '.join(missing)}.")
    rows = rows[CLAIMS.names]
    rows["object_key"] = collapse_zarr(pa.array(rows["object_key"], pa.string())).to_pylist()
    empty = rows[(rows["object_key"] == "") | (rows["dataset"] == "") | (rows["asset_path"] == "")]
    if len(empty):
        shown = ",".join(empty.iloc[0])
        raise CatalogError(
            f"The catalog {name} has a row without object_key, dataset or asset_path: {shown!r}."
        )
    _refuse_contradictions(rows, name)
    return rows


def _refuse_contradictions(rows: pd.DataFrame, name: str) -> None:
    reserved = sorted(RESERVED.intersection(rows["dataset"]))
    if reserved:
        raise CatalogError(f"The catalog {name} calls a dataset {reserved[0]!r}, a name s3logs needs itself.")
    too_long = [dataset for dataset in rows["dataset"].unique() if len(folder_of(dataset)) > LONGEST_FOLDER]
    if too_long:
        raise CatalogError(f"The catalog {name} has a dataset name that is too long: {too_long[0]!r}.")
    datasets = rows.drop_duplicates(["object_key", "dataset"])
    twice = datasets[datasets["object_key"].duplicated(keep=False)].sort_values(["object_key", "dataset"])
    if len(twice):
        key = twice["object_key"].iloc[0]
        claimants = " and ".join(twice.loc[twice["object_key"] == key, "dataset"])
        raise CatalogError(
            f"The catalog {name} gives the object {key} to several datasets ({claimants}); "
            "its traffic would count twice. Leave it to one of them."
        )
