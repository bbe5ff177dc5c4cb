"""Which intervals have work to do, from one listing of the sources, and the plan as people read it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from include.s3logs.errors import NotFoundError, S3LogsError
from include.s3logs.logs.rolled_up.levels import Interval, interval_of, interval_of_file
from include.s3logs.logs.rolled_up.manifest import Manifest
from include.s3logs.logs.rolled_up.origins import ObjectVersion, address, base_name, by_address
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.secrets import masked
from include.s3logs.stores.store import PARALLEL_READS, ObjectInfo, Store

_EXAMPLES = 20
_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


@dataclass
class Planned:
    """An interval with work: its log objects in the sources and their bytes, how many are in no roll-up yet.

    `unfinished` when an earlier attempt was cut off. `remark` says what its task will run into, if anything,
    as far as that shows without reading a roll-up.
    """

    interval: Interval
    objects: int = 0
    bytes: int = 0
    new: int = 0
    unfinished: bool = False
    remark: str = ""


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
    for interval in scan.stored_with_work():
        found.setdefault(interval, Planned(interval))
    closed = {i for i in found if options.include_open or i.end <= now - options.settling}
    result.open = len(found) - len(closed)
    ordered = sorted(closed, key=lambda interval: (interval.name, interval))
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        has_work = pool.map(lambda i: _Examination(destination, scan, i, options).has_work(), ordered)
        result.intervals = [found[i] for i, work in zip(ordered, has_work, strict=True) if work]
    result.done = len(closed) - len(result.intervals)
    return result


class _Scan:
    """What listings show."""

    def __init__(self, options: RollUpOptions) -> None:
        self.level, self.plan = options.level, Plan()
        self.found: dict[Interval, Planned] = {}
        self.versions: dict[Interval, set[ObjectVersion]] = {}
        self.files: dict[Interval, dict[str, str]] = {}  # roll-ups and manifests by key, with their ETags

    def source(self, store: Store, also_destination: bool) -> None:
        """Note the log objects, and count what is none."""
        plan, source = self.plan, store.uri()
        for info in store.list():
            if (interval := interval_of(info.key, self.level)) is not None:
                self._add(interval, (address(source, info.key), info.etag), info.size)
            elif (of_file := interval_of_file(info.key)) is not None:
                plan.rollups += 1
                if also_destination:
                    self._note(of_file, info)
            else:
                plan.foreign += 1
                if len(plan.foreign_examples) < _EXAMPLES:
                    plan.foreign_examples.append(masked(store.uri(info.key)))

    def destination(self, store: Store) -> None:
        """Note the roll-ups and manifests."""
        for info in store.list():
            if (interval := interval_of_file(info.key)) is not None:
                self._note(interval, info)

    def _add(self, interval: Interval, version: ObjectVersion, size: int) -> None:
        planned = self.found.setdefault(interval, Planned(interval))
        planned.objects += 1
        planned.new += 1
        planned.bytes += size
        self.versions.setdefault(interval, set()).add(version)

    def _note(self, interval: Interval, info: ObjectInfo) -> None:
        if interval.level == self.level:
            self.files.setdefault(interval, {})[info.key] = info.etag

    def stored_with_work(self) -> Iterator[Interval]:
        """Yield what has work even without log objects: an attempt was cut off, or the roll-up is gone."""
        for interval, files in self.files.items():
            manifests = [key for key in files if _is_manifest(key)]
            if len(manifests) == len(files) or any(key != interval.manifest_key for key in manifests):
                yield interval


class _Examination:
    """One interval: its log objects, and what is stored of it at the destination."""

    def __init__(self, destination: Store, scan: _Scan, interval: Interval, options: RollUpOptions) -> None:
        self.destination, self.interval, self.options = destination, interval, options
        self.planned = scan.found[interval]
        self.versions = scan.versions.get(interval, set())
        self.files = scan.files.get(interval, {})

    def has_work(self) -> bool:
        """Tell whether there is work, and note what the task will run into."""
        planned, manifest = self.planned, None
        for key in filter(_is_manifest, self.files):
            planned.unfinished |= key != self.interval.manifest_key
            told = _read(self.destination, key)
            if not isinstance(told, Manifest):
                planned.remark = f"would fail: {told}" if told else ""
                return True
            if key == self.interval.manifest_key:
                manifest = told
        if manifest is None:
            planned.remark = self._undescribed(set())
            return True
        planned.new = len(self.versions - manifest.holds())
        replaced = self.files.get(manifest.rollup.key) != manifest.rollup.etag
        planned.remark = (
            self._undescribed({manifest.rollup.key})
            or self._refused(manifest)
            or ("would look at its roll-up: that is gone, or was put there anew" if replaced else "")
        )
        return replaced or self._is_unfinished(manifest)

    def _is_unfinished(self, manifest: Manifest) -> bool:
        if self.planned.new or self.planned.unfinished or self.options.overwrite:
            return True
        if self.options.originals == "tag":
            return manifest.tagged != "=".join(self.options.tag)
        return self.options.originals == "delete"

    def _undescribed(self, described: set[str]) -> str:
        """Say which roll-up no manifest describes; after a crash only the task can tell."""
        found = {key for key in self.files if not _is_manifest(key)} - described
        if self.planned.unfinished or not found:
            return ""
        return f"would fail: no manifest says what {self.destination.uri(min(found))} holds"

    def _refused(self, manifest: Manifest) -> str:
        """Say what overwriting would lose, or might: only reading tells whether content is another one."""
        if not self.options.overwrite:
            return ""
        listed = {(base_name(where), etag) for where, etag in self.versions}
        held = [(base_name(where), etag) for where, etag in manifest.holds()]
        names = {name for name, _ in listed}
        lost = sum(name not in names for name, _ in held)
        changed = sum(version not in listed for version in held) - lost
        if lost:
            return f"would be refused: of its {len(held):,} log objects {lost:,} are only in the roll-up"
        if changed:
            return f"would be refused if the content of {changed:,} log objects that changed is another one"
        return ""


def _is_manifest(key: str) -> bool:
    return key.endswith(".json")


def _read(destination: Store, key: str) -> Manifest | str | None:
    """Return a manifest; why it cannot be read; or None: it is gone since, another run is at work."""
    try:
        return Manifest.from_json(destination.read(key), key)
    except NotFoundError:
        return None
    except S3LogsError as error:
        return str(error)
    except ValueError as error:
        return f"{destination.uri(key)} is no manifest ({error})"


def describe(result: Plan, options: RollUpOptions, most: int | None = None) -> str:
    """Return the plan as a table with totals, and what tasks will run into; `most` intervals fit one run."""
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
    lines += [f"{p.interval.base} {p.remark}" for p in result.intervals if p.remark]
    if most is not None and len(rows) > most:
        lines.append(f"One run does {most:,}, the oldest first; {len(rows) - most:,} are left to the next.")
    lines.append(f"Log objects that a verified roll-up holds: {_originals(options)}.")
    lines.append(
        f"Without work: {result.done:,} other intervals that are done, {result.open:,} that are still open. "
        "Left alone: "
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
