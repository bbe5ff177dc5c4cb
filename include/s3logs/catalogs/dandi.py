"""The catalog of a DANDI-style archive: fetched from its API once a run, kept in the lake, read from there.

<lake>/catalog/dandi/_catalog.json            what was fetched, and when; names the file; written last
<lake>/catalog/dandi/assets-<attempt>.parquet all assets of all versions (schema CLAIMS), in order
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.claims import CLAIMS, COLUMNS, claims_digest
from include.s3logs.catalogs.dandi_api import DandiApi
from include.s3logs.catalogs.dandi_fetch import Fetch
from include.s3logs.catalogs.datasets import DatasetFilter
from include.s3logs.catalogs.table import TableCatalog
from include.s3logs.errors import (
    AccessDeniedError,
    CatalogError,
    CatalogUnavailableError,
    ChangedObjectError,
    CorruptLakeError,
    NotFoundError,
)
from include.s3logs.lake.pointer import (
    Attempt,
    Found,
    Json,
    Kind,
    NotAPointerError,
    OutputFile,
    Pointer,
    read_file,
    sweep,
    without_checksum,
)
from include.s3logs.stores.store import Store
from include.s3logs.tables.parquet import from_parquet, to_parquet
from include.s3logs.tables.schemas import check_schema

log = logging.getLogger(__name__)

FOLDER = "catalog/dandi"
POINTER = f"{FOLDER}/_catalog.json"
ASSETS = "assets"
_REMEDY = "`discover` fetches the catalog: clear it or start another run."


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the lake holds of an archive: from which API, fetched when (ISO, UTC), and how much.

    `datasets` and `versions` are the states that `Fetch` compares; `rows` counts the assets of all versions,
    `digest` is that of their content, `file` holds them.
    """

    api: str
    fetched: str
    datasets: Mapping[str, str]
    versions: Mapping[str, str]
    rows: int
    digest: str
    file: OutputFile

    @classmethod
    def of(cls, found: Found) -> "Fetched":
        """Return what a pointer says; NotAPointerError when something is missing."""
        try:
            return cls(file=found.files[ASSETS], **found.content)
        except (TypeError, KeyError) as error:
            raise NotAPointerError(str(error)) from error

    def told(self) -> dict[str, Any]:
        """Return what the pointer says beside its file."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "file"}

    def summary(self) -> dict[str, Any]:
        """Return what people want to know of it."""
        return {
            "fetched": self.fetched,
            "datasets": len(self.datasets),
            "versions": len(self.versions),
            "assets": self.rows,
        }


def _from_1(content: Json, _: Store) -> Json:
    """The file stood by itself."""
    file = content.pop("file")
    return {**content, "files": {ASSETS: file}}


KIND = Kind(
    "fetched catalog",
    3,
    {1: _from_1, 2: without_checksum},
    says={
        "api": "the address of the API",
        "fetched": "when it was fetched (UTC)",
        "datasets": "the state of each dataset as the API gave it",
        "versions": "the state of each version as the API gave it",
        "rows": "how many assets all versions have together",
        "digest": "a digest of the assets",
    },
)


def open_cached(lake: Store, address: str, datasets: DatasetFilter) -> TableCatalog:
    """Return the catalog as it was last fetched from the API at `address`."""
    fetched, rows = _load(lake, address)
    if fetched is None:
        raise CatalogError(
            f"{lake.uri(POINTER)} holds no catalog of {address} that can be read; `discover` fetches it: "
            "clear it or start another run."
        )
    return TableCatalog(rows, fetched.digest, datasets)


def refresh(lake: Store, api: DandiApi, datasets: DatasetFilter) -> dict[str, Any]:
    """Fetch what changed since the last time, keep it in the lake, and return a summary.

    When the API cannot be read, the last good catalog stays and the summary says so (`outcome` is `kept`,
    with the `error`); without a last good one the error is raised. It names the address. When only some of
    the versions that it lists cannot be read, these keep their rows of the last good catalog (`outcome` is
    `partly kept`, with their number `versions_kept` and the `error` of the first).
    """
    pointer = Pointer(lake, POINTER, KIND)
    version = pointer.version()
    earlier, earlier_rows = _load(lake, api.address)
    fetch = Fetch(api, earlier.datasets if earlier else {}, earlier.versions if earlier else {})
    try:
        rows = fetch.rows(datasets, earlier_rows)
    except (CatalogUnavailableError, AccessDeniedError, NotFoundError) as error:
        if earlier is None:
            raise
        log.error("The catalog could not be fetched; the one of %s is used. %s", earlier.fetched, error)
        return {"outcome": "kept", **earlier.summary(), "error": str(error)}
    is_same = earlier is not None and rows is earlier_rows
    attempt = Attempt(lake, FOLDER)
    current = Fetched(
        api=api.address,
        fetched=datetime.now(UTC).isoformat(timespec="seconds"),
        datasets=fetch.datasets,
        versions=fetch.versions,
        rows=rows.num_rows,
        digest=earlier.digest if earlier and is_same else claims_digest([rows]),
        file=earlier.file if earlier and is_same else attempt.write(ASSETS, "parquet", to_parquet(rows)),
    )
    try:
        pointer.put({ASSETS: current.file}, current.told(), over=version)
    except ChangedObjectError as error:
        attempt.abandon()
        raise ChangedObjectError(f"{lake.uri(POINTER)}: another run fetched the catalog, too.") from error
    # Tasks of another run may still be reading a young file.
    sweep(lake, f"{FOLDER}/{ASSETS}-", {one.file.key for one in (current, earlier) if one})
    summary = {"outcome": "unchanged" if is_same else "fetched", **current.summary()}
    summary |= {"versions_read": fetch.read, "versions_kept": len(fetch.kept), "refused": fetch.refused}
    summary["shared_keys"] = _shared(rows)
    if fetch.kept:
        summary |= _partly_kept(fetch.kept)
    log.info("The catalog of %s: %s", api.address, summary)
    return summary


def _partly_kept(kept: Mapping[str, str]) -> dict[str, str]:
    """Say, in the log and for the summary, which versions keep what was known of them, and why."""
    version, reason = next(iter(kept.items()))
    error = f"{len(kept)} versions could not be read, among them {version}: {reason}"
    log.error("The catalog is partly an earlier one: %s", error)
    return {"outcome": "partly kept", "error": error}


def _load(lake: Store, address: str) -> tuple[Fetched | None, pa.Table]:
    """Return what was last fetched from this API, and its rows; None when there is nothing to be read."""
    nothing = None, CLAIMS.empty_table()
    try:
        found = Pointer(lake, POINTER, KIND).read()
        if found is None or (fetched := Fetched.of(found)).api != address:
            return nothing
        rows = from_parquet(read_file(lake, fetched.file, _REMEDY))
        if problem := check_schema(rows.schema, COLUMNS):
            raise NotAPointerError(f"{fetched.file.key} is no catalog: {problem}")
        return fetched, rows
    except (NotAPointerError, CorruptLakeError) as error:
        log.warning("The catalog in %s cannot be read (%s).", lake.uri(POINTER), error)
        return nothing


def _shared(rows: pa.Table) -> int:
    """Return how many keys several datasets hold: their traffic counts for the first of these."""
    pairs = rows.group_by(["object_key", "dataset"]).aggregate([])
    datasets = pairs.group_by("object_key").aggregate([([], "count_all")])["count_all"]
    return pc.sum(pc.greater(datasets, 1)).as_py() or 0
