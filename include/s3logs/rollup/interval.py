"""Roll up one interval: its log objects become one object, which is verified before any of them goes.

The protocol, and why a crash anywhere and two attempts at once do no harm, stands in `state`.

S3 gives each log object a name that no other has. So an object with the base name and the unpacked content of
one in the roll-up is that one, moved, copied, or stored once more: no lines are added, and the manifest knows
it by its new address and ETag as soon as the old ones are gone. An object whose content changed after it was
rolled up is a new object: the lines of both versions are in the roll-up then.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from itertools import chain, islice
from operator import itemgetter
from time import monotonic
from typing import Any

from include.s3logs.errors import (
    AccessDeniedError,
    ArchivedObjectError,
    ChangedObjectError,
    CorruptRollUpError,
    NotFoundError,
    PermanentError,
)
from include.s3logs.lake.pointer import put
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.logs.rolled_up.manifest import Manifest, Member, RollUpFile
from include.s3logs.logs.rolled_up.origins import ObjectVersion, base_name, by_address, version_of
from include.s3logs.logs.rolled_up.state import (
    Attempt,
    State,
    etag_of,
    find_state,
    finished_attempts,
    left_behind,
)
from include.s3logs.logs.rolled_up.verification import verify
from include.s3logs.rollup.comparison import compare
from include.s3logs.rollup.merging import Merged, Unreadable, merge
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.removal import remove
from include.s3logs.rollup.result import RollUpResult
from include.s3logs.stores.store import Refused, Store
from include.s3logs.tables.temporary import temporary_folder

_TRIES = 3  # of log objects, to find one that can be read: any may be a forbidden one itself
_NOTHING_READ = (
    "it may not be read, and no other log object of this source can be read either: "
    "rather the credentials are wrong"
)
_ANOTHER = "its content is another one than the roll-up holds of it, so it stays: look at both"


def roll_up(
    destination: Store,
    stores: Mapping[str, Store],
    interval: Interval,
    options: RollUpOptions,
    now: datetime,
) -> dict[str, Any]:
    """Roll up one interval of the sources (`stores`, by address); return a `RollUpResult` as JSON.

    Raises PermanentError where `overwrite` would lose lines, CorruptRollUpError where what is stored is not
    what its manifest says, ChangedObjectError when another was faster, and what stores raise.
    """
    started = monotonic()
    result = _RollUp(destination, stores, interval, options, now).run()
    result.seconds = round(monotonic() - started, 3)
    return asdict(result)


class _RollUp:
    """One attempt."""

    def __init__(
        self,
        destination: Store,
        stores: Mapping[str, Store],
        interval: Interval,
        options: RollUpOptions,
        now: datetime,
    ) -> None:
        self.destination, self.interval = destination, interval
        self.stores = by_address(stores)
        self.options, self.now = options, now
        self.target = interval.rollup_key(options.codec)
        self.result = RollUpResult(interval=asdict(interval))
        self.state = State()
        self.objects: list[LogObject] = []  # that were listed
        self.read: set[ObjectVersion] = set()  # by this attempt
        self.read_sources: set[str] = set()  # of which a log object could be read now
        self.copies: set[ObjectVersion] = set()  # of what the roll-up holds under another address or ETag
        self.verified = False

    def run(self) -> RollUpResult:
        self.state = find_state(self.destination, self.interval, self.target)
        wanted = self._wanted()
        if self.options.dry_run:
            return self._dry_run(len(list(wanted)))
        unreadable = self._write(wanted)
        self._note_found()
        unreadable += self._compare()
        forbidden, tidy = self._deletable(unreadable), True
        if (truth := self.state.truth) is not None:
            tidy = self._delete_left_behind(truth)
            self._remove_originals(truth)
            self._delete_forbidden(forbidden)
        if tidy:
            self._finish_attempts(truth)
        return self.result.tell(self.state.truth, self.verified, self._reasons(unreadable))

    def _wanted(self) -> Iterator[LogObject]:
        """Return the log objects that go into the roll-up now; with overwrite all."""
        if self.state.foreign:
            raise CorruptRollUpError(
                f"No manifest says what {self.destination.uri(self.target)} holds. Move it away."
            )
        if self.options.overwrite:
            objects = list(self._listed())
            names = {base_name(o.key) for o in objects}
            self._refuse_loss([m for m in self._held() if base_name(m.key) not in names])
            return iter(objects)
        if self.state.problem:
            raise CorruptRollUpError(
                f"{self.state.problem} Where all log objects still exist, roll the interval up again with "
                "overwrite; otherwise move it away, or put back what belongs there."
            )
        held = self.state.truth.holds() if self.state.truth else set()
        return (o for o in self._listed() if version_of(o) not in held)

    def _listed(self) -> Iterator[LogObject]:
        """Yield the interval's log objects by source and key, and note them."""
        for source, store in sorted(self.stores.items(), key=itemgetter(0)):
            for info in self.interval.list(store):
                self.objects.append(LogObject(source, info.key, info.size, info.etag))
                yield self.objects[-1]

    def _note_found(self) -> None:
        self.result.found, self.result.found_bytes = len(self.objects), sum(o.size for o in self.objects)

    def _held(self) -> Sequence[Member]:
        """Return all log objects that the stored roll-up holds, or may hold."""
        return self.state.truth.objects if self.state.truth else self.state.may_hold()

    def _refuse_loss(self, lost: list[Member]) -> None:
        """Refuse to overwrite a roll-up that may hold what is lost."""
        if addresses := sorted({member.version for member in lost}):
            held = {member.version for member in self._held()}
            raise PermanentError(
                f"The roll-up {self.destination.uri(self.interval.base)} is not overwritten: of its "
                f"{len(held)} log objects {len(addresses)} are gone or changed (first: {addresses[0][0]}), "
                "and only it holds their lines. Put them back, or roll up without overwrite."
            )

    # What is written

    def _write(self, wanted: Iterator[LogObject]) -> list[Unreadable]:
        """Make or extend the roll-up, or finish what an earlier attempt left; return what cannot be read."""
        if (first := next(wanted, None)) is None:
            self._finish()
            return []
        earlier = None if self.options.overwrite else self.state.truth
        with temporary_folder() as folder:
            merged = merge(
                folder / "rollup",
                self.stores,
                chain([first], wanted),
                codec=self.options.codec,
                key=self.target,
                earlier=earlier,
                destination=self.destination,
            )
            if self.options.overwrite:
                merging = {member.identity for member in merged.members}
                self._refuse_loss([m for m in self._held() if m.identity not in merging])
            known = len(earlier.objects) if earlier else 0
            self._note_read(merged, known)
            members = self._moved(merged)
            if len(members) > known:
                self._put(merged, members, known)
            elif earlier and members != earlier.objects:  # only where they are now
                self._commit(replace(earlier, objects=members, tagged=None))
            else:
                self._finish()
        return merged.unreadable

    def _finish(self) -> None:
        """Let the manifest say what an attempt that died left behind."""
        if self.state.truth and not self.state.final:
            self._commit(self.state.truth)

    def _note_read(self, merged: Merged, known: int) -> None:
        copies = [copy for _, copy in merged.copies]
        self.copies = {version_of(copy) for copy in copies}
        self.read = {m.version for m in merged.members[known:]} | self.copies
        self.read_sources = {m.source for m in merged.members[known:]} | {copy.source for copy in copies}

    def _moved(self, merged: Merged) -> tuple[Member, ...]:
        """Return the members; a copy takes the place of one that is gone from where it was.

        While both are there, the manifest stays as it is: else they would take turns, run after run.
        """
        listed, members = {version_of(o) for o in self.objects}, list(merged.members)
        for number, copy in merged.copies:
            if members[number].version not in listed:
                members[number] = members[number]._replace(**copy._asdict())
        return tuple(members)

    def _put(self, merged: Merged, members: tuple[Member, ...], known: int) -> None:
        manifest = Manifest(
            self.interval.level, self.interval.name, self.options.codec, merged.rollup, members
        )
        truth = self.state.truth
        attempt = replace(manifest, replaces=truth.rollup if truth else None)
        key = self.interval.attempt_key(secrets.token_hex(8))
        self.destination.write(key, attempt.to_json())
        self.state.attempts.append(Attempt(key, self.now, attempt))
        self.destination.write_file(self.target, merged.path, over=self.state.target_etag)
        self._commit(manifest)
        self.result.outcome = "computed"
        self.result.added = len(members) - known

    def _commit(self, manifest: Manifest) -> None:
        """Prove that the stored roll-up is what the manifest says, and let the manifest say it."""
        proven = replace(manifest, rollup=self._verified(manifest))
        put(self.destination, self.interval.manifest_key, proven.to_json(), over=self.state.manifest_etag)
        self.state.truth, self.state.final = proven, True

    def _verified(self, manifest: Manifest) -> RollUpFile:
        try:
            rollup = verify(self.destination, manifest)
        except CorruptRollUpError as error:
            found = find_state(self.destination, self.interval, self.target).truth
            if found and found.rollup.sha256 != manifest.rollup.sha256:
                raise ChangedObjectError(f"Another attempt at {self.interval.base} was faster.") from error
            raise
        self.verified = True
        return rollup

    # What is deleted

    def _delete_left_behind(self, truth: Manifest) -> bool:
        """Delete roll-ups that were replaced; tell whether none is left."""
        left = list(left_behind(self.destination, self.state, truth, self.now))
        if left and not self.verified:
            self._verified(truth)
        refused = self.destination.delete_versions(left)
        self.result.refuse({self.destination.uri(key): reason for key, reason in refused.items()})
        return not refused

    def _compare(self) -> list[Unreadable]:
        """Read the originals that are to go and were not read by this attempt; return what cannot be read.

        That the roll-up holds them, so far only its manifest says, which anybody may have written.
        """
        if (truth := self.state.truth) is None or self.options.originals == "keep" or self._are_tagged(truth):
            return []
        held = truth.holds()
        objects = [o for o in self.objects if version_of(o) in held - self.read]
        found = compare(self.stores, objects, truth)
        self.read |= {version_of(o) for o in found.proven}
        self.read_sources |= {o.source for o in found.proven}
        self.result.refuse({self.stores[o.source].uri(o.key): PermanentError(_ANOTHER) for o in found.others})
        return found.unreadable

    def _are_tagged(self, truth: Manifest) -> bool:
        """Tell whether all originals that the manifest names have got the tag already."""
        return self.options.originals == "tag" and truth.tagged == "=".join(self.options.tag)

    def _remove_originals(self, truth: Manifest) -> None:
        held = truth.holds() | self.copies
        objects = [o for o in self.objects if version_of(o) in held]
        if self.options.originals == "keep" or not objects:
            self.result.kept = len(objects)
            return
        tagged = self._are_tagged(truth)
        pending = [o for o in objects if version_of(o) in (self.copies if tagged else self.read)]
        refused = self._remove(pending, truth) if pending else {}
        done = (len(objects) if tagged else len(pending)) - len(refused)
        if self.options.originals == "delete":
            self.result.deleted = done
            return
        self.result.tagged = done
        if done == len(objects) and not tagged:
            self._note(replace(truth, tagged="=".join(self.options.tag)), truth)

    def _remove(self, objects: list[LogObject], truth: Manifest) -> Refused:
        """Delete or tag log objects, if the roll-up is still the one that was read back."""
        if not self.verified:
            self._verified(truth)
        if etag_of(self.destination, truth.rollup.key) != truth.rollup.etag:
            raise ChangedObjectError(f"Another attempt at {self.interval.base} is at work.")
        refused = remove(self.stores, objects, self.options)
        self.result.refuse(refused)
        return refused

    def _deletable(self, unreadable: list[Unreadable]) -> list[LogObject]:
        """Return the log objects that may not be read and are to be deleted; refuse the others.

        They are where no log object of their source can be read in this run: rather the credentials are
        wrong. Asks before originals are deleted, because one of these may be the one that can be read.
        """
        if not self.options.delete_forbidden:
            return []
        forbidden = [found.log_object for found in unreadable if found.forbidden]
        sources = {o.source for o in forbidden}
        readable = {source for source in sources if self._can_read(source)}
        for o in forbidden:
            if o.source not in readable:
                self.result.refuse({self.stores[o.source].uri(o.key): AccessDeniedError(_NOTHING_READ)})
        return [o for o in forbidden if o.source in readable]

    def _can_read(self, source: str) -> bool:
        """Tell whether a log object of this source was read, or one that the roll-up holds can be."""
        if source in self.read_sources:
            return True
        held = self.state.truth.holds() if self.state.truth else set()
        found = (o for o in self.objects if o.source == source and version_of(o) in held)
        for log_object in islice(found, _TRIES):
            with suppress(AccessDeniedError, ArchivedObjectError, NotFoundError, ChangedObjectError):
                next(self.stores[source].read_pieces(*log_object[1:]), None)
                return True
        return False

    def _delete_forbidden(self, forbidden: list[LogObject]) -> None:
        refused = remove(self.stores, forbidden, self.options, unread=True)
        self.result.refuse(refused)
        self.result.deleted_forbidden = len(forbidden) - len(refused)

    def _note(self, manifest: Manifest, instead: Manifest) -> None:
        """Put a manifest in place of one that was written or read before, and of no other."""
        key = self.interval.manifest_key
        etag = etag_of(self.destination, key)
        if not instead.is_stored_as(self.destination.read(key, etag), key):
            raise ChangedObjectError(f"Another attempt at {self.interval.base} is at work.")
        put(self.destination, key, manifest.to_json(), over=etag)

    def _finish_attempts(self, truth: Manifest | None) -> None:
        """Remove the manifests of attempts that are over: the interval needs no more work."""
        replaced = self.target if self.result.outcome == "computed" else None
        self.destination.delete(finished_attempts(self.state, truth, self.now, replaced))

    # What is told

    def _reasons(self, unreadable: list[Unreadable]) -> dict[str, str]:
        objects = [(found.log_object, found.reason) for found in unreadable]
        return {self.stores[o.source].uri(o.key): reason for o, reason in objects}

    def _dry_run(self, wanted: int) -> RollUpResult:
        """Say what would be done; `added` may be less when some cannot be read, or are copies."""
        self._note_found()
        self.result.outcome = "dry run"
        self.result.added = wanted
        if self.options.originals == "delete":
            self.result.deleted = self.result.found
        elif self.options.originals == "tag":
            self.result.tagged = self.result.found
        else:
            self.result.kept = self.result.found
        return self.result.tell(self.state.truth, False, {})
