"""The published files: from exact sums to the bytes of each file below `usage/`.

Layout and column names are those that existing front ends of research archives read. Every table is there as
TSV, where masked counts show as `<50`, and as Parquet, where they are null.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.asset_types import OTHERS, TYPES, asset_types
from include.s3logs.catalogs import LONGEST_FOLDER, folder_of
from include.s3logs.privacy import Masking
from include.s3logs.tables import TOTALS, to_parquet, total_by

Files = Iterator[tuple[str, bytes]]
SHOWN = {"event_day": "date", "week": "week_start"}
"""What columns are called in published files, where that differs."""
WEEKLY = "week_start"
_DIGEST = 16  # hexadecimal digits
LOGS = "logs"  # the folder of the asset logs, beside those of the versions


def folder_of_dataset(dataset: str) -> str:
    """Return where the files of a dataset are in the lake."""
    return f"usage/{folder_of(dataset)}"


def folder_in(name: str) -> str:
    """Return the folder of a version or an asset, in one where files and `logs` have their names, too.

    Long ones are cut, and told apart by a digest.
    """
    folder = folder_of(name)
    if folder == LOGS or folder.endswith((".tsv", ".parquet")):
        folder = f"%{ord(folder[0]):02X}{folder[1:]}"
    if len(folder) <= LONGEST_FOLDER:
        return folder
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{folder[: LONGEST_FOLDER - _DIGEST - 1]}~{digest}"


def measures(name: str, sums: pa.Table, masking: Masking) -> Files:
    """Yield `name`.tsv and .parquet: one column and the measures, days in order, all others most first."""
    column = sums.column_names[0]
    if column == "event_day":
        ordered = sums.sort_by(column)
    else:
        ordered = sums.sort_by([("bytes_sent", "descending"), (column, "ascending")])
    shown = SHOWN.get(column, column)
    texts = {shown: quoted(pc.cast(ordered[column], pa.string()))}
    yield f"{name}.tsv", tsv(texts | {total: masking.texts(total, ordered[total]) for total in TOTALS})
    numbers = {total: masking.numbers(total, ordered[total]) for total in TOTALS}
    yield f"{name}.parquet", to_parquet(pa.table({shown: ordered[column], **numbers}))


def by_week(assets: pa.Table) -> Files:
    """Yield bytes by week, of each asset and of each type, from sums by `asset_path` and `week`."""
    typed = assets.append_column("type", asset_types(assets["asset_path"]))
    types = [kind for kind in (*TYPES, OTHERS) if kind in set(pc.unique(typed["type"]).to_pylist())]
    for name, column, table, order in (
        ("by_asset_per_week", "asset_path", assets, sorted(pc.unique(assets["asset_path"]).to_pylist())),
        ("by_asset_type_per_week", "type", total_by(typed, "type", "week"), types),
    ):
        yield f"{name}.tsv", _weeks(table, column, order)
        long = table.select(["week", column, "bytes_sent"]).rename_columns([WEEKLY, column, "bytes_sent"])
        yield f"{name}.parquet", to_parquet(long.sort_by([(WEEKLY, "ascending"), (column, "ascending")]))


def _weeks(table: pa.Table, column: str, values: Sequence[str]) -> bytes:
    """Return a row for each week and a column for each of the values (assets or types) in their order."""
    weeks = sorted(pc.unique(table["week"]).to_pylist())
    sent = np.zeros((len(weeks), len(values)), np.int64)
    rows = pc.index_in(table["week"], pa.array(weeks, pa.date32())).to_numpy()
    columns = pc.index_in(table[column], pa.array(values, pa.string())).to_numpy()
    sent[rows, columns] = table["bytes_sent"].to_numpy()
    header = [WEEKLY, *quoted(pa.chunked_array([pa.array(values, pa.string())])).to_pylist()]
    body = [[str(week), *map(str, row)] for week, row in zip(weeks, sent.tolist(), strict=True)]
    return "".join("\t".join(row) + "\n" for row in (header, *body)).encode()


def requester_count(count: int, masking: Masking) -> Files:
    """Yield how many different requesters there were, as a file that holds nothing else."""
    yield "requester_count.tsv", f"{masking.show(count)}\n".encode()


def tsv(columns: Mapping[str, pa.ChunkedArray]) -> bytes:
    """Return columns of text, that hold no line break and no tab, as TSV with a header."""
    lines = pc.binary_join_element_wise(*columns.values(), "\t").to_pylist()
    return "".join(f"{line}\n" for line in ("\t".join(columns), *lines)).encode()


def quoted(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Quote, as in CSV, texts that would break the line or its columns."""
    breaks = pc.match_substring_regex(texts, '[\t\n\r"]')
    if not pc.any(breaks).as_py():
        return texts
    in_quotes = pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")
    return pc.if_else(breaks, in_quotes, texts)


def summary(
    sums: Mapping[str, int], regions: int, countries: int, requesters: int, masking: Masking
) -> dict[str, Any]:
    """Return what `totals.json` says of a dataset, and `archive_totals.json` of all."""
    return {
        "total_bytes_sent": sums["bytes_sent"],
        "total_number_of_requests": masking.show(sums["number_of_requests"]),
        "total_number_of_downloads": masking.show(sums["number_of_downloads"]),
        "number_of_requesters": masking.show(requesters),
        "number_of_unique_regions": regions,
        "number_of_unique_countries": countries,
    }


def to_json(content: object) -> bytes:
    """Return the content as JSON, byte-identical for equal content."""
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
