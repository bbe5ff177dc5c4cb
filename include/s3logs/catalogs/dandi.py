"""The catalog of a DANDI-style archive: fetched from its API once a run, kept in the lake, read from there.

<lake>/catalog/dandi/_catalog.json            what was fetched, and when; names the file; written last
<lake>/catalog/dandi/assets-<attempt>.parquet all assets of all versions (schema CLAIMS), in order
"""

import hashlib
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.claims import CLAIMS, claims_digest
from include.s3logs.catalogs.dandi_api import DandiApi
from include.s3logs.catalogs.dandi_fetch import Fetch
from include.s3logs.catalogs.datasets import DatasetFilter
from include.s3logs.catalogs.table import TableCatalog
from include.s3logs.errors import (
    AccessDeniedError,
    CatalogError,
    CatalogUnavailableError,
    CorruptLakeError,
    NotFoundError,
)
from include.s3logs.lake.checkpoint import OutputFile
from include.s3logs.stores.store import Store
from include.s3logs.tables.parquet import from_parquet, to_parquet

log = logging.getLogger(__name__)

FORMAT = 1
FOLDER = "catalog/dandi"
POINTER = f"{FOLDER}/_catalog.json"
_ORPHAN_AGE = timedelta(days=1)  # older than any task that may still read the file


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
    format: int = FORMAT

    def to_json(self) -> bytes:
        """Serialise."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> "Fetched":
        """Parse; ValueError when it is nothing of this format."""
        content = json.loads(data)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"not of format {FORMAT}")
        try:
            content["file"] = OutputFile(**content["file"])
            return cls(**content)
        except (TypeError, KeyError) as error:
            raise ValueError(str(error)) from error

    def summary(self) -> dict[str, Any]:
        """Return what people want to know of it."""
        return {
            "fetched": self.fetched,
            "datasets": len(self.datasets),
            "versions": len(self.versions),
            "assets": self.rows,
        }


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
    current = Fetched(
        api=api.address,
        fetched=datetime.now(UTC).isoformat(timespec="seconds"),
        datasets=fetch.datasets,
        versions=fetch.versions,
        rows=rows.num_rows,
        digest=earlier.digest if earlier and is_same else claims_digest([rows]),
        file=earlier.file if earlier and is_same else _write(lake, rows),
    )
    lake.write(POINTER, current.to_json())
    _sweep(lake, {file.file.key for file in (current, earlier) if file})
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
        fetched = Fetched.from_json(lake.read(POINTER))
        if fetched.api != address:
            return nothing
        return fetched, _read(lake, fetched.file)
    except NotFoundError:
        return nothing
    except (ValueError, CorruptLakeError) as error:
        log.warning("The catalog in %s cannot be read (%s).", lake.uri(POINTER), error)
        return nothing


def _read(lake: Store, file: OutputFile) -> pa.Table:
    data = lake.read(file.key)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise CorruptLakeError(f"{lake.uri(file.key)} does not have the content that its pointer promises")
    return from_parquet(data)


def _write(lake: Store, rows: pa.Table) -> OutputFile:
    data = to_parquet(rows)
    file = OutputFile(
        f"{FOLDER}/assets-{secrets.token_hex(8)}.parquet", len(data), hashlib.sha256(data).hexdigest()
    )
    lake.write(file.key, data)
    return file


def _sweep(lake: Store, keep: set[str]) -> None:
    """Remove files that nobody names any more; tasks of another run may still be reading a young one."""
    before = datetime.now(UTC) - _ORPHAN_AGE
    found = lake.list(f"{FOLDER}/assets-")
    lake.delete([info.key for info in found if info.key not in keep and info.modified < before])


def _shared(rows: pa.Table) -> int:
    """Return how many keys several datasets hold: their traffic counts for the first of these."""
    pairs = rows.group_by(["object_key", "dataset"]).aggregate([])
    datasets = pairs.group_by("object_key").aggregate([([], "count_all")])["count_all"]
    return pc.sum(pc.greater(datasets, 1)).as_py() or 0
