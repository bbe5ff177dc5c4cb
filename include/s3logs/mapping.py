"""Map: binned rows → dataset, version, asset and region. No IP leaves this stage."""

from collections.abc import Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.binning import measured
from include.s3logs.catalogs import UNASSOCIATED, Catalog
from include.s3logs.checkpoint import (
    Attempt,
    Checkpoint,
    Outcome,
    close_day,
    fingerprint_of,
    read_output,
    run_stage,
)
from include.s3logs.errors import ReconciliationError
from include.s3logs.regions import region_data_version, region_of
from include.s3logs.store import Store
from include.s3logs.tables import from_parquet, sorted_by_all, to_parquet, total_by

STAGE = "mapped"
VERSION = 1
TOTALS_BY = {"by_day": "event_day", "by_asset": "asset_path", "by_region": "region"}


def map_day(lake: Store, binned: Checkpoint, catalog: Catalog, *, force: bool = False) -> Outcome:
    """Map the rows of a binned log day, or reuse the result.

    What the catalog says of this day's keys is part of the fingerprint, so that a changed catalog maps
    again the days it touches and no other.
    """
    day = date.fromisoformat(binned.log_day)
    keys = from_parquet(read_output(lake, binned, "keys"))["object_key"]
    claims = catalog.claims([key for key in pc.unique(keys).to_pylist() if key is not None])
    outcome = run_stage(
        lake,
        STAGE,
        day,
        inputs={
            "version": VERSION,
            "binned": binned.fingerprint,
            "claims": fingerprint_of({"claims": claims.to_pydict()}),
            "regions": region_data_version(),
        },
        compute=lambda attempt: _map(attempt, binned, claims),
        upstream=binned.lineage(),
        force=force,
    )
    close_day(lake, day)
    return outcome


def _map(attempt: Attempt, binned: Checkpoint, claims: pa.Table) -> Mapping[str, int]:
    rows = from_parquet(read_output(attempt.lake, binned, "rows"))
    mapped = _with_regions(_with_claims(rows, claims))
    mapped = sorted_by_all(mapped, "dataset", "asset_path", "timestamp")
    totals = measured(mapped)
    claimed = pc.not_equal(mapped["dataset"], UNASSOCIATED)
    counts = {
        "rows": mapped.num_rows,
        "rows_unassociated": mapped.num_rows - (pc.sum(claimed).as_py() or 0),
        "datasets": len(pc.unique(mapped["dataset"].filter(claimed))),
        "bytes_sent": pc.sum(mapped["bytes_sent"]).as_py() or 0,
    }
    for name in ("rows", "bytes_sent"):
        if counts[name] != binned.counts[name]:
            raise ReconciliationError(
                f"{attempt.day}: map has {counts[name]} {name}, bin gave {binned.counts[name]}"
            )
    attempt.write("rows", "parquet", to_parquet(mapped))
    for role, column in TOTALS_BY.items():
        attempt.write(role, "parquet", to_parquet(total_by(totals, "dataset", column)))
    return counts


def _with_claims(rows: pa.Table, claims: pa.Table) -> pa.Table:
    """Add dataset, version and asset path; what nobody claims is an asset of `unassociated` by its key."""
    joined = rows.join(claims, "object_key", join_type="left outer")
    dataset = pc.fill_null(joined["dataset"], UNASSOCIATED)
    asset_path = pc.coalesce(joined["asset_path"], joined["object_key"], pa.scalar("-"))
    joined = joined.set_column(joined.column_names.index("dataset"), "dataset", dataset)
    return joined.set_column(joined.column_names.index("asset_path"), "asset_path", asset_path)


def _with_regions(rows: pa.Table) -> pa.Table:
    """Replace the requester's IP by its region, looked up once for each distinct address."""
    ips = rows["remote_ip"].combine_chunks().dictionary_encode(null_encoding="encode")
    regions = pa.array([region_of(ip) for ip in ips.dictionary.to_pylist()], pa.string())
    return rows.drop_columns(["remote_ip"]).append_column("region", regions.take(ips.indices))
