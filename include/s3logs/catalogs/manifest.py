"""A catalog in a CSV file with the columns `object_key, dataset, version, asset_path`."""

import warnings
from collections.abc import Sequence
from io import BytesIO

import pandas as pd
import pyarrow as pa

from include.s3logs.binning import collapse_zarr
from include.s3logs.catalogs import CLAIMS, UNASSOCIATED, folder_of
from include.s3logs.errors import CatalogError

_RESERVED = {UNASSOCIATED, "archive", "totals.json", "archive_totals.json"}  # names usage/ needs itself
_LONGEST_FOLDER = 200  # characters; file systems take 255 bytes
_DRAFT = "draft"  # an archive's newest state, before it gets a version number
_NUMBER_WIDTH = 20


class ManifestCatalog:
    """The manifest, one row for each object key."""

    def __init__(self, data: bytes, name: str) -> None:
        """Read the CSV; CatalogError names `name` and the row that makes no sense."""
        rows = _read(data, name)
        _refuse_contradictions(rows, name)
        newest_first = rows.assign(age=rows["version"].map(_version_order)).sort_values(
            ["object_key", "age", "asset_path"], ascending=[True, False, True]
        )
        self.rows = newest_first.drop_duplicates("object_key").set_index("object_key")[CLAIMS.names[1:]]

    def claims(self, object_keys: Sequence[str]) -> pa.Table:
        """Return the claimed keys with dataset, newest version and asset path."""
        claimed = self.rows.loc[
            self.rows.index.intersection(pd.Index(sorted(set(object_keys)), dtype=object))
        ]
        return pa.Table.from_pandas(
            claimed.reset_index().sort_values("object_key"), CLAIMS, preserve_index=False
        )


def _read(data: bytes, name: str) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more values than columns
            rows: pd.DataFrame = pd.read_csv(
                BytesIO(data), dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig"
            )
    except (ValueError, pd.errors.ParserWarning) as error:
        raise CatalogError(f"The catalog {name} is no readable CSV file: {error}") from error
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
    return rows


def _refuse_contradictions(rows: pd.DataFrame, name: str) -> None:
    reserved = sorted(_RESERVED.intersection(rows["dataset"]))
    if reserved:
        raise CatalogError(f"The catalog {name} calls a dataset {reserved[0]!r}, a name s3logs needs itself.")
    too_long = [dataset for dataset in rows["dataset"].unique() if len(folder_of(dataset)) > _LONGEST_FOLDER]
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


def _version_order(version: str) -> str:
    """Return a text that sorts versions as people do: 0.9 before 0.10, a draft last."""
    if version == _DRAFT:
        return "~"
    return ".".join(part.zfill(_NUMBER_WIDTH) for part in version.split("."))
