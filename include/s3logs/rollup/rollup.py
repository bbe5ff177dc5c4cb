"""Roll up one interval: its log objects become one object, which is verified before any of them goes.

The protocol, and why a crash anywhere and two attempts at once do no harm, stands in `state`. An object whose
ETag changed after it was rolled up is a new object: the lines of both versions are in the roll-up then.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from itertools import chain
from operator import itemgetter
from time import monotonic
from typing import Any

from include.s3logs.errors import ChangedObjectError, CorruptRollUpError, PermanentError
from include.s3logs.reduced_files import temporary_folder
from include.s3logs.rollup.levels import Interval
from include.s3logs.rollup.manifest import Manifest, RollUpFile
from include.s3logs.rollup.merging import Merged, Unreadable, merge
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.origins import by_address, version_of
from include.s3logs.rollup.removal import remove
from include.s3logs.rollup.result import RollUpResult
from include.s3logs.rollup.state import (
    Attempt,
    State,
    etag_of,
    find_state,
    finished_attempts,
    left_behind,
)
from include.s3logs.rollup.verification import verify
from include.s3logs.sources import LogObject
from include.s3logs.store import Store


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
        self.verified = False

    def run(self) -> RollUpResult:
        self.state = find_state(self.destination, self.interval, self.target)
        wanted = self._wanted()
        if self.options.dry_run:
            return self._dry_run(len(list(wanted)))
        unreadable = self._write(wanted)
        self._note_found()
        if (truth := self.state.truth) is not None:
            tidy = self._delete_left_behind(truth)
            self._remove_originals(truth)
            self._delete_forbidden(unreadable)
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
            self._refuse_loss({version_of(o) for o in objects})
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

    def _refuse_loss(self, available: set[tuple[str, str]]) -> None:
        """Refuse to overwrite a roll-up that may hold what is not available."""
        held = self.state.truth.holds() if self.state.truth else self.state.may_hold()
        if lost := sorted(held - available):
            raise PermanentError(
                f"The roll-up {self.destination.uri(self.interval.base)} is not overwritten: of its "
                f"{len(held)} log objects {len(lost)} are gone or changed (first: {lost[0][0]}), and only it "
                "holds their lines. Put them back, or roll up without overwrite."
            )

    # What is written

    def _write(self, wanted: Iterator[LogObject]) -> list[Unreadable]:
        """Make or extend the roll-up, or finish what an earlier attempt left; return what cannot be read."""
        if (first := next(wanted, None)) is not None:
            with temporary_folder() as folder:
                earlier = None if self.options.overwrite else self.state.truth
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
                    self._refuse_loss({member.version for member in merged.members})
                if len(merged.members) > (len(earlier.objects) if earlier else 0):
                    self._put(merged, earlier)
                    return merged.unreadable
                unreadable = merged.unreadable
        else:
            unreadable = []
        if self.state.truth and not self.state.final:
            self._commit(self.state.truth)
        return unreadable

    def _put(self, merged: Merged, earlier: Manifest | None) -> None:
        manifest = Manifest(
            self.interval.level, self.interval.name, self.options.codec, merged.rollup, merged.members
        )
        truth = self.state.truth
        attempt = replace(manifest, replaces=truth.rollup if truth else None)
        key = self.interval.attempt_key(secrets.token_hex(8))
        self.destination.write(key, attempt.to_json())
        self.state.attempts.append(Attempt(key, self.now, attempt))
        self.destination.write_file(self.target, merged.path, over=self.state.target_etag)
        self._commit(manifest)
        self.result.outcome = "computed"
        self.result.added = len(merged.members) - (len(earlier.objects) if earlier else 0)

    def _commit(self, manifest: Manifest) -> None:
        """Prove that the stored roll-up is what the manifest says, and let the manifest say it."""
        proven = replace(manifest, rollup=self._verified(manifest))
        self.destination.write(self.interval.manifest_key, proven.to_json(), over=self.state.manifest_etag)
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

    def _remove_originals(self, truth: Manifest) -> None:
        held = truth.holds()
        objects = [o for o in self.objects if version_of(o) in held]
        tag = "=".join(self.options.tag)
        if self.options.originals == "keep" or not objects:
            self.result.kept = len(objects)
        elif self.options.originals == "tag" and truth.tagged == tag:
            self.result.tagged = len(objects)
        else:
            refused = self._remove(objects, truth)
            done = len(objects) - len(refused)
            if self.options.originals == "delete":
                self.result.deleted = done
                return
            self.result.tagged = done
            if not refused:
                self._note(replace(truth, tagged=tag), truth)

    def _remove(self, objects: list[LogObject], truth: Manifest) -> dict[str, str]:
        """Delete or tag log objects, if the roll-up is still the one that was read back."""
        if not self.verified:
            self._verified(truth)
        if etag_of(self.destination, truth.rollup.key) != truth.rollup.etag:
            raise ChangedObjectError(f"Another attempt at {self.interval.base} is at work.")
        refused = remove(self.stores, objects, self.options)
        self.result.refuse(refused)
        return refused

    def _delete_forbidden(self, unreadable: list[Unreadable]) -> None:
        """Delete what may not be read, if that is wanted.

        Without a roll-up nothing is: where no log object could be read, rather the credentials are wrong.
        """
        forbidden = [found.log_object for found in unreadable if found.forbidden]
        if self.options.delete_forbidden and forbidden:
            refused = remove(self.stores, forbidden, self.options)
            self.result.refuse(refused)
            self.result.deleted_forbidden = len(forbidden) - len(refused)

    def _note(self, manifest: Manifest, instead: Manifest) -> None:
        """Put a manifest in place of one that was written or read before, and of no other."""
        key = self.interval.manifest_key
        etag = etag_of(self.destination, key)
        if not instead.is_stored_as(self.destination.read(key, etag), key):
            raise ChangedObjectError(f"Another attempt at {self.interval.base} is at work.")
        self.destination.write(key, manifest.to_json(), over=etag)

    def _finish_attempts(self, truth: Manifest) -> None:
        """Remove the manifests of attempts that are over: the interval needs no more work."""
        replaced = self.target if self.result.outcome == "computed" else None
        self.destination.delete(finished_attempts(self.state, truth, self.now, replaced))

    # What is told

    def _reasons(self, unreadable: list[Unreadable]) -> dict[str, str]:
        objects = [(found.log_object, found.reason) for found in unreadable]
        return {self.stores[o.source].uri(o.key): reason for o, reason in objects}

    def _dry_run(self, wanted: int) -> RollUpResult:
        """Say what would be done; `added` may be less when some cannot be read."""
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
