"""Does everything in the lake have the content, and the columns, that it had when it was written?

All that pointers name is read once, several files at a time, in pieces. What seems wrong is looked at a
second time after that, by a pointer that is read anew: a run beside this one may have replaced both.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO, IOBase
from itertools import chain, islice
from typing import NamedTuple, TypeVar

from include.s3logs.errors import (
    AccessDeniedError,
    ArchivedObjectError,
    ChangedObjectError,
    NewerLakeError,
    NotFoundError,
)
from include.s3logs.lake.pointer import Found, NotAPointerError, OutputFile, Pointer
from include.s3logs.lake.stored_file import StoredFile
from include.s3logs.publishing import publish
from include.s3logs.regions import cache, lists
from include.s3logs.regions.kept_networks import damaged_tables
from include.s3logs.stores.store import PARALLEL_READS, PIECE, ObjectInfo, Store
from include.s3logs.tables.schemas import Columns, check_columns
from include.s3logs.verification.findings import (
    LISTS,
    NETWORKS,
    PUBLICATION,
    REGIONS,
    Finding,
    Problem,
    Verified,
)
from include.s3logs.verification.places import Listed, Place, layout, orphans

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_AHEAD = 4 * PARALLEL_READS


class Progress(NamedTuple):
    """How far a verification is: bytes that were looked at, of how many."""

    done: int
    total: int


Say = Callable[[Progress], object]


@dataclass(frozen=True, slots=True)
class _Named:
    """What a pointer names; or what is wrong with it."""

    place: Place
    listed: Listed
    files: Sequence[OutputFile] = ()
    findings: Sequence[Finding] = ()
    orphans: Sequence[ObjectInfo] = field(default_factory=list)


def verify(lake: Store, progress: Say | None = None) -> Verified:
    """Look at the whole lake. `progress` is told after every file.

    Raises what stores raise for an outage: then it is not known what is wrong.
    """
    began = time.monotonic()
    found = layout(lake, _published(lake))
    named = list(_in_parallel(lambda at: _look(lake, *at), found.places))
    files = [(one.place, file, one.listed.get(file.key)) for one in named for file in one.files]
    pointers = [one.listed[one.place.key] for one in named if one.place.key in one.listed]
    total, done = sum(file.size for _, file, _ in files), 0
    suspect = {one.place.key for one in named if one.findings}
    for (place, file, _), problem in zip(files, _checks(lake, files), strict=True):
        done += file.size
        if problem:
            suspect.add(place.key)
        if progress:
            progress(Progress(done, total))
    findings = [
        *chain.from_iterable(_look_again(lake, place) for place, _ in found.places if place.key in suspect),
        *_lists(lake),
        *(Finding(NETWORKS, key, Problem.DAMAGED) for key in damaged_tables(lake)),
    ]
    left = [info for one in named for info in one.orphans]
    return Verified(
        where=lake.uri(),
        findings=findings,
        files=len(files) + len(pointers),
        size=total + sum(info.size for info in pointers),
        log_days=found.log_days,
        orphans=len(left),
        orphan_size=sum(info.size for info in left),
        seconds=time.monotonic() - began,
    )


def _published(lake: Store) -> Found | None:
    """Return what was published; None where nothing can be known of that. What is wrong is found later."""
    try:
        return Pointer(lake, publish.CHECKPOINT, publish.KIND).read()
    except (NotAPointerError, NewerLakeError):
        return None


def _look(lake: Store, place: Place, listed: Listed) -> _Named:
    """Read the pointer of a place."""

    def wrong(problem: Problem, detail: str = "") -> _Named:
        return _Named(place, listed, findings=[_finding(place, place.key, problem, detail)])

    try:
        found = Pointer(lake, place.key, place.kind).read()
        files = [*place.check(found)] if found else []
    except NotAPointerError as error:
        return wrong(Problem.NONSENSE, str(error))
    except NewerLakeError as error:
        return wrong(Problem.NEWER, str(error))
    except (AccessDeniedError, ArchivedObjectError) as error:
        return wrong(Problem.NOT_READABLE, str(error))
    if found is None and place.expected:
        return wrong(Problem.MISSING)
    files += _unnamed(place, listed)
    return _Named(place, listed, files, orphans=orphans(place, listed, (file.key for file in files)))


def _unnamed(place: Place, listed: Listed) -> Iterator[OutputFile]:
    """Yield files that count although no pointer names them; an earlier release's have no digest."""
    if place.area == REGIONS:
        for key, info in listed.items():
            if key.startswith(cache.NEW):
                yield OutputFile(key, info.size, cache.digest_in_name(key))


def _look_again(lake: Store, place: Place) -> list[Finding]:
    """Look at a place with which something seems wrong, as it is by now."""
    named = _look(lake, place, place.listed(lake))
    files = [(place, file, named.listed.get(file.key)) for file in named.files]
    found = [*named.findings, *filter(None, _checks(lake, files))]
    notes = [info.key for info in lake.list(publish.UNFINISHED)] if place.area == PUBLICATION else []
    if found and notes:
        told = f"a publication is at work, or died: {len(found)} files are not what was published before"
        return [Finding(PUBLICATION, notes[0], Problem.UNFINISHED, told)]
    return found


def _checks(
    lake: Store, files: Iterable[tuple[Place, OutputFile, ObjectInfo | None]]
) -> Iterator[Finding | None]:
    """Yield what is wrong with each of the files, in their order."""

    def check(at: tuple[Place, OutputFile, ObjectInfo | None]) -> Finding | None:
        place, file, info = at
        try:
            problem, detail = _check(lake, file, place.columns_of(file.key), info)
        except NotFoundError:
            problem, detail = Problem.MISSING, ""
        except ChangedObjectError as error:
            problem, detail = Problem.DAMAGED, str(error)
        except (AccessDeniedError, ArchivedObjectError) as error:
            problem, detail = Problem.NOT_READABLE, str(error)
        return _finding(place, file.key, problem, detail) if problem else None

    return _in_parallel(check, files)


def _check(
    lake: Store, file: OutputFile, columns: Columns, info: ObjectInfo | None
) -> tuple[Problem | None, str]:
    if info is None:
        return Problem.MISSING, ""
    if info.size != file.size:
        return Problem.DAMAGED, f"it has {info.size:,} bytes, and had {file.size:,}"
    source: IOBase = StoredFile(lake, file.key, file.size)
    digest = hashlib.sha256()
    if file.size <= PIECE:
        data = lake.read(file.key)
        digest.update(data)
        source = BytesIO(data)
    else:
        for piece in lake.read_pieces(file.key, file.size):
            digest.update(piece)
    if file.sha256 and digest.hexdigest() != file.sha256:
        return Problem.DAMAGED, "it has other content than was written"
    if columns and (problem := check_columns(source, columns)):
        return Problem.NONSENSE, problem
    return None, ""


def _lists(lake: Store) -> Iterator[Finding]:
    """Yield lists of networks that cannot be read: they stand by themselves."""
    for name in lists.LISTS:
        key = lists.list_key(name)
        if lake.find(key) and lists.load_list(lake, name) is None:
            yield Finding(LISTS, key, Problem.NONSENSE, "no list of networks, or not the one that was kept")


def _finding(place: Place, key: str, problem: Problem, detail: str = "") -> Finding:
    return Finding(place.area, key, problem, detail, place.log_day)


def _in_parallel(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Yield what `work` gives for each item in their order, working on some ahead."""
    iterator = iter(items)
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        ahead: deque[Future[_Result]] = deque(pool.submit(work, item) for item in islice(iterator, _AHEAD))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(pool.submit(work, item) for item in islice(iterator, 1))
