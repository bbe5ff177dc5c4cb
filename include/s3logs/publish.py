"""Publish: the mapped totals of all complete log days → usage figures that may be shown to the public.

What it costs depends on what changed: months without a changed day are not merged again, and datasets without
traffic on a changed day keep their files.
"""

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pyarrow as pa

from include.s3logs import log_days
from include.s3logs.asset_logs import asset_logs
from include.s3logs.checkpoint import OutputFile, fingerprint_of
from include.s3logs.dataset_files import DatasetFigures, countries, dataset_files
from include.s3logs.errors import NotFoundError, ReconciliationError
from include.s3logs.history import Digests, History
from include.s3logs.log_days import LogDay
from include.s3logs.privacy import Masking
from include.s3logs.regions.places import coordinates_table
from include.s3logs.store import Store
from include.s3logs.tables import TOTALS
from include.s3logs.usage_files import (
    LOGS,
    Files,
    folder_of_dataset,
    measures,
    requester_count,
    summary,
    to_json,
)

log = logging.getLogger(__name__)

VERSION = 2
CHECKPOINT = "publish/_checkpoint.json"  # beside usage/, which holds nothing but what may be shown
UNFINISHED = "publish/_unfinished"  # there while files are being replaced
STATUS = "status/log_days.tsv"
_TABLES = (
    *("by_day", "by_asset", "by_region", "by_dataset", "by_asset_per_week", "by_asset_type_per_week"),
    "requester_count",
)
_KINDS = ("tsv", "parquet")
_WAITING_BYTES = 32 << 20


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
        return [day for day in self.days if day.state != log_days.COMPLETE]


@dataclass(frozen=True, slots=True)
class _Published:
    """The checkpoint of the newest publication; what is in it may not be shown."""

    fingerprint: str
    inputs: dict[str, Any]
    files: dict[str, OutputFile]
    totals: dict[str, Any]
    digests: Digests
    datasets: dict[str, DatasetFigures]

    def to_json(self) -> bytes:
        listed = {key: {"size": file.size, "sha256": file.sha256} for key, file in self.files.items()}
        content = {
            "fingerprint": self.fingerprint,
            "inputs": self.inputs,
            "files": listed,
            "totals": self.totals,
            "digests": self.digests,
            "datasets": {name: figures.to_dict() for name, figures in self.datasets.items()},
        }
        return json.dumps(content, sort_keys=True).encode() + b"\n"


def publish(lake: Store, masking: Masking, asked: Iterable[date] = (), *, force: bool = False) -> Publication:
    """Publish the usage of all log days that have figures, and the state of every log day.

    `asked` are the days this run was to do: one of them without any trace in the lake is `incomplete`.
    Files that did not change are not touched; those of datasets without traffic any more are removed.
    """
    days = log_days.states(lake, asked)
    inputs = {
        "version": VERSION,
        "mask_below": masking.below,
        "round_to": masking.round_to,
        "days": [[day.log_day, day.state, day.mapped.content() if day.mapped else None] for day in days],
    }
    fingerprint = fingerprint_of(inputs)
    there = _sizes(lake)
    earlier = None if force else _load(lake)
    if earlier and earlier.fingerprint == fingerprint and _all_there(earlier.files, there):
        return Publication(fingerprint, days, earlier.totals, len(earlier.files), reused=True)
    if earlier and {**earlier.inputs, "days": None} != {**inputs, "days": None}:
        earlier = replace(earlier, digests={})  # all is made anew; what comes out the same is not written
    published = _Publishing(lake, masking, there, earlier).run(days, inputs, force=force)
    return Publication(fingerprint, days, published.totals, len(published.files), reused=False)


class _Publishing:
    """One publication that has something to do."""

    def __init__(
        self, lake: Store, masking: Masking, there: Mapping[str, int], earlier: _Published | None
    ) -> None:
        self.lake, self.masking, self.there = lake, masking, there
        self.earlier = earlier or _Published("", {}, {}, {}, {}, {})
        self.files: dict[str, OutputFile] = {}
        self._waiting: dict[str, bytes] = {}
        self._size = 0  # bytes that wait

    def run(self, days: Sequence[LogDay], inputs: dict[str, Any], *, force: bool) -> _Published:
        history = History(self.lake, [day.mapped for day in days if day.mapped], force=force)
        digests = history.digests()
        changed, changed_logs = self._changes(digests)
        self.lake.write(UNFINISHED, b"")
        datasets = {name: self.earlier.datasets[name] for name in digests if name not in changed}
        for name, figures, files in dataset_files(history, sorted(changed), self.masking):
            datasets[name] = figures
            self._put(files)
        for month, days_of_month in history.days.items():
            for files in asset_logs(self.lake, month, days_of_month, changed_logs[f"{month:%Y-%m}"]):
                self._put(files)
        _reconcile(history, datasets)
        totals, of_archive = _archive_files(history, datasets, self.masking)
        self._put({**dict(of_archive), STATUS: log_days.to_tsv(days)})
        self._flush()
        self.lake.delete(sorted(key for key in self.there if _is_ours(key) and key not in self.files))
        published = _Published(fingerprint_of(inputs), inputs, self.files, totals, digests, datasets)
        self.lake.write(CHECKPOINT, published.to_json())
        self.lake.delete([UNFINISHED])
        return published

    def _changes(self, digests: Digests) -> tuple[set[str], dict[str, list[str]]]:
        """Return the datasets with a changed day, and by month those whose logs changed.

        Notes that the files of all others stay.
        """
        files = _by_folder(self.earlier.files)
        changed, changed_logs = set(), defaultdict(list)
        for name, now in digests.items():
            own, before = files[folder_of_dataset(name)], self.earlier.digests.get(name, {})
            if before == now and all(self._is_there(file) for found in own.values() for file in found):
                self._keep(file for found in own.values() for file in found)
                continue
            changed.add(name)
            for month, digest in now.items():
                if before.get(month) == digest and all(map(self._is_there, own[month])):
                    self._keep(own[month])
                else:
                    changed_logs[month].append(name)
        return changed, changed_logs

    def _is_there(self, file: OutputFile) -> bool:
        return self.there.get(file.key) == file.size

    def _keep(self, files: Iterable[OutputFile]) -> None:
        self.files.update((file.key, file) for file in files)

    def _put(self, files: Mapping[str, bytes]) -> None:
        """Write, before `_flush` returns, the files whose content is not what stands there already."""
        for key, data in files.items():
            file = OutputFile(key, len(data), hashlib.sha256(data).hexdigest())
            if self.earlier.files.get(key) != file or not self._is_there(file):
                self._waiting[key] = data
                self._size += len(data)
            self.files[key] = file
        if self._size > _WAITING_BYTES:
            self._flush()

    def _flush(self) -> None:
        self.lake.write_many(self._waiting)
        self._waiting, self._size = {}, 0


def _by_folder(files: Mapping[str, OutputFile]) -> dict[str, dict[str, list[OutputFile]]]:
    """Return the files of each folder below `usage/`: logs by their month, all others by ""."""
    found: dict[str, dict[str, list[OutputFile]]] = defaultdict(lambda: defaultdict(list))
    for key, file in files.items():
        usage, folder, *below = key.split("/")
        is_log = below[:1] == [LOGS]
        found[f"{usage}/{folder}"][below[-1].partition(".")[0] if is_log else ""].append(file)
    return found


def _archive_files(
    history: History, datasets: Mapping[str, DatasetFigures], masking: Masking
) -> tuple[dict[str, Any], Files]:
    """Return the totals of the archive, and the files below `usage/` that are of no dataset alone."""
    regions, requesters = history.of_archive("archive_by_region"), history.requesters_of_archive()
    sums = {total: sum(figures.sums[total] for figures in datasets.values()) for total in TOTALS}
    totals = summary(sums, regions.num_rows, countries(regions), requesters, masking)

    def files() -> Files:
        names = sorted(datasets)
        columns = {
            total: pa.array([datasets[name].sums[total] for name in names], pa.int64()) for total in TOTALS
        }
        by_dataset = pa.table({"dataset": pa.array(names, pa.string()), **columns})
        for name, table in (
            ("by_day", history.of_archive("archive_by_day")),
            ("by_region", regions),
            ("by_dataset", by_dataset),
        ):
            yield from measures(f"usage/archive/{name}", table, masking)
        for name, data in requester_count(requesters, masking):
            yield f"usage/archive/{name}", data
        yield "usage/totals.json", to_json({name: datasets[name].summary(masking) for name in names})
        yield "usage/archive_totals.json", to_json(totals)
        places = coordinates_table(regions["region"].to_pylist())
        yield "usage/region_coordinates.json", to_json(places)

    return totals, files()


def _reconcile(history: History, datasets: Mapping[str, DatasetFigures]) -> None:
    """Every request that map counted is in the figures of one dataset, to the byte."""
    months = history.months.values()
    for total, count in (("bytes_sent", "bytes_sent"), ("number_of_requests", "rows")):
        found = sum(figures.sums[total] for figures in datasets.values())
        expected = sum(month.counts[count] for month in months)
        if found != expected:
            raise ReconciliationError(f"The datasets have {found} {total}, the log days {expected}.")


def _load(lake: Store) -> _Published | None:
    """Return the newest publication, or None if there is none or a newer one did not get to its end."""
    if any(info.key == UNFINISHED for info in lake.list(UNFINISHED)):
        return None
    try:
        content = json.loads(lake.read(CHECKPOINT))
        files = {key: OutputFile(key, **file) for key, file in content.pop("files").items()}
        datasets = {name: DatasetFigures(**found) for name, found in content.pop("datasets").items()}
        return _Published(files=files, datasets=datasets, **content)
    except NotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s is no valid checkpoint (%s); all is published anew.", lake.uri(CHECKPOINT), error)
        return None


def _all_there(files: Mapping[str, OutputFile], there: Mapping[str, int]) -> bool:
    return all(there.get(key) == file.size for key, file in files.items())


def _is_ours(key: str) -> bool:
    """Tell whether a key below `usage/` is a table of ours, that may be removed when it is out of date."""
    usage, _, *below = [*key.split("/"), ""]
    name, _, kind = key.rpartition("/")[2].rpartition(".")
    is_log = below[0] == LOGS and kind in _KINDS
    return usage == "usage" and (is_log or (name in _TABLES and kind in _KINDS))


def _sizes(lake: Store) -> dict[str, int]:
    return {info.key: info.size for prefix in ("usage/", "status/") for info in lake.list(prefix)}
