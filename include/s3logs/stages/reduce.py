"""Reduce: the log objects of one day → one row for each successful request of the chosen operations.

The same pass over the bytes yields the quarantine: every line that has no valid reading, as it was.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.addresses import address_of
from include.s3logs.errors import (
    AccessDeniedError,
    ReconciliationError,
    UnreadableObjectError,
)
from include.s3logs.lake.checkpoint import (
    Attempt,
    Outcome,
    fingerprint_of,
    run_stage,
)
from include.s3logs.lake.open_days import take_over
from include.s3logs.lake.stages import REDUCED
from include.s3logs.logs.decompress import recognise, unpack, with_lines
from include.s3logs.logs.listings import escaped, take
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.reading import Content, read_ahead
from include.s3logs.logs.sources import Listing
from include.s3logs.parsing.parse import Selector
from include.s3logs.parsing.selection import Filter, Selection, Share
from include.s3logs.quarantine.file import QuarantineFile
from include.s3logs.secrets import masked
from include.s3logs.settings import Settings
from include.s3logs.stages import operations
from include.s3logs.stages.accounts import Accounts
from include.s3logs.stages.limits import Limits
from include.s3logs.stages.never_less import (
    Before,
    made_before,
    refuse_fewer,
    refuse_less_than_seen,
    result_that_stays,
)
from include.s3logs.stages.object_list import WORDS, Version, to_tsv
from include.s3logs.stages.rejections import Rejections
from include.s3logs.stages.second_chance import may_be_read_now
from include.s3logs.stages.together import Together
from include.s3logs.stages.work import Work
from include.s3logs.stores.store import Store
from include.s3logs.tables.arrays import number_array
from include.s3logs.tables.parquet import RowsFile
from include.s3logs.tables.temporary import temporary_folder

log = logging.getLogger(__name__)

SCHEMA = REDUCED.file("rows").schema
_COLUMNS = ("time", *SCHEMA.names[1:])
_OPERATION = "operation"
_SUCCESS = range(200, 300)
_UNREADABLE = tuple(WORDS)
_OR_SKIP = ", or set S3LOGS_ON_UNREADABLE=skip to go on without such objects"


def settings_digest(settings: Settings) -> str:
    """Return what tells days that were reduced with these settings from others."""
    return fingerprint_of(_deciding(settings))


def reduce_inputs(objects: Sequence[LogObject], settings: Settings) -> dict[str, Any]:
    """Return everything that decides the result of reducing these log objects.

    What only judges it is left out: how many lines may be rejected, what an unreadable object does.
    """
    return {
        "version": REDUCED.version,
        "log_objects": len(objects),
        "log_objects_digest": fingerprint_of({"objects": [[o.key, o.size, o.etag] for o in objects]}),
        **_deciding(settings),
    }


def _deciding(settings: Settings) -> dict[str, Any]:
    return {
        "operations": sorted(settings.operations),
        "excluded_ips": sorted(settings.excluded_ips),
    }


def reduce_day(work: Work) -> Outcome:
    """Reduce one log day from the sources into the lake, or reuse what is there.

    Raises UnreadableObjectError, TooManyRejectionsError, MissingLogObjectsError; all name the object or day.
    """
    lake, day = work.lake, work.day
    seen = take(lake, day, work.carried) if work.carried else None
    listing = _listed(work, seen)
    objects = listing.of(day)
    inputs = reduce_inputs(objects, work.settings)
    before = made_before(work, inputs)
    if not work.force:
        refuse_less_than_seen(work, before, objects, seen.of(day) if seen else None)
        if before and (kept := result_that_stays(work, before, inputs, objects)):
            return Outcome(kept, reused=True)

    def compute(attempt: Attempt) -> dict[str, int]:
        return _reduce(attempt, work, listing, before)

    force = work.remakes(REDUCED) or bool(before and may_be_read_now(work.sources(), listing, day, before))
    outcome = run_stage(lake, REDUCED, day, inputs=inputs, compute=compute, force=force, token=work.token)
    Rejections(day, work.settings.rejection_limit, outcome.checkpoint.counts).check()
    return outcome


def _listed(work: Work, seen: Listing | None) -> Listing:
    """Return what the run listed, on the first try and where nothing is in roll-ups; else list anew."""
    if seen and work.first_try and not (work.carried and work.carried.rolled_up):
        return seen
    take_over(work.lake, work.day, work.token)  # what is listed from here on holds what others knew
    return work.listing()


def _reduce(attempt: Attempt, work: Work, listing: Listing, before: Before | None) -> dict[str, int]:
    with temporary_folder() as folder, closing(QuarantineFile(folder / "quarantine")) as quarantine:
        rows = RowsFile(folder / "rows", SCHEMA)
        stores, objects = work.sources(), listing.of(work.day)
        reduction = _Reduction(
            *(attempt, stores, work.settings, rows, quarantine),
            objects=objects,
            limits=work.limits,
            gave_lines={} if work.force or not before else before.gave_lines(),
        )
        counts = reduction.run(listing)
    refuse_fewer(work, before, counts)
    if reduction.missing and counts["records"]:
        counts |= operations.look_for(reduction.missing, stores, objects, listing, work.limits)
    return counts


class _Reduction:
    """One pass over the log objects of a day, in bounded memory: what may be large grows in the two files.

    What gave lines to an earlier result is not skipped.
    """

    def __init__(
        self,
        attempt: Attempt,
        stores: Mapping[str, Store],
        settings: Settings,
        rows: RowsFile,
        quarantine: QuarantineFile,
        *,
        objects: Sequence[LogObject],
        limits: Limits,
        gave_lines: Mapping[Version, int],
    ) -> None:
        self.attempt, self.stores, self.settings, self.limits = attempt, stores, settings, limits.logs
        self.gave_lines = gave_lines
        self.rows, self.quarantine, self.objects = rows, quarantine, objects
        self.skips = settings.on_unreadable == "skip"
        self.counts: Counter[str] = Counter()
        limit, examples = settings.rejection_limit, quarantine.examples
        self.rejections = Rejections(attempt.day, limit, self.counts, examples, limits)
        self.accounts = Accounts(objects, quarantine, self.rejections, self.counts, limits)
        self.denied = ""  # the first sentence of a store that refuses
        wanted = Filter(frozenset(settings.operations), _SUCCESS, _exclusion(settings.excluded_ips))
        self.missing = set(settings.operations)  # of which no request was counted
        is_one = len(self.missing) == 1  # then every row is one of it
        self.small = Together(self.limits)
        self.selector = Selector(wanted, _COLUMNS if is_one else (*_COLUMNS, _OPERATION))

    def run(self, listing: Listing) -> dict[str, int]:
        """Reduce, write the outputs, and return the reconciled counts."""
        for log_object, content in read_ahead(self.stores, self.objects, listing.places, self.limits):
            self._reduce(log_object, content)
        self._add_small()
        self._expect_some_allowed()
        for found in self.selector.finish():
            self._count(found)
        self.counts["log_objects"] = len(self.objects)
        foreign = listing.foreign_of(self.attempt.day)
        self.counts["foreign_objects"] = foreign.count
        self.rejections.check()
        self._write(foreign.examples)
        return self._reconciled()

    def _reduce(self, log_object: LogObject, content: Content) -> None:
        """Reduce one log object, or keep it for later, if it is small: with those that follow it."""
        skips = self.skips and not self._had(log_object)
        try:
            if (whole := self.small.whole(log_object, content())) is not None:
                if self.small.add(log_object, whole):
                    self._add_small()
                return
            self._add_small()
            selections = self._readable(log_object, content)
            skips = False  # from here on lines of it are counted
            self.accounts.add([log_object], self._counted(selections))
        except _UNREADABLE as error:
            self._add_small()
            self._skip(log_object, error, skips)

    def _skip(self, log_object: LogObject, error: Exception, skips: bool) -> None:
        """Note why one that cannot be read is skipped; raise UnreadableObjectError if it may not be."""
        where = self.stores[log_object.source].uri(log_object.key)
        if not skips:
            raise UnreadableObjectError(
                f"The log object {where} cannot be read: {error} {self._remedy(self._had(log_object))}"
            ) from error
        told = masked(f"The log object {where} cannot be read and is skipped: {error}")
        log.warning("%s", told)
        if isinstance(error, AccessDeniedError):
            self.denied = self.denied or str(error)
        self.accounts.add_unreadable(log_object, error)

    def _had(self, log_object: LogObject) -> int:
        """Return how many lines the earlier result has of it."""
        return self.gave_lines.get((log_object.key, log_object.size, log_object.etag), 0)

    def _remedy(self, had: int) -> str:
        if not self.skips:
            return f"Mend or remove it and run the day again{_OR_SKIP}."
        if not had:  # so it broke off after its first lines
            return "Mend or remove it and run the day again."
        return f"The earlier result has its {had} lines and stays. Mend it, or run the day with force."

    def _expect_some_allowed(self) -> None:
        """Raise UnreadableObjectError when nothing of a source may be read: to skip means single objects."""
        words = defaultdict[str, list[str]](list)
        for row in self.accounts.listed:
            words[row.log_object.source].append(row.unreadable)
        for source, found in words.items():
            if set(found) == {WORDS[AccessDeniedError]}:
                raise UnreadableObjectError(
                    f"None of the {len(found)} log objects of {self.attempt.day} in {source} may be read "
                    f"(the first: {self.denied}). Check the credentials and what they allow; "
                    "S3LOGS_ON_UNREADABLE=skip is for single objects."
                )

    def _readable(self, log_object: LogObject, content: Content) -> Iterable[Selection]:
        """Return what will select from the content, once it is known that the object can be read."""
        packing, pieces = recognise(content())
        lines = self._lines(pieces)
        if self.skips and (packing or log_object.size > self.limits.line):
            # Nothing of an object whose end is corrupt may count. So all of it is unpacked beforehand; one of
            # more than one piece is read twice for that. Others are corrupt only by too long a line.
            for _ in lines:
                pass
            lines = self._lines(content())
        return self.selector.select(lines)

    def _lines(self, pieces: Iterable[bytes]) -> Iterable[bytes]:
        return with_lines(unpack(pieces, self.limits.unpacked), self.limits.line)

    def _add_small(self) -> None:
        objects, contents = self.small.take()
        self.accounts.add(objects, self._counted(self.selector.select_joined(contents)))

    def _counted(self, selections: Iterable[Selection]) -> Iterator[Share]:
        for found in selections:
            self._count(found)
            yield from found.shares

    def _count(self, found: Selection) -> None:
        self.counts["records"] += found.records
        self.counts["exact_duplicates"] += found.repeats
        self.counts["reduced_rows"] += found.rows.num_rows
        self.counts["filtered"] += found.records - found.repeats - found.rows.num_rows
        self.counts["ambiguous"] += found.ambiguous
        self._keep(found.rows)

    def _keep(self, found: pa.Table) -> None:
        if not found.num_rows:
            return
        if self.missing:
            has_operations = _OPERATION in found.column_names
            self.missing -= set(found[_OPERATION].unique().to_pylist()) if has_operations else self.missing
        found = found.select(_COLUMNS)
        nothing = number_array(np.zeros(found.num_rows, np.int64), pa.int64())
        sent = pc.coalesce(found["bytes_sent"], nothing)  # null is 0 bytes
        self.counts["bytes_sent"] += pc.sum(sent).as_py()
        found = found.set_column(_COLUMNS.index("bytes_sent"), "bytes_sent", sent)
        self.rows.add(found.rename_columns(SCHEMA.names))

    def _write(self, foreign: Sequence[str]) -> None:
        self.rows.close()
        self.quarantine.close()
        self.attempt.write_file("rows", "parquet", self.rows.path)
        self.attempt.write("objects", "tsv", to_tsv(self.accounts.listed))
        self.attempt.write_file("quarantine", "jsonl", self.quarantine.path)
        others = "".join(f"{escaped(uri)}\n" for uri in foreign)
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


def _exclusion(excluded: Sequence[str]) -> Callable[[str], bool] | None:
    """Return the test for excluded addresses, or None if there are none."""
    networks = [ip_network(network, strict=False) for network in excluded]
    if not networks:
        return None
    return lru_cache(100_000)(lambda ip: any(address_of(ip) in network for network in networks))
