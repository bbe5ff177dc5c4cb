"""What is stored of an interval, and which manifest tells the truth about it.

Writing one object under a condition on the version it replaces is atomic, and nothing else is. An attempt
1. reads the state, and after that lists the log objects;
2. writes a manifest of its own, `….manifest-<token>.json`, which names the roll-up that will be;
3. puts the roll-up in place of the very version it read in step 1 (or of none);
4. reads it back and compares;
5. puts the manifest in place of the very version it read in step 1;
6. only then deletes: the roll-up with another codec that was there before, log objects, its own manifest.
Where log objects only have another address or ETag, the roll-up stays, and steps 2 and 3 are left out.

So after a crash a stored roll-up is described by the manifest or by that of an attempt, and its digest says
by which. Of two attempts at once only one gets through step 3, or, when their codecs differ, through step 5:
the other fails before it deletes anything, and its retry starts from what is stored then. A roll-up is only
ever replaced by one that holds all it held.

Folders are locked for such a write. A server that ignores the conditions (AWS does not) gives no protection
against two attempts at once; Airflow starts a second one only when it has lost sight of the first.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from include.s3logs.errors import ChangedObjectError, CorruptRollUpError, NotFoundError
from include.s3logs.lake.pointer import ORPHAN_AGE
from include.s3logs.logs.rolled_up.codecs import CODECS
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.logs.rolled_up.manifest import Manifest, Member, RollUpFile
from include.s3logs.logs.rolled_up.verification import digest_of
from include.s3logs.stores.store import ABSENT, ObjectInfo, Store, Version

log = logging.getLogger(__name__)


class Attempt(NamedTuple):
    """The manifest of an attempt, and where and since when it is stored."""

    key: str
    modified: datetime
    manifest: Manifest


@dataclass
class State:
    """`truth` describes the stored roll-up (None: there is none) and has its ETag.

    `final` when the manifest beside it says so itself (`stated`). `manifest_etag` and `target_etag` are the
    versions to be replaced, of the manifest and of a roll-up with the wanted codec. `problem` says why there
    is no telling; `foreign` when no manifest at all says what the roll-up with the wanted codec holds.
    `digest` is that of the stored roll-up.
    """

    truth: Manifest | None = None
    final: bool = False
    manifest_etag: str = ABSENT
    target_etag: str = ABSENT
    manifests: list[ObjectInfo] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    stated: Manifest | None = None
    digest: str = ""
    problem: str = ""
    foreign: bool = False

    def may_hold(self) -> list[Member]:
        """Return all log objects that the stored roll-up may hold, whoever is right."""
        manifests = [self.stated, *(attempt.manifest for attempt in self.attempts)]
        return [member for manifest in manifests if manifest for member in manifest.objects]

    def attempted(self) -> set[str]:
        """Return the keys of the roll-ups that attempts are to write, or to replace."""
        return {file.key for attempt in self.attempts for file in _files(attempt)}


def find_state(destination: Store, interval: Interval, target: str) -> State:
    """Read what is stored of an interval; `target` is the key of its roll-up with the wanted codec.

    Raises CorruptRollUpError for a manifest that is none, and for a roll-up with another codec that no
    manifest describes: it may be the only copy of lines. ChangedObjectError when another attempt is at work.
    """
    state = State()
    _read_manifests(destination, interval, state)
    state.target_etag = etag_of(destination, target)
    keys = [state.stated.rollup.key] if state.stated else [a.manifest.rollup.key for a in state.attempts]
    for key in dict.fromkeys(keys):
        info = destination.find(key)
        if info is not None and (told := _described(destination, state, info)):
            state.truth = replace(told, rollup=replace(told.rollup, etag=info.etag), replaces=None)
            state.final = told is state.stated and told.rollup.etag == info.etag
            state.digest = told.rollup.sha256
            break
    if state.truth is None and state.stated:
        state.problem = f"{destination.uri(keys[0])} is not, or no longer, what its manifest says."
    state.foreign = state.target_etag != ABSENT and not _is_ours(destination, state, target)
    others = [key for key in map(interval.rollup_key, CODECS) if key != target]
    hidden = next((key for key in others if not _is_ours(destination, state, key)), None)
    if (state.problem or state.foreign or hidden) and manifests_of(destination, interval) != state.manifests:
        raise ChangedObjectError(f"Another attempt at {interval.base} is at work.")
    if hidden:
        raise CorruptRollUpError(f"No manifest says what {destination.uri(hidden)} holds. Move it away.")
    return state


def attempted_keys(destination: Store, interval: Interval) -> set[str]:
    """Return what `State.attempted` does; raises as `find_state` for a manifest that is none."""
    state = State()
    _read_manifests(destination, interval, state)
    return state.attempted()


def etag_of(store: Store, key: str) -> str:
    """Return the ETag of an object, or `ABSENT`."""
    info = store.find(key)
    return info.etag if info else ABSENT


def manifests_of(destination: Store, interval: Interval) -> list[ObjectInfo]:
    """Return the manifest of an interval and those of attempts at it, as they are listed now."""
    attempts = interval.attempt_key("").removesuffix(".json")
    found = destination.list(f"{interval.base}.manifest")
    return [info for info in found if info.key == interval.manifest_key or info.key.startswith(attempts)]


def _read_manifests(destination: Store, interval: Interval, state: State) -> None:
    state.manifests = manifests_of(destination, interval)
    for info in state.manifests:
        try:
            manifest = Manifest.from_json(destination.read(info.key, info.etag), info.key)
        except ValueError as error:
            where = destination.uri(info.key)
            raise CorruptRollUpError(f"{where} is no manifest ({error}); move it away.") from error
        except NotFoundError as error:
            raise ChangedObjectError(f"Another attempt at {interval.base} is at work: {error}") from error
        if info.key == interval.manifest_key:
            state.stated, state.manifest_etag = manifest, info.etag
        else:
            state.attempts.append(Attempt(info.key, info.modified, manifest))


def _described(destination: Store, state: State, info: ObjectInfo) -> Manifest | None:
    """Return the manifest that describes this stored roll-up."""
    if state.stated and (state.stated.rollup.etag, state.stated.rollup.size) == (info.etag, info.size):
        return state.stated
    candidates = [state.stated] if state.stated else []
    candidates += [attempt.manifest for attempt in state.attempts]
    sizes = {(manifest.rollup.key, manifest.rollup.size) for manifest in candidates}
    digest = digest_of(destination, info) if (info.key, info.size) in sizes else None
    return next((m for m in candidates if (m.rollup.key, m.rollup.sha256) == (info.key, digest)), None)


def _is_ours(destination: Store, state: State, target: str) -> bool:
    """Tell whether a roll-up is the true one, what an attempt left behind, or is not there at all."""
    if any(told and told.rollup.key == target for told in (state.truth, state.stated)):
        return True
    info = destination.find(target)
    files = [file for attempt in state.attempts for file in _files(attempt)]
    return info is None or any(_is(destination, info, file) for file in files)


def left_behind(destination: Store, state: State, truth: Manifest, now: datetime) -> Iterator[Version]:
    """Yield roll-ups with another codec that were replaced, or that an attempt which died left behind."""
    for attempt in state.attempts:
        committed = attempt.manifest.rollup.sha256 in (state.digest, truth.rollup.sha256)
        dead = attempt.modified < now - ORPHAN_AGE
        files = _files(attempt) if dead else [attempt.manifest.replaces] if committed else []
        for file in files:
            if file is None or file.key == truth.rollup.key:
                continue
            info = destination.find(file.key)
            if info is not None and _is(destination, info, file):
                yield Version(info.key, info.etag)


def finished_attempts(state: State, truth: Manifest | None, now: datetime, target: str | None) -> list[str]:
    """Return the keys of the manifests of attempts that are over.

    Those are over that got through, are old, or wait to replace a `target` which was replaced since.
    """
    return [
        attempt.key
        for attempt in state.attempts
        if attempt.manifest.rollup.key == target
        or (truth and attempt.manifest.rollup.sha256 == truth.rollup.sha256)
        or attempt.modified < now - ORPHAN_AGE
    ]


def _files(attempt: Attempt) -> list[RollUpFile]:
    manifest = attempt.manifest
    return [manifest.rollup, *([manifest.replaces] if manifest.replaces else [])]


def _is(destination: Store, info: ObjectInfo, file: RollUpFile) -> bool:
    """Tell whether a stored roll-up is this file: that very version, damaged or not, or its content."""
    if (info.key, info.size) != (file.key, file.size):
        return False
    return info.etag == file.etag or digest_of(destination, info) == file.sha256
