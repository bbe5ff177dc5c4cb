"""Bin: reduced rows → the same rows sorted by object key, and totals of each key by event day.

The rows are sorted on disk (`sorting.py`), so that a day may be larger than the memory.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.zarr import collapse_zarr
from include.s3logs.errors import MissingLogObjectsError, ReconciliationError
from include.s3logs.lake.checkpoint import (
    KIND,
    Attempt,
    Checkpoint,
    Outcome,
    brought_up,
    checkpoint_key,
    copy_output,
    intact_checkpoint,
    run_stage,
)
from include.s3logs.lake.pointer import Pointer
from include.s3logs.lake.stages import BINNED, REDUCED
from include.s3logs.stages.limits import LIMITS, Limits
from include.s3logs.stages.older_rules import settle
from include.s3logs.stages.work import Work
from include.s3logs.tables.parquet import ROW_GROUP, RowsFile, read_batches, schema_of, write_rows
from include.s3logs.tables.sorting import Sorter, grouped
from include.s3logs.tables.temporary import temporary_folder
from include.s3logs.tables.totals import TOTALS, measured, total_by, totals_schema

log = logging.getLogger(__name__)

ORDER = ("object_key", "timestamp")
TOTALS_BY = ("object_key", "event_day")
_COUNTED = {"rows": "number_of_requests", "bytes_sent": "bytes_sent", "downloads": "number_of_downloads"}


def bin_day(work: Work) -> Outcome:
    """Bin the rows of a reduced log day, or reuse the result; it stays where the rows went."""
    reduced = work.upstream(BINNED)
    if reduced.retained:
        return Outcome(_that_stays(work, reduced), reused=True)
    return run_stage(
        work.lake,
        BINNED,
        work.day,
        inputs={"version": BINNED.version, "reduced": reduced.fingerprint},
        compute=lambda attempt: _bin(attempt, reduced, work.limits),
        upstream=reduced.lineage(),
        force=work.remakes(BINNED),
        token=work.token,
    )


def _that_stays(work: Work, reduced: Checkpoint) -> Checkpoint:
    """Return what bin made before the rows went; MissingLogObjectsError when that is gone, too."""
    version = Pointer(work.lake, checkpoint_key(BINNED.name, work.day), KIND).version()
    own = intact_checkpoint(work.lake, BINNED.name, work.day)
    remade = BINNED.name in work.remake  # as it is damaged
    if remade or own is None or own.upstream.get(REDUCED.name, {}).get("fingerprint") != reduced.fingerprint:
        raise MissingLogObjectsError(
            f"The rows of log day {work.day} went with its addresses on {reduced.retained}, and what bin "
            "made of them is gone or damaged. Its figures stay. While its log objects are there, run the day "
            "with force."
        )
    if work.force:
        log.warning(
            "%s: the rows of this day went with its addresses on %s; what bin made of them stays.",
            *(work.day, reduced.retained),
        )
    own = brought_up(work.lake, own, reduced.lineage(), version)
    return settle(work.lake, work.day, BINNED, own)


def binned_keys(path: Path, at_once: int = LIMITS.keys) -> Iterator[pa.Table]:
    """Yield the totals of each key, so many at a time, from a file of those by key and event day.

    In the rows that belong to it, the requests of each key follow each other in the same order.
    """
    return grouped(read_batches(path, ["object_key", *TOTALS], at_once), total_by, "object_key")


def _bin(attempt: Attempt, reduced: Checkpoint, limits: Limits) -> Mapping[str, int]:
    with temporary_folder() as folder:
        source = copy_output(attempt.lake, reduced, "rows", folder / "reduced")
        schema = schema_of(source)
        unsorted = Sorter(folder / "run", schema, *ORDER, limits=limits.sorting)
        for found in read_batches(source, rows=limits.rows):
            keys = collapse_zarr(found["object_key"])
            unsorted.add(found.set_column(found.column_names.index("object_key"), "object_key", keys))
        rows = RowsFile(folder / "rows", schema, ROW_GROUP)
        counts = Counter(dict.fromkeys(_COUNTED, 0))

        def totals() -> Iterator[pa.Table]:
            for binned in unsorted.sorted():
                rows.add(binned)
                sums = total_by(measured(binned), *TOTALS_BY)
                for name, total in _COUNTED.items():
                    counts[name] += pc.sum(sums[total]).as_py()
                yield sums

        keys = write_rows(
            folder / "keys", totals_schema(schema, *TOTALS_BY), grouped(totals(), total_by, *TOTALS_BY)
        )
        rows.close()
        counts["object_keys"] = sum(found.num_rows for found in binned_keys(keys, limits.keys))
        for name, upstream in (("rows", "reduced_rows"), ("bytes_sent", "bytes_sent")):
            if counts[name] != reduced.counts[upstream]:
                raise ReconciliationError(
                    f"{attempt.day}: bin has {counts[name]} {name}, reduce gave {reduced.counts[upstream]}"
                )
        attempt.write_file("rows", "parquet", rows.path)
        attempt.write_file("keys", "parquet", keys)
    return dict(counts)
