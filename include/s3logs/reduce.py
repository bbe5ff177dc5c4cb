"""Reduce: the log objects of one day → one row for each successful request of the chosen operations.

The same pass over the bytes yields the quarantine: every line that has no valid reading, as it was.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import lru_cache
from io import BytesIO
from ipaddress import ip_network
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.s3logs import object_list
from include.s3logs.checkpoint import Attempt, Outcome, fingerprint_of, load_checkpoint, run_stage
from include.s3logs.decompress import CorruptObjectError, decompress
from include.s3logs.errors import (
    AccessDeniedError,
    NotFoundError,
    ReconciliationError,
    TooManyRejectionsError,
    UnreadableObjectError,
)
from include.s3logs.object_list import only_lost_objects
from include.s3logs.regions import address_of
from include.s3logs.selection import Filter, Selection, select_strictly
from include.s3logs.settings import Settings
from include.s3logs.sources import Listing, LogObject
from include.s3logs.store import PARALLEL_READS, Store
from include.s3logs.strict import decode_key

log = logging.getLogger(__name__)

STAGE = "reduced"
VERSION = 1
SCHEMA = pa.schema(
    [
        ("timestamp", pa.timestamp("s", "UTC")),
        ("remote_ip", pa.string()),
        ("bucket", pa.string()),
        ("object_key", pa.string()),
        ("bytes_sent", pa.int64()),
        ("http_status", pa.int16()),
        ("object_size", pa.int64()),
    ]
)
_COLUMNS = ("time", "remote_ip", "bucket", "operation", "key", "bytes_sent", "http_status", "object_size")
_SMALL_DAY = 64 << 20  # bytes; about what the strict path reads while the compiled kernel is loaded
_SUCCESS = range(200, 300)
_ROWS_PER_BATCH = 65_536
_SHOWN_REJECTIONS = 3
_SHOWN_CHARACTERS = 80
_SECRET = re.compile(r"((?:Signature|Credential|AccessKeyId|Token)=)[^&\s\"]*")  # of presigned requests


def reduce_inputs(objects: Sequence[LogObject], settings: Settings) -> dict[str, Any]:
    """Return everything that decides the result of reducing these log objects."""
    return {
        "version": VERSION,
        "log_objects": len(objects),
        "log_objects_digest": fingerprint_of({"objects": [[o.key, o.size, o.etag] for o in objects]}),
        "operations": sorted(settings.operations),
        "excluded_ips": sorted(settings.excluded_ips),
        "rejection_limit": settings.rejection_limit,
        "on_unreadable": settings.on_unreadable,
    }


def reduce_day(
    lake: Store,
    stores: Mapping[str, Store],
    day: date,
    listing: Listing,
    settings: Settings,
    *,
    force: bool = False,
) -> Outcome:
    """Reduce one log day from the sources (`stores`, by URI) into the lake, or reuse what is there.

    Raises UnreadableObjectError, TooManyRejectionsError, MissingLogObjectsError; all name the object or day.
    """
    objects = listing.of(day)
    inputs = reduce_inputs(objects, settings)
    earlier = load_checkpoint(lake, STAGE, day)
    if earlier and not force and only_lost_objects(lake, earlier, inputs, objects):
        log.warning("%s: log objects of this day are gone from the sources; its result stays.", day)
        return Outcome(earlier, reused=True)
    return run_stage(
        lake,
        STAGE,
        day,
        inputs=inputs,
        compute=lambda attempt: _Reduction(attempt, stores, settings).run(objects, listing),
        force=force,
    )


class _Reduction:
    """One pass over the log objects of a day."""

    def __init__(self, attempt: Attempt, stores: Mapping[str, Store], settings: Settings) -> None:
        self.attempt, self.stores, self.settings = attempt, stores, settings
        self.counts: Counter[str] = Counter()
        self.rows: list[pa.Table] = []
        self.waiting = 0  # rows that are not written yet
        self.reduced = BytesIO()
        self.writer = pq.ParquetWriter(self.reduced, SCHEMA, compression="zstd")
        self.quarantine: list[dict[str, Any]] = []
        self.objects = [object_list.HEADER]

    def run(self, objects: Sequence[LogObject], listing: Listing) -> dict[str, int]:
        """Reduce, write the outputs, and return the reconciled counts."""
        self.select = _selector(self.settings, sum(log_object.size for log_object in objects))
        for log_object, data in _read_ahead(self.stores, objects):
            before = self.counts.copy()
            try:
                self._add(log_object, decompress(_bytes_or_raise(data)))
            except (CorruptObjectError, AccessDeniedError, NotFoundError) as error:
                self._unreadable(log_object, error)
            lines_here = self.counts["lines"] - before["lines"]
            rejected_here = self.counts["rejections"] - before["rejections"]
            self.objects.append(object_list.row(log_object, lines_here, rejected_here))
        self.counts["log_objects"] = len(objects)
        self.counts["foreign_objects"] = listing.foreign
        self._check_rejections()
        self._write(listing.foreign_examples)
        return self._reconciled()

    def _add(self, log_object: LogObject, data: bytes) -> None:
        for found in self.select(data):
            self.counts["lines"] += found.records + found.rejections.num_rows
            self.counts["records"] += found.records
            self.counts["rejections"] += found.rejections.num_rows
            self.counts["exact_duplicates"] += found.repeats
            self.counts["reduced_rows"] += found.rows.num_rows
            self.counts["filtered"] += found.records - found.repeats - found.rows.num_rows
            self.counts["ambiguous"] += found.ambiguous
            self._keep(found.rows)
            for rejection in found.rejections.to_pylist():
                self._reject(log_object, rejection["line_number"], rejection["reason"], rejection["raw"])

    def _keep(self, found: pa.Table) -> None:
        if not found.num_rows:
            return
        sent = pc.fill_null(found["bytes_sent"], 0)
        self.counts["bytes_sent"] += pc.sum(sent).as_py()
        columns = [found["time"], found["remote_ip"], found["bucket"], _decoded(found), sent]
        self.rows.append(
            pa.Table.from_arrays([*columns, found["http_status"], found["object_size"]], schema=SCHEMA)
        )
        self.waiting += found.num_rows
        if self.waiting >= _ROWS_PER_BATCH:
            self._flush()

    def _flush(self) -> None:
        self.writer.write_table(pa.concat_tables([SCHEMA.empty_table(), *self.rows]).combine_chunks())
        self.rows.clear()
        self.waiting = 0

    def _reject(self, log_object: LogObject, number: int | None, reason: str, line: bytes | None) -> None:
        self.quarantine.append(
            {
                "source": log_object.source,
                "log_object": log_object.key,
                "line_number": number,
                "reason": reason,
                "raw": line.decode("utf-8", "surrogateescape") if line is not None else None,
            }
        )

    def _unreadable(self, log_object: LogObject, error: Exception) -> None:
        where = self.stores[log_object.source].uri(log_object.key)
        if self.settings.on_unreadable == "fail":
            raise UnreadableObjectError(
                f"The log object {where} cannot be read: {error} Mend or remove it and run the day again, "
                "or set S3LOGS_ON_UNREADABLE=skip to go on without such objects."
            ) from error
        log.warning("The log object %s cannot be read and is skipped: %s", where, error)
        self.counts["unreadable_objects"] += 1
        self._reject(log_object, None, f"unreadable: {error}", None)

    def _check_rejections(self) -> None:
        rejected, total = self.counts["rejections"], self.counts["lines"]
        if not rejected or rejected / total <= self.settings.rejection_limit:
            return
        shown = [
            f"  {q['log_object']} line {q['line_number']}: {q['reason']}: {_shown(q['raw'])!r}"
            for q in self.quarantine
            if q["raw"] is not None
        ]
        raise TooManyRejectionsError(
            f"{rejected} of {total} lines of log day {self.attempt.day} have no valid reading, more than "
            f"S3LOGS_REJECTION_LIMIT={self.settings.rejection_limit:g} allows. The first:\n"
            + "\n".join(shown[:_SHOWN_REJECTIONS])
        )

    def _write(self, foreign: Sequence[str]) -> None:
        self._flush()
        self.writer.close()
        quarantine = "".join(json.dumps(entry) + "\n" for entry in self.quarantine)
        self.attempt.write("rows", "parquet", self.reduced.getvalue())
        self.attempt.write(
            "objects", "tsv", ("\n".join(self.objects) + "\n").encode("utf-8", "surrogateescape")
        )
        self.attempt.write("quarantine", "jsonl", quarantine.encode())
        others = "".join(f"{object_list.escaped(uri)}\n" for uri in foreign)
        self.attempt.write("foreign", "txt", others.encode("utf-8", "surrogateescape"))

    def _reconciled(self) -> dict[str, int]:
        names = (
            "log_objects foreign_objects unreadable_objects lines records rejections exact_duplicates "
            "filtered reduced_rows bytes_sent ambiguous"
        )
        counts = {name: self.counts[name] for name in names.split()}
        if counts["lines"] != counts["records"] + counts["rejections"]:
            raise ReconciliationError(f"{self.attempt.day}: lines ≠ records + rejections: {counts}")
        if counts["records"] != counts["reduced_rows"] + counts["filtered"] + counts["exact_duplicates"]:
            raise ReconciliationError(f"{self.attempt.day}: records ≠ kept + filtered + duplicates: {counts}")
        return counts


def _selector(settings: Settings, size: int) -> Callable[[bytes], Iterable[Selection]]:
    """Return what selects the records that count from each log object of a day of `size` bytes."""
    wanted = Filter(frozenset(settings.operations), _SUCCESS, _exclusion(settings.excluded_ips))
    if size < _SMALL_DAY:
        known: set[bytes] = set()
        return lambda data: [select_strictly(data, wanted, _COLUMNS, known)]
    from include.s3logs.kernel.repeats import Seen  # noqa: PLC0415 (takes 2 s to load)
    from include.s3logs.parse import select  # noqa: PLC0415

    seen = Seen()
    return lambda data: select([data], wanted, _COLUMNS, seen)


def _exclusion(excluded: Sequence[str]) -> Callable[[str], bool] | None:
    """Return the test for excluded addresses, or None if there are none."""
    networks = [ip_network(network, strict=False) for network in excluded]
    if not networks:
        return None
    return lru_cache(100_000)(lambda ip: any(address_of(ip) in network for network in networks))


def _decoded(found: pa.Table) -> pa.Array:
    """Return the object keys behind the logged ones."""
    keys = found["key"].combine_chunks()
    if not pc.any(pc.match_substring_regex(keys, "[%+]")).as_py():
        return keys
    pairs = zip(found["operation"].to_pylist(), keys.to_pylist(), strict=True)
    return pa.array([key and decode_key(operation, key) for operation, key in pairs], pa.string())


def _shown(raw: str) -> str:
    """Return the beginning of a line as it may stand in a message."""
    return _SECRET.sub(r"\1…", raw)[:_SHOWN_CHARACTERS] + "…"


def _bytes_or_raise(data: bytes | Exception) -> bytes:
    if isinstance(data, Exception):
        raise data
    return data


def _read_ahead(
    stores: Mapping[str, Store], objects: Sequence[LogObject]
) -> Iterator[tuple[LogObject, bytes | Exception]]:
    """Yield each object with its bytes (or why it cannot be read), in order, reading a few ahead."""

    def read(log_object: LogObject) -> bytes | Exception:
        try:
            return stores[log_object.source].read(log_object.key, log_object.etag)
        except (AccessDeniedError, NotFoundError) as error:
            return error

    waiting = iter(objects)
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        ahead = [(o, pool.submit(read, o)) for o in islice(waiting, 2 * PARALLEL_READS)]
        while ahead:
            log_object, data = ahead.pop(0)
            yield log_object, data.result()
            ahead += [(o, pool.submit(read, o)) for o in islice(waiting, 1)]
