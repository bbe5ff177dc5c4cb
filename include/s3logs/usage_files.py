"""The published files: from the exact sums of all log days to the bytes of each file below `usage/`.

Layout and column names are those that existing front ends of research archives read.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from include.s3logs.catalogs import folder_of
from include.s3logs.checkpoint import Checkpoint, read_output
from include.s3logs.errors import ReconciliationError
from include.s3logs.mapping import TOTALS_BY
from include.s3logs.privacy import Masking
from include.s3logs.regions import country_of
from include.s3logs.store import Store
from include.s3logs.tables import TOTALS, from_parquet, total_by

COLUMNS = {"by_day": "date", "by_asset": "asset_path", "by_region": "region", "by_dataset": "dataset"}


class Totals:
    """Exact sums over all days: by dataset and event day, asset, or region."""

    def __init__(self, mapped: Sequence[Checkpoint], lake: Store) -> None:
        self.by = {
            role: total_by(_concat(lake, mapped, role, column), "dataset", column).to_pandas()
            for role, column in TOTALS_BY.items()
        }
        self._reconcile(mapped)

    def of(self, role: str, dataset: str | None) -> pd.DataFrame:
        """Return the sums of one dataset, or of the whole archive (None), by day, asset or region."""
        table = self.by[role]
        return _sums(table if dataset is None else table[table["dataset"] == dataset], TOTALS_BY[role])

    def by_dataset(self) -> pd.DataFrame:
        """Return the sums of each dataset."""
        return _sums(self.by["by_day"], "dataset")

    def _reconcile(self, mapped: Sequence[Checkpoint]) -> None:
        """Every row that map counted must be in every table, to the byte."""
        expected = (
            sum(checkpoint.counts["bytes_sent"] for checkpoint in mapped),
            sum(checkpoint.counts["rows"] for checkpoint in mapped),
        )
        for role, table in self.by.items():
            found = (int(table["bytes_sent"].sum()), int(table["number_of_requests"].sum()))
            if found != expected:
                raise ReconciliationError(
                    f"{role} has (bytes, requests) {found}, the log days have {expected}"
                )


def _sums(table: pd.DataFrame, column: str) -> pd.DataFrame:
    summed: pd.DataFrame = table.groupby(column, as_index=False)[list(TOTALS)].sum()
    return summed


def _concat(lake: Store, mapped: Sequence[Checkpoint], role: str, column: str) -> pa.Table:
    kind = pa.date32() if column == "event_day" else pa.string()
    empty = pa.schema([("dataset", pa.string()), (column, kind), *((name, pa.int64()) for name in TOTALS)])
    tables = [from_parquet(read_output(lake, checkpoint, role)) for checkpoint in mapped]
    return pa.concat_tables([empty.empty_table(), *tables])


def usage_files(totals: Totals, masking: Masking) -> Iterator[tuple[str, bytes]]:
    """Yield every published file: its key in the lake and its content."""
    datasets = totals.by_dataset()
    for dataset in datasets["dataset"]:
        for role in ("by_day", "by_asset", "by_region"):
            yield f"usage/{folder_of(dataset)}/{role}.tsv", _tsv(role, totals.of(role, dataset), masking)
    for role in ("by_day", "by_region"):
        yield f"usage/archive/{role}.tsv", _tsv(role, totals.of(role, None), masking)
    yield "usage/archive/by_dataset.tsv", _tsv("by_dataset", datasets, masking)
    by_dataset = {
        dataset: _summary(datasets[datasets["dataset"] == dataset], totals.of("by_region", dataset), masking)
        for dataset in datasets["dataset"]
    }
    yield "usage/totals.json", to_json(by_dataset)
    yield "usage/archive_totals.json", to_json(archive_totals(totals, masking))


def archive_totals(totals: Totals, masking: Masking) -> dict[str, Any]:
    """Return the content of `archive_totals.json`."""
    return _summary(totals.by_dataset(), totals.of("by_region", None), masking)


def _summary(sums: pd.DataFrame, regions: pd.DataFrame, masking: Masking) -> dict[str, Any]:
    countries = {country_of(region) for region in regions["region"]} - {None}
    return {
        "total_bytes_sent": int(sums["bytes_sent"].sum()),
        "total_number_of_requests": masking.show(int(sums["number_of_requests"].sum())),
        "total_number_of_downloads": masking.show(int(sums["number_of_downloads"].sum())),
        "number_of_unique_regions": len(regions),
        "number_of_unique_countries": len(countries),
    }


def _tsv(role: str, sums: pd.DataFrame, masking: Masking) -> bytes:
    """Return the table as TSV: days in order, everything else by bytes, most first."""
    name = sums.columns[0]
    if role == "by_day":
        order = sums.sort_values(name)
    else:
        order = sums.sort_values(["bytes_sent", name], ascending=[False, True])
    rows: list[tuple[str, ...]] = [(COLUMNS[role], *TOTALS)]
    for key, bytes_sent, *counts in order.itertuples(index=False, name=None):
        rows.append((_quoted(str(key)), str(bytes_sent), *(str(masking.show(count)) for count in counts)))
    return "".join("\t".join(row) + "\n" for row in rows).encode()


def _quoted(text: str) -> str:
    """Quote a field as in CSV if it would break the line or its columns."""
    if any(character in text for character in '\t\n\r"'):
        return '"' + text.replace('"', '""') + '"'
    return text


def to_json(content: object) -> bytes:
    """Return the content as JSON, byte-identical for equal content."""
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
