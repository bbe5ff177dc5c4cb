"""Publish: the mapped totals of all complete log days → usage figures that may be shown to the public."""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from include.s3logs import log_days
from include.s3logs.checkpoint import OutputFile, fingerprint_of
from include.s3logs.errors import NotFoundError
from include.s3logs.log_days import LogDay
from include.s3logs.privacy import Masking
from include.s3logs.store import Store
from include.s3logs.usage_files import COLUMNS, Totals, archive_totals, to_json, usage_files

log = logging.getLogger(__name__)

VERSION = 1
CHECKPOINT = "publish/_checkpoint.json"  # beside usage/, which holds nothing but what may be shown
UNFINISHED = "publish/_unfinished"  # there while files are being replaced
STATUS = "status/log_days.tsv"


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
    """The checkpoint of the newest publication."""

    fingerprint: str
    inputs: dict[str, Any]
    files: dict[str, OutputFile]
    totals: dict[str, Any]

    def to_json(self) -> bytes:
        listed = {key: {"size": file.size, "sha256": file.sha256} for key, file in self.files.items()}
        return to_json(
            {"fingerprint": self.fingerprint, "inputs": self.inputs, "files": listed, "totals": self.totals}
        )


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
        "days": [[day.log_day, day.state, day.mapped.fingerprint if day.mapped else None] for day in days],
    }
    fingerprint = fingerprint_of(inputs)
    there = _sizes(lake)
    earlier = None if force else _load(lake)
    if earlier and earlier.fingerprint == fingerprint and _all_there(earlier, there):
        return Publication(fingerprint, days, earlier.totals, len(earlier.files), reused=True)
    totals = Totals([day.mapped for day in days if day.mapped], lake)
    files = {**dict(usage_files(totals, masking)), STATUS: log_days.to_tsv(days)}
    lake.write(UNFINISHED, b"")
    written = _write_changed(lake, files, there, earlier)
    lake.delete(sorted(key for key in there if _is_ours(key) and key not in written))
    published = _Published(fingerprint, inputs, written, archive_totals(totals, masking))
    lake.write(CHECKPOINT, published.to_json())
    lake.delete([UNFINISHED])
    return Publication(fingerprint, days, published.totals, len(written), reused=False)


def _write_changed(
    lake: Store, files: dict[str, bytes], there: dict[str, int], earlier: _Published | None
) -> dict[str, OutputFile]:
    """Write the files whose content is not what stands there already."""
    known = earlier.files if earlier else {}
    written = {}
    for key, data in sorted(files.items()):
        file = OutputFile(key, len(data), hashlib.sha256(data).hexdigest())
        if known.get(key) != file or there.get(key) != file.size:
            lake.write(key, data)
        written[key] = file
    return written


def _load(lake: Store) -> _Published | None:
    """Return the newest publication, or None if there is none or a newer one did not get to its end."""
    if any(info.key == UNFINISHED for info in lake.list(UNFINISHED)):
        return None
    try:
        content = json.loads(lake.read(CHECKPOINT))
        files = {key: OutputFile(key, **file) for key, file in content.pop("files").items()}
        return _Published(files=files, **content)
    except NotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s is no valid checkpoint (%s); all is published anew.", lake.uri(CHECKPOINT), error)
        return None


def _all_there(published: _Published, there: dict[str, int]) -> bool:
    return all(there.get(key) == file.size for key, file in published.files.items())


def _is_ours(key: str) -> bool:
    """Tell whether a key below `usage/` is a table of ours, that may be removed when it is out of date."""
    return key.startswith("usage/") and key.rpartition("/")[2] in {f"{role}.tsv" for role in COLUMNS}


def _sizes(lake: Store) -> dict[str, int]:
    return {info.key: info.size for prefix in ("usage/", "status/") for info in lake.list(prefix)}
