"""The published files: from exact sums to the bytes of each file below `usage/`.

Layout and column names are those that existing front ends of research archives read. Every table is there as
TSV, where masked counts show as `<50`, and as Parquet, where they are null.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.folders import LONGEST_FOLDER, folder_of
from include.s3logs.publishing.limits import LIMITS, Limits
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.schemas import ARCHIVE_TOTALS, BY_DAY, LOGS, REQUESTERS, PublishedFile
from include.s3logs.tables.growing_file import GrowingFile
from include.s3logs.tables.parquet import to_parquet
from include.s3logs.tables.totals import TOTALS

Files = Iterator[tuple[str, bytes | Path]]
"""Names and contents; a local file may be used until the next name is asked for, and should be removed."""
_DIGEST = 16  # hexadecimal digits


def folder_of_dataset(dataset: str) -> str:
    """Return where the files of a dataset are in the lake."""
    return f"usage/{folder_of(dataset)}"


def folder_in(name: str) -> str:
    """Return the folder of a version or an asset, in one where files and `logs` have their names, too.

    Long ones are cut, and told apart by a digest; nothing else has as many characters as these.
    """
    folder = folder_of(name)
    if folder == LOGS or folder.endswith((".tsv", ".parquet")):
        folder = f"%{ord(folder[0]):02X}{folder[1:]}"
    if len(folder) < LONGEST_FOLDER:
        return folder
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{folder[: LONGEST_FOLDER - _DIGEST - 1]}~{digest}"


def measures(
    table: PublishedFile,
    sums: pa.Table,
    masking: Masking,
    folder: Path,
    limits: Limits = LIMITS,
    *,
    place: str = "",
) -> Files:
    """Yield the table as TSV and Parquet, from sums by one column; `place` begins their names."""
    column = sums.column_names[0]
    if table is BY_DAY:
        ordered = sums.sort_by(column)
    else:
        ordered = sums.sort_by([("bytes_sent", "descending"), (column, "ascending")])
    numbers = [masking.numbers(total, ordered[total]) for total in TOTALS]
    text = GrowingFile(folder / "measures.tsv", limits.small)
    text.write(table.header)
    for first in range(0, ordered.num_rows, limits.lines):
        names = quoted(pc.cast(ordered[column].slice(first, limits.lines), pa.string()))
        parts = [shown.slice(first, limits.lines) for shown in numbers]
        text.write(lines(names, *(masking.texts(part) for part in parts)))
    yield f"{place}{table.name}.tsv", text.content()
    shown = pa.table([ordered[column], *numbers], list(table.names)).combine_chunks()
    yield f"{place}{table.name}.parquet", to_parquet(shown)


def requester_count(count: int | None, masking: Masking) -> Files:
    """Yield how many different requesters there were: text that is nothing else, and a table of one row.

    None, when that cannot be counted, is an empty line and null.
    """
    (column,) = REQUESTERS.names
    shown = "" if count is None else masking.show(count)
    yield f"{REQUESTERS.name}.tsv", f"{shown}\n".encode()
    counts = pa.chunked_array([pa.array([count], pa.int64())])
    yield f"{REQUESTERS.name}.parquet", to_parquet(pa.table({column: masking.numbers(column, counts)}))


def lines(*columns: pa.ChunkedArray) -> bytes:
    """Return columns of text, that hold no line break and no tab, as lines of TSV."""
    ended = pc.binary_join_element_wise(pc.binary_join_element_wise(*columns, "\t"), "", "\n")
    return joined(ended, "")


def joined(texts: pa.Array | pa.ChunkedArray, between: str) -> bytes:
    """Return all of the texts as one."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    whole = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    return bytes(pc.binary_join(whole, between)[0].as_buffer())


def quoted(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Quote, as in CSV, texts that would break the line or its columns."""
    breaks = pc.match_substring_regex(texts, '[\t\n\r"]')
    if not pc.any(breaks).as_py():
        return texts
    in_quotes = pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")
    return pc.if_else(breaks, in_quotes, texts)


def summary(
    sums: Mapping[str, int], regions: int, countries: int, requesters: int | None, masking: Masking
) -> dict[str, Any]:
    """Return what `totals.json` says of a dataset, and `archive_totals.json` of all."""
    shown = (
        sums["bytes_sent"],
        masking.show(sums["number_of_requests"]),
        masking.show(sums["number_of_downloads"]),
        None if requesters is None else masking.show(requesters),
        regions,
        countries,
    )
    return dict(zip(ARCHIVE_TOTALS.names, shown, strict=True))


def to_json(content: object) -> bytes:
    """Return the content as JSON, byte-identical for equal content."""
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
