"""Every file below `usage/` and `status/`, said once: where it is, in which order, and what its columns say.

What makes the files takes names and order of their columns from here; so do the sweep of what is out of date
and `docs/formats.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from include.s3logs.days import states
from include.s3logs.tables.schemas import Column, Columns, schema_of_columns

if TYPE_CHECKING:
    import pyarrow as pa

TSV, PARQUET, JSON = "tsv", "parquet", "json"
_BOTH = (TSV, PARQUET)
LOGS = "logs"
"""The folder of the asset logs, beside those of the versions."""
_OF_ARCHIVE, _OF_DATASET = "usage/archive", "usage/<dataset>"
_OF_VERSION = f"{_OF_DATASET}/<version>"
_LOG_MONTH = "<YYYY-MM>"
_NAMED = {_LOG_MONTH: r"\d{4}-\d{2}", **dict.fromkeys(("<log day>", "<first day>"), r"\d{4}-\d{2}-\d{2}")}


@dataclass(frozen=True, slots=True)
class MaskedColumn(Column):
    """A column of counts, of which small ones are masked and others rounded."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """Files of one name (without its ending), in some folders and kinds: their rows, in which order, columns.

    What is written `<…>` in a folder or a name is the name of something; a column written so stands for
    any number of columns. Of JSON the columns are keys.
    """

    name: str
    folders: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: str
    order: str
    columns: Columns
    has_header: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def header(self) -> bytes:
        """Return the line with which a TSV begins."""
        return "\t".join(self.names).encode() + b"\n"

    @property
    def schema(self) -> pa.Schema:
        """Return the schema with which Parquet is written."""
        return schema_of_columns(self.columns)

    @property
    def places(self) -> tuple[str, ...]:
        """Return the keys in the lake, with `<…>` for names."""
        return tuple(f"{folder}/{self.name}.{kind}" for folder in self.folders for kind in self.kinds)

    @property
    def key(self) -> str:
        """Return the key of what is there once."""
        (key,) = self.places
        return key


def published_at(key: str) -> PublishedFile | None:
    """Return what a key of the lake is; None for what is not published."""
    return next((file for file in FILES if _pattern(file).fullmatch(key)), None)


@cache
def _pattern(file: PublishedFile) -> re.Pattern[str]:
    """Return what all keys of the file match, whatever the names are."""
    return re.compile("|".join(map(pattern_of, file.places)))


def pattern_of(key: str) -> str:
    """Return a regular expression for a key with `<…>` for names."""
    parts = re.split("(<[^>]*>)", key)
    return "".join(_NAMED.get(part, "[^/]+") if part[:1] == "<" else re.escape(part) for part in parts)


MEASURES = (
    Column("bytes_sent", "int64", "bytes that S3 sent for the counted requests"),
    MaskedColumn(
        "number_of_requests",
        "int64",
        "counted requests: successful (2xx) and of the operations in `S3LOGS_OPERATIONS`",
    ),
    MaskedColumn(
        "number_of_downloads", "int64", "of these, requests with status 200 (206 is a part of an object)"
    ),
    MaskedColumn(
        "normalized_downloads",
        "float64",
        "the sum of bytes sent ÷ object size of each request: how many whole objects that were; whole "
        "numbers where counts are rounded, else three decimals",
    ),
)
"""What is shown of `tables.totals.TOTALS`, in the same order."""
_SENT = MEASURES[0]
_DATE = Column("date", "date", "the event day")
_ASSET = Column("asset_path", "text", "the asset's path in its dataset; for `unassociated` the object key")
_TYPE = Column("type", "text", "the type of the asset, by the end of its path")
_REGION = Column("region", "text", "from where the request came, see [below](#regions)")
_DATASET = Column("dataset", "text", "the dataset, or `unassociated`: traffic to keys that no dataset claims")
_WEEK = Column("week_start", "date", "the Monday of the week")
_IN_WEEK = Column("bytes_sent", "int64", "bytes that S3 sent in the week")
_BY_BYTES = "`bytes_sent`, most first"

BY_DAY = PublishedFile(
    *("by_day", (_OF_DATASET, _OF_VERSION, _OF_ARCHIVE), _BOTH),
    *("event days with requests", "time", (_DATE, *MEASURES)),
)
BY_ASSET = PublishedFile(
    *("by_asset", (_OF_DATASET, _OF_VERSION), _BOTH),
    *("assets with requests", _BY_BYTES, (_ASSET, *MEASURES)),
)
BY_REGION = PublishedFile(
    *("by_region", (_OF_DATASET, _OF_VERSION, _OF_ARCHIVE), _BOTH),
    *("regions with requests", _BY_BYTES, (_REGION, *MEASURES)),
)
BY_DATASET = PublishedFile(
    *("by_dataset", (_OF_ARCHIVE,), _BOTH),
    *("datasets with requests, and `unassociated`", _BY_BYTES, (_DATASET, *MEASURES)),
)
ASSET_WEEKS_TEXT = PublishedFile(
    *("by_asset_per_week", (_OF_DATASET,), (TSV,), "weeks with requests", "time"),
    (_WEEK, Column("<asset_path>", "int64", "bytes that S3 sent of the asset in the week")),
)
ASSET_WEEKS = PublishedFile(
    *("by_asset_per_week", (_OF_DATASET,), (PARQUET,), "weeks of each asset, where there was traffic"),
    *("week, `asset_path`", (_WEEK, _ASSET, _IN_WEEK)),
)
TYPE_WEEKS_TEXT = PublishedFile(
    *("by_asset_type_per_week", (_OF_DATASET,), (TSV,), "weeks with requests", "time"),
    (_WEEK, Column("<type>", "int64", "bytes that S3 sent of assets of the type in the week")),
)
TYPE_WEEKS = PublishedFile(
    *("by_asset_type_per_week", (_OF_DATASET,), (PARQUET,), "weeks of each type, where there was traffic"),
    *("week, `type`", (_WEEK, _TYPE, _IN_WEEK)),
)
_REQUESTERS = MaskedColumn(
    "number_of_requesters",
    "int64",
    "different requesters; empty, in JSON null, where log days of different salts would be counted together",
)
REQUESTERS_TEXT = PublishedFile(
    *("requester_count", (_OF_DATASET, _OF_ARCHIVE), (TSV,), "one number, if any, and nothing else", ""),
    (_REQUESTERS,),
    has_header=False,
)
REQUESTERS = PublishedFile(
    *("requester_count", (_OF_DATASET, _OF_ARCHIVE), (PARQUET,), "one row", "", (_REQUESTERS,)),
)
_REQUEST = (
    Column("timestamp", "milliseconds", "when S3 received the request"),
    Column("bytes_sent", "int64", "bytes that S3 sent"),
    _REGION,
)
ASSET_LOG = PublishedFile(
    *(_LOG_MONTH, (f"{_OF_DATASET}/{LOGS}/<asset>",), (TSV,), "requests for the asset", "time", _REQUEST),
)
ASSET_LOGS = PublishedFile(
    *(_LOG_MONTH, (f"{_OF_DATASET}/{LOGS}",), (PARQUET,), "requests for all assets", "`asset_path`, time"),
    (_ASSET, *_REQUEST),
)
_TOTALS = (
    Column("total_bytes_sent", "int64", "bytes that S3 sent"),
    MaskedColumn("total_number_of_requests", "int64", "counted requests"),
    MaskedColumn("total_number_of_downloads", "int64", "of these, requests with status 200"),
    _REQUESTERS,
    Column("number_of_unique_regions", "int64", "different values of `region`"),
    Column(
        "number_of_unique_countries",
        "int64",
        "different countries of them: `AWS/us-east-2` counts for the country it is in; `GitHub`, `VPN`, "
        "`bogon`, `unknown` for none",
    ),
)
TOTALS_OF_DATASETS = PublishedFile(
    *("totals", ("usage",), (JSON,), "an object for each dataset", "the dataset's name", _TOTALS)
)
ARCHIVE_TOTALS = PublishedFile(
    "archive_totals", ("usage",), (JSON,), "one object, of the whole archive", "", _TOTALS
)
COORDINATES = PublishedFile(
    *("region_coordinates", ("usage",), (JSON,)),
    *("an object for each region of the archive; null for what is on no map", "the region"),
    (
        Column("latitude", "float64", "degrees, north positive"),
        Column("longitude", "float64", "degrees, east positive"),
    ),
)
LOG_DAYS = PublishedFile("log_days", ("status",), (TSV,), "log days", "time", states.COLUMNS)

FILES = (
    *(BY_DAY, BY_ASSET, BY_REGION, BY_DATASET),
    *(ASSET_WEEKS_TEXT, ASSET_WEEKS, TYPE_WEEKS_TEXT, TYPE_WEEKS),
    *(REQUESTERS_TEXT, REQUESTERS, ASSET_LOG, ASSET_LOGS),
    *(TOTALS_OF_DATASETS, ARCHIVE_TOTALS, COORDINATES, LOG_DAYS),
)
