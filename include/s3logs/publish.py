"""Publish: the mapped totals of all complete log days → usage figures that may be shown to the public.

Layout and column names are those that existing front ends of research archives read.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

import pandas as pd
import pyarrow as pa

from include.s3logs import log_days
from include.s3logs.checkpoint import Checkpoint, OutputFile, fingerprint_of, read_output
from include.s3logs.errors import NotFoundError, ReconciliationError
from include.s3logs.log_days import LogDay
from include.s3logs.mapping import TOTALS_BY
from include.s3logs.privacy import Masking
from include.s3logs.regions import country_of
from include.s3logs.store import Store
from include.s3logs.tables import TOTALS, from_parquet, total_by

log = logging.getLogger(__name__)

VERSION = 1
CHECKPOINT = "publish/_checkpoint.json"  # beside usage/, which holds nothing but what may be shown
STATUS = "status/log_days.tsv"
COLUMNS = {"by_day": "date", "by_asset": "asset_path", "by_region": "region", "by_dataset": "dataset"}


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published: a checkpoint of the files, the state of every log day, `computed` or `reused`."""

    fingerprint: str
    days: Sequence[LogDay]
    totals: dict[str, Any]
    files: int
    reused: bool

    @property
    def missing(self) -> list[LogDay]:
        """Return the log days whose newest state is not in the figures."""
        return [day for day in self.days if day.state != log_days.COMPLETE]


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
    earlier = _load(lake)
    if not force and earlier["fingerprint"] == fingerprint and _intact(lake, earlier["files"]):
        return Publication(fingerprint, days, earlier["totals"], len(earlier["files"]), reused=True)
    totals = _Totals([day.mapped for day in days if day.mapped], lake)
    files = dict(_files(totals, masking))
    files[STATUS] = log_days.to_tsv(days)
    written = _write_changed(lake, files, earlier["files"])
    shown = _archive_totals(totals, masking)
    lake.write(CHECKPOINT, _checkpoint_json(fingerprint, inputs, written, shown))
    lake.delete(sorted(set(earlier["files"]) - set(written)))
    return Publication(fingerprint, days, shown, len(written), reused=False)


class _Totals:
    """Exact sums over all days: by dataset and event day, asset, or region."""

    def __init__(self, mapped: Sequence[Checkpoint], lake: Store) -> None:
        self.by = {
            role: total_by(_concat(lake, mapped, role, column), "dataset", column).to_pandas()
            for role, column in TOTALS_BY.items()
        }
        self._reconcile(mapped)

    def of(self, role: str, dataset: str | None) -> pd.DataFrame:
        """Return the sums of one dataset, or of the whole archive (None), by day, asset or region."""
        table = self.by[role]
        return _sums(table if dataset is None else table[table["dataset"] == dataset], TOTALS_BY[role])

    def by_dataset(self) -> pd.DataFrame:
        """Return the sums of each dataset."""
        return _sums(self.by["by_day"], "dataset")

    def _reconcile(self, mapped: Sequence[Checkpoint]) -> None:
        """Every row that map counted must be in every table, to the byte."""
        expected = (
            sum(checkpoint.counts["bytes_sent"] for checkpoint in mapped),
            sum(checkpoint.counts["rows"] for checkpoint in mapped),
        )
        for role, table in self.by.items():
            found = (int(table["bytes_sent"].sum()), int(table["number_of_requests"].sum()))
            if found != expected:
                raise ReconciliationError(
                    f"{role} has (bytes, requests) {found}, the log days have {expected}"
                )


def _sums(table: pd.DataFrame, column: str) -> pd.DataFrame:
    summed: pd.DataFrame = table.groupby(column, as_index=False)[list(TOTALS)].sum()
    return summed


def _concat(lake: Store, mapped: Sequence[Checkpoint], role: str, column: str) -> pa.Table:
    kind = pa.date32() if column == "event_day" else pa.string()
    empty = pa.schema([("dataset", pa.string()), (column, kind), *((name, pa.int64()) for name in TOTALS)])
    tables = [from_parquet(read_output(lake, checkpoint, role)) for checkpoint in mapped]
    return pa.concat_tables([empty.empty_table(), *tables])


def _files(totals: _Totals, masking: Masking) -> Iterator[tuple[str, bytes]]:
    """Yield every published file: its key in the lake and its content."""
    datasets = totals.by_dataset()
    for dataset in datasets["dataset"]:
        for role in ("by_day", "by_asset", "by_region"):
            yield f"usage/{folder_of(dataset)}/{role}.tsv", _tsv(role, totals.of(role, dataset), masking)
    for role in ("by_day", "by_region"):
        yield f"usage/archive/{role}.tsv", _tsv(role, totals.of(role, None), masking)
    yield "usage/archive/by_dataset.tsv", _tsv("by_dataset", datasets, masking)
    by_dataset = {
        dataset: _summary(datasets[datasets["dataset"] == dataset], totals.of("by_region", dataset), masking)
        for dataset in datasets["dataset"]
    }
    yield "usage/totals.json", _json(by_dataset)
    yield "usage/archive_totals.json", _json(_archive_totals(totals, masking))


def folder_of(dataset: str) -> str:
    """Return the folder name of a dataset: its name, with whatever is no harmless file name escaped."""
    escaped = quote(dataset, safe="")
    return f"%2E{escaped[1:]}" if escaped.startswith(".") else escaped


def _archive_totals(totals: _Totals, masking: Masking) -> dict[str, Any]:
    return _summary(totals.by_dataset(), totals.of("by_region", None), masking)


def _summary(sums: pd.DataFrame, regions: pd.DataFrame, masking: Masking) -> dict[str, Any]:
    countries = {country_of(region) for region in regions["region"]} - {None}
    return {
        "total_bytes_sent": int(sums["bytes_sent"].sum()),
        "total_number_of_requests": masking.show(int(sums["number_of_requests"].sum())),
        "total_number_of_downloads": masking.show(int(sums["number_of_downloads"].sum())),
        "number_of_unique_regions": len(regions),
        "number_of_unique_countries": len(countries),
    }


def _tsv(role: str, sums: pd.DataFrame, masking: Masking) -> bytes:
    """Return the table as TSV: days in order, everything else by bytes, most first."""
    name = sums.columns[0]
    order = (
        sums.sort_values(name)
        if role == "by_day"
        else sums.sort_values(["bytes_sent", name], ascending=[False, True])
    )
    shown = order.assign(
        number_of_requests=[masking.show(int(n)) for n in order["number_of_requests"]],
        number_of_downloads=[masking.show(int(n)) for n in order["number_of_downloads"]],
    )
    text: str = shown.rename(columns={name: COLUMNS[role]}).to_csv(sep="\t", index=False, lineterminator="\n")
    return text.encode()


def _json(content: object) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"


def _write_changed(
    lake: Store, files: dict[str, bytes], earlier: dict[str, OutputFile]
) -> dict[str, OutputFile]:
    """Write the files whose content is not what stands there already."""
    there = _sizes(lake)
    written = {}
    for key, data in sorted(files.items()):
        file = OutputFile(key, len(data), hashlib.sha256(data).hexdigest())
        if earlier.get(key) != file or there.get(key) != file.size:
            lake.write(key, data)
        written[key] = file
    return written


def _checkpoint_json(fingerprint: str, inputs: object, files: dict[str, OutputFile], totals: object) -> bytes:
    listed = {key: {"size": file.size, "sha256": file.sha256} for key, file in files.items()}
    return _json({"fingerprint": fingerprint, "inputs": inputs, "files": listed, "totals": totals})


def _load(lake: Store) -> dict[str, Any]:
    try:
        content = json.loads(lake.read(CHECKPOINT))
        files = {key: OutputFile(key, **file) for key, file in content["files"].items()}
        return {"fingerprint": content["fingerprint"], "files": files, "totals": content["totals"]}
    except NotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        log.warning(
            "%s is no valid checkpoint (%s); everything is published anew.", lake.uri(CHECKPOINT), error
        )
    return {"fingerprint": None, "files": {}, "totals": {}}


def _intact(lake: Store, files: dict[str, OutputFile]) -> bool:
    sizes = _sizes(lake)
    return all(sizes.get(key) == file.size for key, file in files.items())


def _sizes(lake: Store) -> dict[str, int]:
    return {info.key: info.size for prefix in ("usage/", "status/") for info in lake.list(prefix)}
