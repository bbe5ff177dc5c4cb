"""The log objects in roll-ups, so that a source may hold them in either form."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import NamedTuple

from include.s3logs.errors import AccessDeniedError, CorruptRollUpError, NewerLakeError
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.logs.rolled_up.manifest import Manifest, Member
from include.s3logs.logs.rolled_up.state import find_state
from include.s3logs.stores.store import PARALLEL_READS, ObjectInfo, Store


class Place(NamedTuple):
    """Where a log object is: the address of the store that has the roll-up, its manifest, the part of it."""

    store: str
    manifest: Manifest
    member: Member


def overlaps(interval: Interval, first: date, last: date) -> bool:
    """Tell whether a day of the interval is one of those from `first` to `last`."""
    name = interval.name[: len("2026-10-21")]
    return str(first)[: len(name)] <= name <= str(last)[: len(name)]


def read_manifests(
    store: Store, listed: Mapping[Interval, Mapping[str, ObjectInfo]]
) -> Iterator[tuple[Interval, Manifest | CorruptRollUpError | None]]:
    """Yield for each interval, of which these files were listed, what its roll-up holds; None: not ours.

    Where it cannot be told which manifest describes the roll-up, the stated one is given: whoever reads the
    roll-up will find out. Where there is a roll-up and a manifest that cannot be read, the error is given
    which says so: it concerns no other interval.
    """
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        manifests = pool.map(lambda interval: _true_manifest(store, interval, listed[interval]), listed)
        yield from zip(listed, manifests, strict=True)


def _true_manifest(
    store: Store, interval: Interval, files: Mapping[str, ObjectInfo]
) -> Manifest | CorruptRollUpError | None:
    try:
        return _told(store, interval, files)
    except CorruptRollUpError as error:
        problem = error
    except (AccessDeniedError, NewerLakeError) as error:
        problem = CorruptRollUpError(f"{store.uri(interval.manifest_key)} tells nothing: {error}")
    return problem if rollups_beside(store, interval, files) else None


def rollups_beside(store: Store, interval: Interval, files: Mapping[str, ObjectInfo]) -> list[ObjectInfo]:
    """Return the roll-ups of an interval, of which these files were listed.

    That of a month which is not packed sorts before the month's days: a listing that jumped to one of them
    does not have it.
    """
    listed = [info for key, info in files.items() if not key.endswith(".json")]
    if not listed and (unpacked := store.find(interval.rollup_key("none"))):
        return [unpacked]
    return listed


def _told(store: Store, interval: Interval, files: Mapping[str, ObjectInfo]) -> Manifest | None:
    if stated := files.get(interval.manifest_key):
        try:
            manifest = Manifest.from_json(store.read(stated.key, stated.etag), stated.key)
        except ValueError as error:
            raise CorruptRollUpError(
                f"{store.uri(stated.key)} is no manifest ({error}). Put the right one back, or move it away "
                "if the roll-up beside it is none."
            ) from error
        rollup = files.get(manifest.rollup.key)
        if rollup is not None and rollup.etag == manifest.rollup.etag:
            return manifest
    if not any(key.endswith(".json") for key in files):
        return None
    # An attempt at rolling up is at work or died, or the files were copied from elsewhere.
    state = find_state(store, interval, interval.rollup_key("none"))
    return state.truth or state.stated
