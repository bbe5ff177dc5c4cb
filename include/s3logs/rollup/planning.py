"""Which intervals have work to do, from one listing of the sources, and the plan as people read it."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from include.s3logs.errors import S3LogsError
from include.s3logs.rollup.levels import Interval, interval_of, interval_of_file
from include.s3logs.rollup.manifest import Manifest
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.origins import ObjectVersion, address, by_address
from include.s3logs.store import PARALLEL_READS, Store

_EXAMPLES = 20
_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


@dataclass
class Planned:
    """An interval with work: its log objects in the sources and their bytes, how many are in no roll-up yet.

    `unfinished` when an earlier attempt was cut off.
    """

    interval: Interval
    objects: int = 0
    bytes: int = 0
    new: int = 0
    unfinished: bool = False


@dataclass
class Plan:
    """The intervals with work, oldest first, and how many have none or are still open.

    `foreign` objects in the sources are no log objects; `rollups` are roll-ups and their manifests.
    """

    intervals: list[Planned] = field(default_factory=list)
    done: int = 0
    open: int = 0
    foreign: int = 0
    foreign_examples: list[str] = field(default_factory=list)
    rollups: int = 0


def plan(destination: Store, stores: Mapping[str, Store], options: RollUpOptions, now: datetime) -> Plan:
    """Compare what the sources (`stores`, by address) hold with the manifests at the destination.

    Reads no log object. Memory: the keys and ETags of the log objects.
    """
    scan = _Scan(options)
    for store in by_address(stores).values():
        scan.source(store, also_destination=store.uri() == destination.uri())
    if destination.uri() not in by_address(stores):
        scan.destination(destination)
    result, found = scan.plan, scan.found
    for interval in scan.unfinished:
        found.setdefault(interval, Planned(interval)).unfinished = True
    closed = {i for i in found if options.include_open or i.end + options.settling <= now}
    result.open = len(found) - len(closed)
    has_work = {}
    compared = sorted(closed & scan.manifests & scan.versions.keys())
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        for interval, manifest in zip(
            compared, pool.map(lambda i: _read(destination, i), compared), strict=True
        ):
            if manifest is not None:
                found[interval].new = len(scan.versions[interval] - manifest.holds())
                has_work[interval] = _has_work(found[interval], manifest, options)
    ordered = sorted(closed, key=lambda interval: (interval.name, interval))
    result.intervals = [found[interval] for interval in ordered if has_work.get(interval, True)]
    result.done = len(closed) - len(result.intervals)
    return result


def _has_work(planned: Planned, manifest: Manifest, options: RollUpOptions) -> bool:
    if planned.new or planned.unfinished or options.overwrite:
        return True
    if options.originals == "tag":
        return manifest.tagged != "=".join(options.tag)
    return options.originals == "delete"


class _Scan:
    """What listings show."""

    def __init__(self, options: RollUpOptions) -> None:
        self.level, self.plan = options.level, Plan()
        self.found: dict[Interval, Planned] = {}
        self.versions: dict[Interval, set[ObjectVersion]] = {}
        self.manifests: set[Interval] = set()
        self.unfinished: set[Interval] = set()

    def source(self, store: Store, also_destination: bool) -> None:
        """Note the log objects, and count what is none."""
        plan, source = self.plan, store.uri()
        for info in store.list():
            if (interval := interval_of(info.key, self.level)) is not None:
                self._add(interval, (address(source, info.key), info.etag), info.size)
            elif (of_file := interval_of_file(info.key)) is not None:
                plan.rollups += 1
                if also_destination:
                    self._note(of_file, info.key)
            else:
                plan.foreign += 1
                if len(plan.foreign_examples) < _EXAMPLES:
                    plan.foreign_examples.append(store.uri(info.key))

    def destination(self, store: Store) -> None:
        """Note the manifests."""
        for info in store.list():
            if (interval := interval_of_file(info.key)) is not None:
                self._note(interval, info.key)

    def _add(self, interval: Interval, version: ObjectVersion, size: int) -> None:
        planned = self.found.setdefault(interval, Planned(interval))
        planned.objects += 1
        planned.new += 1
        planned.bytes += size
        self.versions.setdefault(interval, set()).add(version)

    def _note(self, interval: Interval, key: str) -> None:
        if interval.level == self.level and key.endswith(".json"):
            (self.manifests if key == interval.manifest_key else self.unfinished).add(interval)


def _read(destination: Store, interval: Interval) -> Manifest | None:
    """Return the manifest; None where there is no telling, which the interval's own task will explain."""
    try:
        return Manifest.from_json(destination.read(interval.manifest_key), interval.manifest_key)
    except (S3LogsError, ValueError):
        return None


def describe(result: Plan, options: RollUpOptions) -> str:
    """Return the plan as a table with totals."""
    rows = [
        (p.interval.prefix, p.interval.name, f"{p.objects:,}", f"{p.new:,}", _size(p.bytes))
        for p in result.intervals
    ]
    total = (
        f"{len(rows):,} intervals",
        "",
        f"{sum(p.objects for p in result.intervals):,}",
        f"{sum(p.new for p in result.intervals):,}",
        _size(sum(p.bytes for p in result.intervals)),
    )
    header = ("sub-prefix", options.level, "log objects", "new", "bytes")
    lines = [*_table([header, *rows, total])]
    lines.append(f"Log objects that a verified roll-up holds: {_originals(options)}.")
    lines.append(
        f"No work: {result.done:,} intervals done, {result.open:,} still open. Left alone: "
        f"{result.foreign:,} objects that are no access logs, {result.rollups:,} roll-ups and manifests."
    )
    return "\n".join(lines)


def _originals(options: RollUpOptions) -> str:
    if options.originals == "tag":
        return "get the tag {}={}".format(*options.tag)
    return {"keep": "stay", "delete": "are deleted"}[options.originals]


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)  # noqa: PLR2004  two columns are text
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _size(count: float) -> str:
    unit = 0
    while count >= _THOUSAND and unit < len(_UNITS) - 1:
        count, unit = count / _THOUSAND, unit + 1
    return f"{count:,.{min(unit, 1)}f} {_UNITS[unit]}"
