"""Map: binned rows → dataset, version, asset and region. No IP leaves this stage, only a keyed hash."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.binning import measured
from include.s3logs.catalogs import UNASSOCIATED, Catalog, claims_digest, first_claims
from include.s3logs.checkpoint import (
    Attempt,
    Checkpoint,
    Outcome,
    close_day,
    load_checkpoint,
    read_output,
    run_stage,
)
from include.s3logs.errors import ReconciliationError
from include.s3logs.regions import UNDETERMINED, Regions, RegionSource
from include.s3logs.store import Store
from include.s3logs.tables import distinct, from_parquet, sorted_by_all, to_parquet, total_by

STAGE = "mapped"
VERSION = 2
TOTALS_BY = {
    "by_day": ("dataset", "event_day"),
    "by_asset": ("dataset", "asset_path", "event_day"),
    "by_region": ("dataset", "region"),
}
VERSIONS_BY = {
    "versions_by_day": ("dataset", "version", "event_day"),
    "versions_by_asset": ("dataset", "version", "asset_path"),
    "versions_by_region": ("dataset", "version", "region"),
}
"""Outputs and what their totals are by; a request counts once in its dataset, and in each of its versions."""
REQUESTERS = ("dataset", "requester")


def map_day(
    lake: Store, binned: Checkpoint, catalog: Catalog, regions: RegionSource, *, force: bool = False
) -> Outcome:
    """Map the rows of a binned log day, or reuse the result.

    What the catalog says of this day's keys is part of the fingerprint, so that a changed catalog maps again
    the days it touches and no other. A day with undetermined regions is mapped again in any case.
    """
    day = date.fromisoformat(binned.log_day)
    keys = from_parquet(read_output(lake, binned, "keys"), ["object_key"])["object_key"]
    claims = catalog.claims([key for key in pc.unique(keys).to_pylist() if key is not None])
    earlier = load_checkpoint(lake, STAGE, day)
    outcome = run_stage(
        lake,
        STAGE,
        day,
        inputs={
            "version": VERSION,
            "binned": binned.fingerprint,
            "claims": claims_digest(claims),
            "regions": regions.version,
        },
        compute=lambda attempt: _map(attempt, binned, claims, regions.open()),
        upstream=binned.lineage(),
        force=force or (earlier is not None and is_undetermined(earlier)),
    )
    close_day(lake, day)
    return outcome


def is_undetermined(mapped: Checkpoint) -> bool:
    """Tell whether regions of a mapped day could not be asked for and may be known by now."""
    return mapped.counts.get("rows_undetermined", 0) > 0


def _requesters(rows: pa.Table, regions: Regions) -> pa.Table:
    """Look up each distinct address: `remote_ip`, `region`, and `requester`, 64 bits of the keyed hash."""
    found = pc.unique(rows["remote_ip"]).to_pylist()
    addresses = sorted(ip for ip in found if ip is not None)
    hashes = b"".join((keyed or bytes(8))[:8] for keyed in regions.hashes([*addresses, None]))
    return pa.table(
        {
            "remote_ip": pa.array([*addresses, None], pa.string()),
            "region": pa.array(regions.look_up([*addresses, None]), pa.string()),
            "requester": pa.array(np.frombuffer(hashes, ">u8").astype(np.uint64)),
        }
    )


def _map(attempt: Attempt, binned: Checkpoint, claims: pa.Table, regions: Regions) -> Mapping[str, int]:
    rows = from_parquet(read_output(attempt.lake, binned, "rows"))
    requesters = _requesters(rows, regions)
    located = _with_regions(_with_claims(rows, first_claims(claims)), requesters)
    mapped = sorted_by_all(located.drop_columns(["requester"]), "dataset", "asset_path", "timestamp")
    totals = measured(mapped)
    claimed = pc.not_equal(mapped["dataset"], UNASSOCIATED)
    counts = {
        "rows": mapped.num_rows,
        "rows_unassociated": mapped.num_rows - (pc.sum(claimed).as_py() or 0),
        "rows_undetermined": pc.sum(pc.equal(mapped["region"], UNDETERMINED)).as_py() or 0,
        "datasets": len(pc.unique(mapped["dataset"].filter(claimed))),
        "bytes_sent": pc.sum(mapped["bytes_sent"]).as_py() or 0,
    }
    for name in ("rows", "bytes_sent"):
        if counts[name] != binned.counts[name]:
            raise ReconciliationError(
                f"{attempt.day}: map has {counts[name]} {name}, bin gave {binned.counts[name]}"
            )
    attempt.write("rows", "parquet", to_parquet(mapped))
    for role, columns in TOTALS_BY.items():
        attempt.write(role, "parquet", to_parquet(total_by(totals, *columns)))
    versions = _of_versions(totals, claims)
    for role, columns in VERSIONS_BY.items():
        attempt.write(role, "parquet", to_parquet(total_by(versions, *columns)))
    known = located.filter(pc.not_equal(located["requester"], pa.scalar(0, pa.uint64())))
    attempt.write("requesters", "parquet", to_parquet(distinct(known, *REQUESTERS)))
    return counts


def _with_claims(rows: pa.Table, claims: pa.Table) -> pa.Table:
    """Add dataset, version and asset path; what nobody claims is an asset of `unassociated` by its key."""
    joined = rows.join(claims, "object_key", join_type="left outer")
    dataset = pc.fill_null(joined["dataset"], UNASSOCIATED)
    asset_path = pc.coalesce(joined["asset_path"], joined["object_key"], pa.scalar("-"))
    joined = joined.set_column(joined.column_names.index("dataset"), "dataset", dataset)
    return joined.set_column(joined.column_names.index("asset_path"), "asset_path", asset_path)


def _with_regions(rows: pa.Table, requesters: pa.Table) -> pa.Table:
    """Replace the requester's IP by its region and its hash."""
    at = pc.fill_null(pc.index_in(rows["remote_ip"], requesters["remote_ip"]), requesters.num_rows - 1)
    rows = rows.drop_columns(["remote_ip"])
    for name in ("region", "requester"):
        rows = rows.append_column(name, requesters[name].take(at))
    return rows


def _of_versions(totals: pa.Table, claims: pa.Table) -> pa.Table:
    """Return the totals of each version's objects, once for each version that holds them."""
    numbered = claims.filter(pc.not_equal(claims["version"], ""))
    paths = numbered.group_by(["object_key", "dataset", "version"]).aggregate([("asset_path", "min")])
    paths = paths.rename_columns({"asset_path_min": "asset_path"})
    of_keys = total_by(totals, "object_key", "event_day", "region")
    return of_keys.join(paths, "object_key", join_type="inner")
