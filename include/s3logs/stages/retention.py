"""Retention: the rows of bin without addresses, and the rows and raw lines of reduce gone.

What stands in place of the addresses is enough to map the day again: the keyed hash that counts requesters,
the region, and the keyed hash of the network. In this order, so that killed anywhere the next attempt goes
on:

1. the rows without addresses, as a file of bin under a new name;
2. the checkpoint of bin, which names it in place of the rows;
3. the checkpoints of the other stages, which name their files with addresses no more;
4. the files with addresses are deleted, those that no checkpoint named, too.

The checkpoints stay what they were made from, so that all that was made of them is reused.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

from include.s3logs.errors import ChangedObjectError, NotFoundError, ReconciliationError
from include.s3logs.lake import stages
from include.s3logs.lake.checkpoint import (
    KIND,
    REGIONS,
    RETAINED,
    Attempt,
    Checkpoint,
    amend,
    checkpoint_key,
    copy_output,
    load_checkpoint,
)
from include.s3logs.lake.open_days import is_open
from include.s3logs.lake.pointer import OutputFile, Pointer
from include.s3logs.lake.retained import with_addresses
from include.s3logs.lake.stages import BINNED, REDUCED, Stage
from include.s3logs.regions import UNDETERMINED, RegionSource
from include.s3logs.stages.binning import ORDER
from include.s3logs.stages.limits import LIMITS, Limits
from include.s3logs.stages.requesters import look_up, without_addresses
from include.s3logs.stores.store import Store
from include.s3logs.tables.parquet import ROW_GROUP, RowsFile, read_batches
from include.s3logs.tables.sorting import Sorter
from include.s3logs.tables.temporary import temporary_folder

log = logging.getLogger(__name__)


class _Stood(NamedTuple):
    """A checkpoint as it stood at the beginning, and the version in place of which another one may be put."""

    version: str
    checkpoint: Checkpoint | None


def retain_day(
    lake: Store, day: date, regions: RegionSource, today: date, *, limits: Limits = LIMITS
) -> None:
    """Take the addresses of a finished log day out of the lake, or do what an earlier attempt left of that.

    Raises ChangedObjectError when a run is at work on the day, NotFoundError when bin has no result of its
    rows, and CorruptLakeError; the addresses then stay.
    """
    stood = {stage.name: _stood(lake, stage, day) for stage in stages.STAGES if stage.roles_with_addresses}
    _expect_nobody_at_work(lake, day)  # who begins now finds another version in the end, or we do
    binned = _of_the_rows(lake, day, stood)
    if not binned.retained:
        _keep_rows(lake, binned, regions, today, over=stood[BINNED.name].version, limits=limits)
    for name, (version, found) in stood.items():
        if name != BINNED.name and found is not None and not found.retained:
            amend(lake, found, _others(found), {RETAINED: str(today)}, over=version)
    _delete(lake, day)


def _delete(lake: Store, day: date) -> None:
    """Delete the files with addresses: what no checkpoint names, and nobody at work is going to name."""
    left = with_addresses(lake, day).get(day, [])
    _expect_nobody_at_work(lake, day)  # whoever wrote one of these and is done, has his checkpoint there
    named = {
        file.key
        for stage in stages.STAGES
        if stage.roles_with_addresses and (found := load_checkpoint(lake, stage.name, day))
        for file in found.files.values()
    }
    if not named.isdisjoint(left):
        raise ChangedObjectError(f"A run has computed log day {day} anew; its addresses go later.")
    lake.delete(left)
    log.info("%s: addresses and raw lines of this day are gone from the lake (%d files).", day, len(left))


def _stood(lake: Store, stage: Stage, day: date) -> _Stood:
    version = Pointer(lake, checkpoint_key(stage.name, day), KIND).version()
    return _Stood(version, load_checkpoint(lake, stage.name, day))


def _expect_nobody_at_work(lake: Store, day: date) -> None:
    if is_open(lake, day):
        raise ChangedObjectError(f"A run is at work on log day {day}; its addresses go later.")


def _of_the_rows(lake: Store, day: date, stood: Mapping[str, _Stood]) -> Checkpoint:
    """Return the checkpoint of bin, which has to be there, and of the rows that reduce has now."""
    binned, reduced = stood[BINNED.name].checkpoint, stood[REDUCED.name].checkpoint
    made_of = binned.upstream.get(REDUCED.name, {}).get("fingerprint") if binned else None
    if binned is None or (reduced is not None and reduced.fingerprint != made_of):
        raise NotFoundError(
            f"{lake.uri(checkpoint_key(BINNED.name, day))} is not there, or not of the rows that reduce has. "
            f"The addresses of log day {day} stay, or no catalog could be followed any more: run it again."
        )
    return binned


def _others(found: Checkpoint) -> dict[str, OutputFile]:
    """Return the files of a checkpoint that hold no addresses."""
    stage = stages.by_name(found.stage)
    held = stage.roles_with_addresses if stage else frozenset()
    return {role: file for role, file in found.files.items() if role not in held}


def _keep_rows(
    lake: Store, binned: Checkpoint, regions: RegionSource, today: date, *, over: str, limits: Limits
) -> None:
    """Let bin have the rows without addresses in place of those with them."""
    attempt = Attempt(lake, BINNED.name, date.fromisoformat(binned.log_day))
    with temporary_folder() as folder:
        attempt.write_file(RETAINED, "parquet", _without_addresses(lake, binned, folder, regions, limits))
    marks = {RETAINED: str(today), REGIONS: regions.version}
    try:
        amend(lake, binned, {**_others(binned), **attempt.files}, marks, over=over)
    except ChangedObjectError:
        attempt.abandon()
        raise


def _without_addresses(
    lake: Store, binned: Checkpoint, folder: Path, regions: RegionSource, limits: Limits
) -> Path:
    """Write the rows of bin with what is known of each address in its place, and return where.

    They are sorted anew: in the order of the addresses, hashes would tell which of them is the smaller one.
    """
    source = copy_output(lake, binned, "rows", folder / "rows")
    known = look_up(source, folder, regions.open(), limits, networks=True)
    schema = BINNED.file(RETAINED).schema
    unsorted = Sorter(folder / "run", schema, *ORDER, limits=limits.sorting)
    for rows in read_batches(source, rows=limits.rows):
        unsorted.add(without_addresses(rows, known).select(schema.names))
    file = RowsFile(folder / "retained", schema, ROW_GROUP)
    counts: Counter[str] = Counter()
    for rows in unsorted.sorted():
        file.add(rows)
        counts["rows"] += rows.num_rows
        counts["bytes_sent"] += pc.sum(rows["bytes_sent"]).as_py() or 0
        counts[UNDETERMINED] += pc.sum(pc.equal(rows["region"], UNDETERMINED)).as_py() or 0
    file.close()
    for name in ("rows", "bytes_sent"):
        if counts[name] != binned.counts[name]:
            raise ReconciliationError(
                f"{binned.log_day}: without addresses there are {counts[name]} {name}, bin gave "
                f"{binned.counts[name]}"
            )
    if counts[UNDETERMINED]:
        log.warning("%s: the region of %d requests stays undetermined.", binned.log_day, counts[UNDETERMINED])
    return file.path
