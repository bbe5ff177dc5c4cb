"""Publish: the mapped totals of all complete log days → usage figures that may be shown to the public.

What it costs depends on what changed: months without a changed day are not merged again, and datasets without
traffic on a changed day keep their files.
"""

import hashlib
import logging
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from include.s3logs.days import states
from include.s3logs.days.salts import salts_by_month
from include.s3logs.days.states import UNKNOWN, UPGRADE, LogDay, Today
from include.s3logs.errors import ChangedObjectError, ReconciliationError
from include.s3logs.lake.checkpoint import fingerprint_of
from include.s3logs.lake.pointer import (
    Found,
    Kind,
    NotAPointerError,
    OutputFile,
    Pointer,
    without_checksum,
)
from include.s3logs.publishing.archive_files import archive_files
from include.s3logs.publishing.asset_logs import asset_logs
from include.s3logs.publishing.dataset_files import DatasetFigures, dataset_files
from include.s3logs.publishing.figures import folder_of_dataset
from include.s3logs.publishing.history import Digests, History
from include.s3logs.publishing.limits import LIMITS, Limits
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.most_datasets import check_datasets
from include.s3logs.publishing.schemas import LOG_DAYS, LOGS, published_at
from include.s3logs.publishing.standing import Listed, listed, standing, with_etags
from include.s3logs.regions.places import place_data_version
from include.s3logs.stores.store import Store
from include.s3logs.tables.temporary import temporary_folder

log = logging.getLogger(__name__)

VERSION = 4
CHECKPOINT = "publish/_checkpoint.json"  # beside usage/, which holds nothing but what may be shown
UNFINISHED = "publish/_unfinished"  # begins the notes that are there while files are being replaced
KIND = Kind(
    "checkpoint of a publication",
    2,
    {1: without_checksum},
    says={
        "fingerprint": "a digest of `inputs`: with the same one nothing is published",
        "inputs": "all that decides the figures: the mapped log days, masking, version of publish; salts by "
        "month where they differ",
        "totals": "what `archive_totals.json` says",
        "digests": "by dataset and month: another one when a day with traffic to the dataset changes",
        "datasets": "the exact sums of each dataset, of which the files of all datasets are made",
    },
)
STATUS = LOG_DAYS.key
_OF_TABLES = ("mask_below", "round_to", "places")  # inputs that the asset logs do not depend on


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published: the state of every log day, how many files, `computed` now or `reused`."""

    fingerprint: str
    days: Sequence[LogDay]
    totals: dict[str, Any]
    files: int
    reused: bool

    @property
    def missing(self) -> list[LogDay]:
        """Return the log days whose newest state is not in the figures."""
        return states.unfinished(self.days)


@dataclass(frozen=True, slots=True)
class _Published:
    """The checkpoint of the newest publication; what is in it may not be shown."""

    fingerprint: str
    inputs: dict[str, Any]
    files: dict[str, OutputFile]
    totals: dict[str, Any]
    digests: Digests
    datasets: dict[str, DatasetFigures]

    @classmethod
    def of(cls, found: Found) -> "_Published":
        """Return what a pointer says; NotAPointerError when something is missing."""
        try:
            content = dict(found.content)
            datasets = {name: DatasetFigures(**told) for name, told in content.pop("datasets").items()}
            return cls(files=dict(found.files), datasets=datasets, **content)
        except (KeyError, TypeError, AttributeError) as error:
            raise NotAPointerError(str(error)) from error

    def days_with_figures(self) -> set[str]:
        """Return the log days that were in the figures."""
        return {day for day, content in self.inputs["days"] if content is not None}

    def told(self) -> dict[str, Any]:
        """Return what the pointer says beside its files."""
        return {
            "fingerprint": self.fingerprint,
            "inputs": self.inputs,
            "totals": self.totals,
            "digests": self.digests,
            "datasets": {name: figures.to_dict() for name, figures in self.datasets.items()},
        }


def publish(
    lake: Store,
    masking: Masking,
    asked: Iterable[date] = (),
    *,
    force: bool = False,
    today: Today = UNKNOWN,
    most_datasets: int | None = None,
    damaged: Collection[str] = (),
    limits: Limits = LIMITS,
) -> Publication:
    """Publish the usage of all log days that have figures, and the state of every log day.

    `asked` are the days this run was to do: one of them without any trace in the lake is `incomplete`.
    Days that were not made with what `today` says say so. More than `most_datasets` are a SettingsError, and
    nothing is written.
    Files that did not change are not touched; those of datasets without traffic any more are removed. Files
    in whose places something else stands are made anew, and `damaged` ones, keys of which that is known.
    While days wait for a newer version of a stage, the earlier publication stays, but for the states: figures
    by two rules do not add up.
    """
    pointer = Pointer(lake, CHECKPOINT, KIND)
    version = pointer.version()
    earlier = _load(pointer)
    days = states.states(lake, asked, earlier.days_with_figures() if earlier else (), today)
    inputs: dict[str, Any] = {
        "version": VERSION,
        "mask_below": masking.below,
        "round_to": masking.round_to,
        "places": place_data_version(),
        "days": [[day.log_day, day.mapped.content() if day.mapped else None] for day in days],
        "status": _digest(states.to_tsv(days)),  # what is counted of a day may change and its figures not
    }
    salts = salts_by_month(day.mapped for day in days if day.mapped)
    if len(set[str]().union(*salts.values())) > 1:
        inputs["salts"] = {month: sorted(names) for month, names in salts.items()}
    fingerprint = fingerprint_of(inputs)
    there = listed(lake)
    if earlier and any(day.reason == UPGRADE for day in days):
        return _only_states(pointer, version, earlier, days)
    if force:
        earlier = None
    stands = standing(lake, earlier.files.values(), there, damaged) if earlier else {}
    if earlier and earlier.fingerprint == fingerprint and stands.keys() == earlier.files.keys():
        _note_etags(pointer, version, earlier, stands)
        return Publication(fingerprint, days, earlier.totals, len(earlier.files), reused=True)
    if earlier and earlier.inputs.get("version") != VERSION:
        earlier = replace(earlier, digests={})  # all is made anew; what comes out the same is not written
    publishing = _Publishing(
        *(pointer, version),
        masking=masking,
        there=there,
        stands=stands,
        earlier=earlier,
        inputs=inputs,
        limits=limits,
    )
    published = publishing.run(days, force=force, most_datasets=most_datasets)
    return Publication(fingerprint, days, published.totals, len(published.files), reused=False)


def _only_states(pointer: Pointer, version: str, earlier: _Published, days: Sequence[LogDay]) -> Publication:
    """Publish nothing but the state of every log day."""
    table = states.to_tsv(days)
    file = OutputFile(STATUS, len(table), _digest(table))
    waiting = sum(day.reason == UPGRADE for day in days)
    log.warning("%d log days wait for a newer version of a stage; until then usage/ stays as it is.", waiting)
    kept = Publication(earlier.fingerprint, days, earlier.totals, len(earlier.files), reused=True)
    if earlier.files.get(STATUS) == file:
        return kept
    pointer.lake.write(STATUS, table)
    # Without a fingerprint the next publication looks at all of it.
    published = replace(earlier, fingerprint="", files={**earlier.files, STATUS: file})
    pointer.put(published.files, published.told(), over=version)
    return kept


class _Publishing:
    """One publication that has something to do."""

    def __init__(
        self,
        pointer: Pointer,
        version: str,
        *,
        masking: Masking,
        there: Listed,
        stands: Mapping[str, OutputFile],
        earlier: _Published | None,
        inputs: dict[str, Any],
        limits: Limits,
    ) -> None:
        self.lake, self.masking, self.inputs = pointer.lake, masking, inputs
        self.there, self.stands = there, stands
        self.pointer, self.version, self.limits = pointer, version, limits
        self.note = f"{UNFINISHED}-{secrets.token_hex(8)}"
        self.earlier = earlier or _Published("", {}, {}, {}, {}, {})
        before = self.earlier.inputs
        self.same_tables = all(before.get(name) == inputs[name] for name in _OF_TABLES)
        self.files: dict[str, OutputFile] = {}
        self._waiting: dict[str, bytes] = {}
        self._size = 0  # bytes that wait

    def run(self, days: Sequence[LogDay], *, force: bool, most_datasets: int | None) -> _Published:
        with temporary_folder() as folder:
            mapped = [day.mapped for day in days if day.mapped]
            history = History(self.lake, mapped, folder, force=force, limits=self.limits)
            traffic = history.traffic
            check_datasets(traffic.digests, most_datasets)
            changed, changed_logs = self._changes(history)
            before = [info.key for info in self.lake.list(UNFINISHED)]
            self.lake.write(self.note, b"")
            datasets = {name: self.earlier.datasets[name] for name in traffic.digests if name not in changed}
            rows = {name: traffic.rows[name] for name in changed}
            for name, figures, files in dataset_files(history, rows, self.masking, folder, self.limits):
                datasets[name] = figures
                self._put(files)
            for month, days_of_month in history.days.items():
                names = changed_logs[f"{month:%Y-%m}"]
                self._put(asset_logs(self.lake, month, days_of_month, names, self.limits))
            _reconcile(history, datasets)
            totals, of_archive = archive_files(history, datasets, self.masking, folder, self.limits)
            self._put(of_archive)
        self._put([(STATUS, states.to_tsv(days))])
        self._flush()
        self.lake.delete(sorted(key for key in self.there if key not in self.files and published_at(key)))
        written = with_etags(self.lake, self.files)
        published = _Published(
            fingerprint_of(self.inputs), self.inputs, written, totals, traffic.digests, datasets
        )
        self._commit(published)
        self.lake.delete([self.note, *before])
        return published

    def _commit(self, published: _Published) -> None:
        """Let the pointer say what was published; when another publication was faster, its note stays."""
        try:
            self.pointer.put(published.files, published.told(), over=self.version)
        except ChangedObjectError as error:
            self.lake.write(self.note, b"")  # the other one may have taken it away
            raise ChangedObjectError(
                f"{self.lake.uri(CHECKPOINT)}: another publication was faster; the next makes all files anew."
            ) from error

    def _changes(self, history: History) -> tuple[set[str], dict[str, list[str]]]:
        """Return the datasets with files to make anew, and by month those whose logs are.

        That is where a day changed or a file is not there. What only tables depend on makes all anew but the
        logs, and so does a dataset's count of requesters that can be made now, or no longer. Notes that all
        other files stay.
        """
        files = _by_folder(self.earlier.files)
        changed, changed_logs = set(), defaultdict(list)
        for name, now in history.traffic.digests.items():
            own, before = files[folder_of_dataset(name)], self.earlier.digests.get(name, {})
            same = self.same_tables and before == now and self._counts_as_before(history, name)
            if same and all(self._is_there(file) for found in own.values() for file in found):
                self._keep(file for found in own.values() for file in found)
                continue
            changed.add(name)
            for month, digest in now.items():
                if before.get(month) == digest and all(map(self._is_there, own[month])):
                    self._keep(own[month])
                else:
                    changed_logs[month].append(name)
        return changed, changed_logs

    def _counts_as_before(self, history: History, name: str) -> bool:
        return (self.earlier.datasets[name].requesters is None) == history.mixes_salts(name)

    def _is_there(self, file: OutputFile) -> bool:
        return self.stands.get(file.key) == file

    def _keep(self, files: Iterable[OutputFile]) -> None:
        self.files.update((file.key, file) for file in files)

    def _put(self, files: Iterable[tuple[str, bytes | Path]]) -> None:
        """Write, before `_flush` returns, the files whose content is not what stands there already.

        A local file is removed after that; it is written at once, unless it is small.
        """
        for key, found in files:
            content = found
            if isinstance(found, Path) and _size(found) <= self.limits.small:
                content = found.read_bytes()
            file = OutputFile(key, _size(content), _digest(content))
            self.files[key] = file
            if not self._is_there(file):
                if isinstance(content, Path):
                    self.lake.write_file(key, content)
                else:
                    self._waiting[key] = content
                    self._size += file.size
            if isinstance(found, Path):
                found.unlink()  # to write over it would make some systems put it on disk
            if self._size > self.limits.waiting:
                self._flush()

    def _flush(self) -> None:
        self.lake.write_many(self._waiting)
        self._waiting, self._size = {}, 0


def _size(content: bytes | Path) -> int:
    return content.stat().st_size if isinstance(content, Path) else len(content)


def _digest(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _by_folder(files: Mapping[str, OutputFile]) -> dict[str, dict[str, list[OutputFile]]]:
    """Return the files of each folder below `usage/`: logs by their month, all others by ""."""
    found: dict[str, dict[str, list[OutputFile]]] = defaultdict(lambda: defaultdict(list))
    for key, file in files.items():
        usage, folder, *below = key.split("/")
        is_log = below[:1] == [LOGS]
        found[f"{usage}/{folder}"][below[-1].partition(".")[0] if is_log else ""].append(file)
    return found


def _reconcile(history: History, datasets: Mapping[str, DatasetFigures]) -> None:
    """Every request that map counted is in the figures of one dataset, to the byte."""
    months = history.months.values()
    for total, count in (("bytes_sent", "bytes_sent"), ("number_of_requests", "rows")):
        found = sum(figures.sums[total] for figures in datasets.values())
        expected = sum(month.counts[count] for month in months)
        if found != expected:
            raise ReconciliationError(f"The datasets have {found} {total}, the log days {expected}.")


def _load(pointer: Pointer) -> _Published | None:
    """Return the newest publication, or None if there is none or a newer one did not get to its end."""
    if any(pointer.lake.list(UNFINISHED)):
        return None
    try:
        return _Published.of(found) if (found := pointer.read()) else None
    except NotAPointerError as error:
        where = pointer.lake.uri(pointer.key)
        log.warning("%s is no valid checkpoint (%s); all is published anew.", where, error)
        return None


def _note_etags(
    pointer: Pointer, version: str, published: _Published, stands: Mapping[str, OutputFile]
) -> None:
    """Note ETags that are not known, or were of a lake that this is a copy of; else nothing is written."""
    if any(file.etag != published.files[key].etag for key, file in stands.items()):
        with suppress(ChangedObjectError):  # another publication notes what it left
            pointer.put(stands, published.told(), over=version)
