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
from include.s3logs.tables.growing_file import GrowingFile
from include.s3logs.tables.parquet import to_parquet
from include.s3logs.tables.totals import TOTALS

Files = Iterator[tuple[str, bytes | Path]]
"""Names and contents; a local file may be used until the next name is asked for, and should be removed."""
SHOWN = {"event_day": "date"}
"""What columns are called in published files, where that differs."""
REQUESTERS = "number_of_requesters"
_DIGEST = 16  # hexadecimal digits
LOGS = "logs"  # the folder of the asset logs, beside those of the versions


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


def measures(name: str, sums: pa.Table, masking: Masking, folder: Path, limits: Limits = LIMITS) -> Files:
    """Yield `name`.tsv and .parquet: one column and the measures, days in order, all others most first."""
    column = sums.column_names[0]
    if column == "event_day":
        ordered = sums.sort_by(column)
    else:
        ordered = sums.sort_by([("bytes_sent", "descending"), (column, "ascending")])
    shown = SHOWN.get(column, column)
    numbers = {total: masking.numbers(total, ordered[total]) for total in TOTALS}
    text = GrowingFile(folder / "measures.tsv", limits.small)
    text.write("\t".join((shown, *TOTALS)).encode() + b"\n")
    for first in range(0, ordered.num_rows, limits.lines):
        names = quoted(pc.cast(ordered[column].slice(first, limits.lines), pa.string()))
        parts = [numbers[total].slice(first, limits.lines) for total in TOTALS]
        text.write(lines(names, *(masking.texts(part) for part in parts)))
    yield f"{name}.tsv", text.content()
    yield f"{name}.parquet", to_parquet(pa.table({shown: ordered[column], **numbers}).combine_chunks())


def requester_count(count: int, masking: Masking) -> Files:
    """Yield how many different requesters there were: text that is nothing else, and a table of one row."""
    yield "requester_count.tsv", f"{masking.show(count)}\n".encode()
    counts = pa.chunked_array([pa.array([count], pa.int64())])
    shown = masking.numbers(REQUESTERS, counts)
    yield "requester_count.parquet", to_parquet(pa.table({REQUESTERS: shown}))


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
    sums: Mapping[str, int], regions: int, countries: int, requesters: int, masking: Masking
) -> dict[str, Any]:
    """Return what `totals.json` says of a dataset, and `archive_totals.json` of all."""
    return {
        "total_bytes_sent": sums["bytes_sent"],
        "total_number_of_requests": masking.show(sums["number_of_requests"]),
        "total_number_of_downloads": masking.show(sums["number_of_downloads"]),
        REQUESTERS: masking.show(requesters),
        "number_of_unique_regions": regions,
        "number_of_unique_countries": countries,
    }


def to_json(content: object) -> bytes:
    """Return the content as JSON, byte-identical for equal content."""
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
