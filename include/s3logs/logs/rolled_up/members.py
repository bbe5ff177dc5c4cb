"""The log objects in roll-ups, so that a source may hold them in either form."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import NamedTuple

from include.s3logs.errors import AccessDeniedError, CorruptRollUpError, NewerLakeError
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.logs.rolled_up.manifest import Manifest, Member
from include.s3logs.logs.rolled_up.state import attempted_keys, find_state, manifests_of
from include.s3logs.logs.rolled_up.undescribed import lost_manifest
from include.s3logs.stores.store import PARALLEL_READS, ObjectInfo, Store


class Place(NamedTuple):
    """Where a log object is: the address of the store that has the roll-up, its manifest, the part of it."""

    store: str
    manifest: Manifest
    member: Member


class Told(NamedTuple):
    """What the files of an interval tell: the manifest of its roll-up, if there is one that can be read.

    `unreadable` are roll-ups of which no manifest tells what they hold, and why; `foreign` files only have
    the name of one of ours.
    """

    manifest: Manifest | None
    unreadable: dict[ObjectInfo, CorruptRollUpError]
    foreign: list[ObjectInfo]


def overlaps(interval: Interval, first: date, last: date) -> bool:
    """Tell whether a day of the interval is one of those from `first` to `last`."""
    name = interval.name[: len("2026-10-21")]
    return str(first)[: len(name)] <= name <= str(last)[: len(name)]


def read_manifests(
    store: Store, listed: Mapping[Interval, Mapping[str, ObjectInfo]]
) -> Iterator[tuple[Interval, Told]]:
    """Yield for each interval, of which these files were listed, what they tell.

    Where it cannot be told which manifest describes the roll-up, the stated one is given: whoever reads the
    roll-up will find out. A manifest that cannot be read concerns no other interval.
    """
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        told = pool.map(lambda interval: _told(store, interval, listed[interval]), listed)
        yield from zip(listed, told, strict=True)


def _told(store: Store, interval: Interval, files: Mapping[str, ObjectInfo]) -> Told:
    listed = [info for key, info in files.items() if not key.endswith(".json")]
    try:
        if len(listed) == len(files):
            # A manifest sorts before its roll-up: both may have been written after the listing was there.
            files = {**files, **{info.key: info for info in manifests_of(store, interval)}}
        manifest, described = _true_manifest(store, interval, files)
    except CorruptRollUpError as error:
        problem = error
    except (AccessDeniedError, NewerLakeError) as error:
        problem = CorruptRollUpError(f"{store.uri(interval.manifest_key)} tells nothing: {error}")
    else:
        others = [info for info in listed if info.key not in described]
        lost = {info: why for info in others if (why := lost_manifest(store, interval, info))}
        return Told(manifest, lost, [info for info in others if info not in lost])
    # The roll-up of a month which is not packed sorts before the month's days: a listing that jumped to one
    # of them does not have it.
    unpacked = None if listed else store.find(interval.rollup_key("none"))
    beside = [unpacked] if unpacked else listed
    return Told(None, dict.fromkeys(beside, problem), [] if beside else list(files.values()))


def _true_manifest(
    store: Store, interval: Interval, files: Mapping[str, ObjectInfo]
) -> tuple[Manifest | None, set[str]]:
    """Return the manifest, and the keys of all roll-ups that it or an attempt describes."""
    if stated := files.get(interval.manifest_key):
        try:
            manifest = Manifest.from_json(store.read(stated.key, stated.etag), stated.key)
        except ValueError as error:
            raise CorruptRollUpError(
                f"{store.uri(stated.key)} is no manifest ({error}). Put the right one back, or move it away "
                "if the roll-up beside it is none."
            ) from error
        rollup = files.get(manifest.rollup.key)
        if rollup is not None and (rollup.etag, rollup.size) == (manifest.rollup.etag, manifest.rollup.size):
            is_alone = not any(key != rollup.key and not key.endswith(".json") for key in files)
            return manifest, {rollup.key} | (set() if is_alone else attempted_keys(store, interval))
    if not any(key.endswith(".json") for key in files):
        return None, set()
    # An attempt at rolling up is at work or died, or the files were copied from elsewhere.
    state = find_state(store, interval, interval.rollup_key("none"))
    told = state.truth or state.stated
    return told, state.attempted() | ({told.rollup.key} if told else set())
