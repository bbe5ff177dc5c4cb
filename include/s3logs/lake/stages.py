"""The stages of a log day, in order: their names, versions, files, what each reads and how it is shown.

`STAGES` is the one place that says so. The DAG, the operators, links and pages, the sweep, the progress on a
terminal, `pipeline.py` and the documentation are made of it: a new stage is a module with its work, an entry
here, and a folder of golden fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from include.s3logs.tables.schemas import Column, Columns

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class StageFile:
    """A file that a stage leaves: its role, the ending of its name, what is in it, and a table's columns.

    `addresses` tells whether it holds addresses or raw lines, which go after `S3LOGS_KEEP_ADDRESSES_DAYS`.
    """

    role: str
    suffix: str
    meaning: str
    columns: Columns = ()
    addresses: bool = False

    @property
    def schema(self) -> pa.Schema:
        """Return the schema with which the table is written."""
        from include.s3logs.tables.schemas import schema_of_columns  # noqa: PLC0415 (loads Arrow)

        return schema_of_columns(self.columns)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a log day.

    `name` is its folder in the lake, `task` what it does in one word. A change of `version` makes every day
    compute again, `reads` names the stage whose checkpoint it takes ("": the log objects). `work` is the
    function that does it, or its dotted name (module:function), which is imported when it is needed: it takes
    a `stages.work.Work` and returns an `Outcome`. With the stage that `closes` it a day's figures are made.

    Where what a day was made of is gone, `upgrades` bring its result from a version to the next: by version a
    function, or its dotted name, that takes an attempt and the earlier checkpoint, writes the files that
    differ and returns the counts. A version that changes columns needs one, as readers know only today's.
    """

    name: str
    task: str
    version: int
    reads: str
    does: str
    files: tuple[StageFile, ...]
    work: str | Callable[[Any], Any] = ""
    color: str = "#e2e8f0"
    closes: bool = False
    upgrades: Mapping[int, str | Callable[..., Any]] = field(default_factory=dict)

    def file(self, role: str) -> StageFile:
        """Return the file with this role; KeyError when the stage has none."""
        found = next((file for file in self.files if file.role == role), None)
        if found is None:
            raise KeyError(f"{self.name} has no file {role!r}")
        return found

    @property
    def roles_with_addresses(self) -> frozenset[str]:
        """Return the roles of the files that hold addresses or raw lines."""
        return frozenset(file.role for file in self.files if file.addresses)

    def function(self) -> Callable[[Any], Any]:
        """Return the function that does the work."""
        found: Callable[[Any], Any] = resolve_name(self.work) if isinstance(self.work, str) else self.work
        return found

    def upgrade(self, version: int) -> Callable[..., Mapping[str, int]]:
        """Return the function that brings a result of this version to the next one."""
        known = self.upgrades[version]
        found: Callable[..., Mapping[str, int]] = resolve_name(known) if isinstance(known, str) else known
        return found


_number = partial(Column, kind="int64")
BYTES_SENT = _number("bytes_sent", meaning="bytes that S3 sent")
MEASURES = (
    BYTES_SENT,
    _number("number_of_requests", meaning="counted requests"),
    _number("number_of_downloads", meaning="of these, with status 200"),
    _number("normalized_downloads", meaning="bytes sent ÷ object size of each request, in millionths"),
)
"""What is summed up, in this order, wherever there are totals."""
_KEY = Column("object_key", "text", "the object's key, decoded; null where the log has none")
_DAY = Column("event_day", "date", "the UTC day of the request")
_DATASET = Column("dataset", "text", "the dataset that claims the object, or `unassociated`")
_VERSION = Column("version", "text", "the newest version that holds the object, or empty")
_ASSET = Column("asset_path", "text", "the object's path in the dataset; the key where no dataset claims it")
_REGION = Column("region", "text", "from where the request came")
_REQUESTER = Column("requester", "uint64", "64 bits of the keyed hash of the address")
_WEEK = Column("week", "date", "the Monday of the event day's week")

_HASHED = Column("requester", "uint64", "64 bits of the keyed hash of the address; 0 where the log has none")
_NETWORK = Column(
    "network",
    "uint64",
    "64 bits of the keyed hash of the address's network (IPv4 /24, IPv6 /48); 0 where the log has no address",
)

_ADDRESS = Column("remote_ip", "text", "the requester's address; null where the log has none")
_AFTER_ADDRESS = (
    Column("bucket", "text", "the bucket's name"),
    _KEY,
    BYTES_SENT,
    Column("http_status", "int16", "the status of the answer"),
    _number("object_size", meaning="the object's size in bytes; null where the log has none"),
)
_TIME = "when S3 received the request"


def _totals(role: str, meaning: str, *keys: Column) -> StageFile:
    return StageFile(role, "parquet", meaning, (*keys, *MEASURES))


REDUCED = Stage(
    name="reduced",
    task="reduce",
    version=1,
    reads="",
    does="log objects → one row for each counted request; lines without a valid reading → quarantine",
    work="include.s3logs.stages.reduce:reduce_day",
    color="#dbeafe",
    files=(
        StageFile(
            "rows",
            "parquet",
            "a row for each counted request, in the order of the log objects and their lines",
            (Column("timestamp", "seconds", _TIME), _ADDRESS, *_AFTER_ADDRESS),
            addresses=True,
        ),
        StageFile("objects", "tsv", "the log objects, with the lines and rejections of each"),
        StageFile(
            "quarantine",
            "jsonl",
            "lines and log objects without a valid reading, as they were",
            addresses=True,
        ),
        StageFile("foreign", "txt", "objects in the sources that are no access logs, up to 1,000"),
    ),
)
BINNED = Stage(
    name="binned",
    task="bin",
    version=3,
    reads="reduced",
    does="the rows sorted by object key, and the totals of each key by event day",
    work="include.s3logs.stages.binning:bin_day",
    color="#e0e7ff",
    files=(
        StageFile(
            "rows",
            "parquet",
            "the rows of reduce in order of key, time and all other columns; `zarr/<id>/…` is one key",
            (Column("timestamp", "milliseconds", _TIME), _ADDRESS, *_AFTER_ADDRESS),
            addresses=True,
        ),
        StageFile(
            "retained",
            "parquet",
            "in place of `rows` once addresses are kept no longer: the same rows without them, in order of "
            "key, time and all other columns",
            (
                *(Column("timestamp", "milliseconds", _TIME), _HASHED, *_AFTER_ADDRESS),
                *(_REGION, _NETWORK),
            ),
        ),
        _totals("keys", "totals of each key by event day", _KEY, _DAY),
    ),
)
MAPPED = Stage(
    name="mapped",
    task="map",
    version=3,
    reads="binned",
    does="object key → dataset, version and asset; address → region and a keyed hash. No address goes on",
    work="include.s3logs.stages.mapping:map_day",
    color="#ede9fe",
    closes=True,
    files=(
        StageFile(
            "rows",
            "parquet",
            "the rows of bin in order of dataset, asset and time, without the address",
            (
                *(Column("timestamp", "milliseconds", _TIME), *_AFTER_ADDRESS),
                *(_DATASET, _VERSION, _ASSET, _REGION),
            ),
        ),
        StageFile(
            "requesters", "parquet", "the different requesters of each dataset", (_DATASET, _REQUESTER)
        ),
        _totals("by_day", "totals of each dataset by event day", _DATASET, _DAY),
        _totals("by_asset", "totals of each asset by event day", _DATASET, _ASSET, _DAY),
        _totals("by_region", "totals of each dataset by region", _DATASET, _REGION),
        _totals("versions_by_day", "totals of each version by event day", _DATASET, _VERSION, _DAY),
        _totals("versions_by_asset", "totals of each version by asset", _DATASET, _VERSION, _ASSET),
        _totals("versions_by_region", "totals of each version by region", _DATASET, _VERSION, _REGION),
    ),
)
STAGES: tuple[Stage, ...] = (REDUCED, BINNED, MAPPED)

MONTHS = Stage(
    name="months",
    task="merge",
    version=3,
    reads="mapped",
    does="the totals of a month's log days, merged for publishing; derived, and made anew when one changes",
    files=(
        *(file for file in MAPPED.files if file.role not in ("rows", "by_asset")),
        _totals("by_asset", "totals of each asset by week", _DATASET, _ASSET, _WEEK),
        _totals("archive_by_day", "totals of all datasets by event day", _DAY),
        _totals("archive_by_region", "totals of all datasets by region", _REGION),
        StageFile("archive_requesters", "parquet", "the different requesters of all datasets", (_REQUESTER,)),
        StageFile(
            "digests",
            "parquet",
            "which days had traffic to a dataset",
            (
                _DATASET,
                Column("digest", "text", "another one whenever a day with traffic to the dataset changes"),
                _number("rows", meaning="how many rows the dataset has in the other files"),
            ),
        ),
    ),
)
"""No stage of a log day, and no task: publish merges the months that changed, by the same protocol."""


def by_name(name: str) -> Stage | None:
    """Return the stage with this folder in the lake, that of months included; None when there is none."""
    return next((stage for stage in (*STAGES, MONTHS) if stage.name == name), None)


def closing() -> Stage:
    """Return the stage with which the figures of a log day are made."""
    return next(stage for stage in STAGES if stage.closes)


def makes_figures(stage: Stage) -> bool:
    """Tell whether the figures of a log day wait for this stage: it is the closing one, or that reads it."""
    on_the_way: Stage | None = closing()
    while on_the_way is not None and on_the_way.name != stage.name:
        on_the_way = by_name(on_the_way.reads)
    return on_the_way is not None


def is_undetermined(counts: Mapping[str, int]) -> bool:
    """Tell by what map counted whether regions of a day could not be asked for and may be known by now."""
    return counts.get("rows_undetermined", 0) > 0


def names() -> tuple[str, ...]:
    """Return the folders of the stages of a log day in the lake."""
    return tuple(stage.name for stage in STAGES)
