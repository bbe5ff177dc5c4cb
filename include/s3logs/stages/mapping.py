"""Map: binned rows → dataset, version, asset and region. No IP leaves this stage, only a keyed hash.

Rows, keys and totals pass through the memory some at a time and are sorted on disk (`sorting.py`), so that a
day may be larger than the memory. What is held is what is known of each different address of the day.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.claims import (
    CLAIMS,
    UNASSOCIATED,
    Catalog,
    claims_digest,
    first_claims,
)
from include.s3logs.errors import ReconciliationError
from include.s3logs.lake.checkpoint import (
    REGIONS,
    RETAINED,
    Attempt,
    Checkpoint,
    Outcome,
    copy_output,
    load_checkpoint,
    run_stage,
)
from include.s3logs.lake.stages import MAPPED, is_undetermined
from include.s3logs.regions import UNDETERMINED, RegionSource
from include.s3logs.stages.binning import binned_keys
from include.s3logs.stages.limits import Limits
from include.s3logs.stages.requesters import ADDRESS, look_up, without_addresses
from include.s3logs.stages.work import Work
from include.s3logs.stores.store import Store
from include.s3logs.tables.arrays import bool_array, number_array, numbers_of, scalar_of, whole
from include.s3logs.tables.order import begins, distinct, stretches
from include.s3logs.tables.parquet import ROW_GROUP, RowsFile, read_batches, schema_of, write_rows
from include.s3logs.tables.sorting import Groups, Sorter, grouped
from include.s3logs.tables.sorting import Limits as Sorting
from include.s3logs.tables.temporary import temporary_folder
from include.s3logs.tables.totals import measured, total_by, totals_schema

ORDER = ("dataset", "asset_path", "timestamp")
"""What the rows are sorted by; after that by all other columns."""
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

_OF_REQUESTER = (ADDRESS, "requester", "network", "region")
_COUNTED = ("rows", "rows_unassociated", "rows_undetermined", "datasets", "bytes_sent")
_Claims = Iterable[tuple[pa.Table, int]]
"""What a catalog says of some keys, and how many requests these had; the keys as they follow in the rows."""


def map_day(work: Work) -> Outcome:
    """Map the rows of a binned log day, or reuse the result.

    What the catalog says of this day's keys is part of the fingerprint, so that a changed catalog maps again
    the days it touches and no other. A day with undetermined regions is mapped again in any case, unless its
    addresses went: then its regions and requesters are those of that moment, whatever is known by now.
    """
    lake, binned = work.lake, work.upstream(MAPPED)
    catalog, regions, limits = work.catalog(), work.regions(), work.limits
    earlier = load_checkpoint(lake, MAPPED.name, work.day)
    asks_again = earlier is not None and is_undetermined(earlier.counts) and not binned.retained
    with temporary_folder() as folder:
        keys = copy_output(lake, binned, "keys", folder / "binned-keys")
        return run_stage(
            lake,
            MAPPED,
            work.day,
            inputs={
                "version": MAPPED.version,
                "binned": binned.fingerprint,
                "claims": claims_digest(claims for claims, _ in _claims(catalog, keys, limits.keys)),
                "regions": binned.marks.get(REGIONS, regions.version),
            },
            compute=lambda attempt: _map(
                attempt, binned, _claims(catalog, keys, limits.keys), regions, folder, limits=limits
            ),
            upstream=binned.lineage(),
            force=work.remakes(MAPPED) or asks_again,
            token=work.token,
        )


def _claims(catalog: Catalog, keys: Path, at_once: int) -> _Claims:
    for some in binned_keys(keys, at_once):
        requests = pc.sum(some["number_of_requests"]).as_py() or 0
        yield catalog.claims(some["object_key"].drop_null()), requests


def _map(
    attempt: Attempt,
    binned: Checkpoint,
    claims: _Claims,
    regions: RegionSource,
    folder: Path,
    *,
    limits: Limits,
) -> Mapping[str, int]:
    of_bin, rows_of_bin = _located(attempt.lake, binned, folder, regions, limits)
    schema = _mapped_schema(of_bin)
    unsorted = Sorter(folder / "unsorted", schema, *ORDER, limits=limits.sorting)
    groups = _groups(folder, schema, limits.sorting)
    datasets: set[str] = set()
    for rows, of_keys in _lined_up(rows_of_bin, claims):
        located = _with_claims(rows, first_claims(of_keys))
        mapped = located.select(schema.names)
        unsorted.add(mapped)
        totals = measured(mapped)
        versions = _of_versions(totals, of_keys)
        known = located.filter(pc.not_equal(located["requester"], scalar_of(0, pa.uint64())))
        for role, group in groups.items():
            group.add(known if role == "requesters" else versions if role in VERSIONS_BY else totals)
        datasets.update(pc.unique(mapped["dataset"]).to_pylist())
    counts = Counter({**dict.fromkeys(_COUNTED, 0), "datasets": len(datasets - {UNASSOCIATED})})
    rows_file = RowsFile(folder / "rows", schema, ROW_GROUP)

    def by_asset() -> Iterator[pa.Table]:
        for mapped in unsorted.sorted():
            rows_file.add(mapped)
            counts.update(_counts(mapped))
            yield total_by(measured(mapped), *TOTALS_BY["by_asset"])

    keys = TOTALS_BY["by_asset"]
    files = {"rows": rows_file.path, "by_asset": folder / "by_asset"}
    write_rows(files["by_asset"], totals_schema(schema, *keys), grouped(by_asset(), total_by, *keys))
    rows_file.close()
    files |= {role: write_rows(folder / role, group.schema, group.all()) for role, group in groups.items()}
    for name in ("rows", "bytes_sent"):
        if counts[name] != binned.counts[name]:
            raise ReconciliationError(
                f"{attempt.day}: map has {counts[name]} {name}, bin gave {binned.counts[name]}"
            )
    for role, path in files.items():
        attempt.write_file(role, "parquet", path)
    return dict(counts)


def _counts(mapped: pa.Table) -> dict[str, int]:
    unassociated = pc.equal(mapped["dataset"], scalar_of(UNASSOCIATED))
    undetermined = pc.equal(mapped["region"], scalar_of(UNDETERMINED))
    return {
        "rows": mapped.num_rows,
        "rows_unassociated": pc.sum(unassociated).as_py(),
        "rows_undetermined": pc.sum(undetermined).as_py(),
        "bytes_sent": pc.sum(mapped["bytes_sent"]).as_py(),
    }


def _located(
    lake: Store, binned: Checkpoint, folder: Path, regions: RegionSource, limits: Limits
) -> tuple[pa.Schema, Iterator[pa.Table]]:
    """Return the schema of the rows of bin, and the rows, some at a time, with `region` and `requester`.

    What knows the regions is not kept. Rows whose addresses went say both themselves.
    """
    if binned.retained:
        source = copy_output(lake, binned, RETAINED, folder / "binned-rows")
        return schema_of(source), read_batches(source, rows=limits.rows)
    source = copy_output(lake, binned, "rows", folder / "binned-rows")
    known = look_up(source, folder, regions.open(), limits)
    rows = read_batches(source, rows=limits.rows)
    return schema_of(source), (without_addresses(some, known) for some in rows)


def _mapped_schema(binned: pa.Schema) -> pa.Schema:
    """Return the schema of the rows of map: those of bin with what is claimed, and a region for the IP."""
    kept = [field for field in binned if field.name not in _OF_REQUESTER]
    of_claims = [CLAIMS.field(name) for name in ("dataset", "version", "asset_path")]
    return pa.schema([*kept, *of_claims, pa.field("region", pa.string())])


def _groups(folder: Path, schema: pa.Schema, limits: Sorting) -> dict[str, Groups]:
    """Return all outputs but the rows and what is found in their order, as they are to be filled."""
    totals = {role: keys for role, keys in (TOTALS_BY | VERSIONS_BY).items() if role != "by_asset"}
    groups = {
        role: Groups(folder / f"{role}-run", totals_schema(schema, *keys), total_by, *keys, limits=limits)
        for role, keys in totals.items()
    }
    requesters = pa.schema([schema.field("dataset"), pa.field("requester", pa.uint64())])
    different = Groups(folder / "requesters-run", requesters, distinct, *REQUESTERS, limits=limits)
    return groups | {"requesters": different}


def _lined_up(tables: Iterator[pa.Table], claims: _Claims) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield all rows, some at a time, with the claims on their keys."""
    rest: pa.Table | None = None
    for of_keys, requests in claims:
        left = requests
        while left:
            if rest is None or not rest.num_rows:
                rest = next(tables, None)
            if rest is None:
                return  # fewer rows than requests: the counts will not add up
            rows, rest = rest.slice(0, left), rest.slice(left)
            yield rows, of_keys
            left -= rows.num_rows


def _with_claims(rows: pa.Table, claims: pa.Table) -> pa.Table:
    """Add dataset, version and asset path; what nobody claims is an asset of `unassociated` by its key."""
    at = pc.index_in(rows["object_key"], value_set=whole(claims["object_key"]))
    dataset, version, asset_path = (claims[name].take(at) for name in ("dataset", "version", "asset_path"))
    rows = rows.append_column("dataset", pc.fill_null(dataset, scalar_of(UNASSOCIATED)))
    rows = rows.append_column("version", version)
    return rows.append_column("asset_path", pc.coalesce(asset_path, rows["object_key"], scalar_of("-")))


def _of_versions(totals: pa.Table, claims: pa.Table) -> pa.Table:
    """Return the totals of each version's objects, once for each version that holds them."""
    of_keys = total_by(totals, "object_key", "event_day", "region")
    numbered = claims.filter(pc.not_equal(claims["version"], scalar_of("")))
    # The paths of an object in a version follow each other; the first one counts.
    is_first = begins(numbered["object_key"]) | begins(numbered["version"])
    numbered = numbered.filter(bool_array(is_first)).combine_chunks()
    starts = np.flatnonzero(begins(numbered["object_key"]))  # of the versions of each object
    lengths = np.diff(starts, append=numbered.num_rows)
    claimed = whole(numbered["object_key"].take(number_array(starts, pa.int64())))
    at = whole(pc.index_in(of_keys["object_key"], value_set=claimed))
    at = numbers_of(pc.fill_null(at, scalar_of(-1, pa.int32())))
    known = np.flatnonzero(at >= 0)
    at = at[known]
    rows = of_keys.take(number_array(np.repeat(known, lengths[at]), pa.int64()))
    of_versions = numbered.take(number_array(stretches(starts[at], lengths[at]), pa.int64()))
    for name in ("dataset", "version", "asset_path"):
        rows = rows.append_column(name, of_versions[name])
    return rows
