"""Two attempts at one interval at once, and log objects that come or change while it is rolled up."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count, product

import pytest

from include.s3logs.errors import PermanentError, S3LogsError
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from tests.support.killing_store import MeddledStore, Steps
from tests.support.rolled_up import lines, prove

NOW = datetime.now(UTC)
DAY = Interval("", "day", "2026-10-21")
EARLY = {"2026-10-21-00-00-00-A0": b"one\ntwo", "2026-10-21-00-00-01-A1": b"three\n"}
NEXT = {"2026-10-21-00-00-00-B0": b"four\n"}
LATE = {"2026-10-21-23-59-59-C0": b"five\n"}
ALL = Counter([b"one", b"two", b"three", b"four", b"five"])


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    monkeypatch.setattr("include.s3logs.stores.folder.os.fsync", lambda _: None)


def put(store, objects):
    for key, data in objects.items():
        store.write(key, data)


def race(store, slow, quick, at, begun=True):
    """Let a quick attempt come in before step `at` of a slow one; tell whether there were so many steps."""
    put(store, EARLY)
    if begun:
        roll_up(store, {"": store}, DAY, RollUpOptions(originals="delete"), NOW)
    put(store, NEXT)

    def meddle():
        put(store, LATE)
        roll_up(store, {"": store}, DAY, quick, NOW)

    steps = Steps(at, meddle)
    meddled = MeddledStore(store, steps)
    try:
        roll_up(meddled, {"": meddled}, DAY, slow, NOW)
    except S3LogsError as error:  # it was overtaken; what is stored counts, and that a retry is worth it
        assert not isinstance(error, PermanentError)
    if steps.done < at:
        return False
    kept = Counter(
        line for info in store.list() if info.key in EARLY | NEXT | LATE for line in text(store, info)
    )
    assert set(ALL) <= set(kept) | set(lines(store)), f"lost before step {at}"
    # The retry, and what a day later is left of those that were overtaken.
    for now in (NOW, NOW + timedelta(days=2)):
        roll_up(store, {"": store}, DAY, slow, now)
    assert lines(store) == ALL, f"before step {at}"
    prove(store)
    return True


def text(store, info):
    return store.read(info.key).removesuffix(b"\n").split(b"\n")


FLAGS = [
    {"originals": "delete"},
    {"codec": "gzip", "originals": "delete"},
    {"codec": "none"},
]


@pytest.mark.parametrize("begun", [True, False], ids=["extended", "new"])
@pytest.mark.parametrize(("slow", "quick"), list(product(FLAGS, FLAGS)))
def test_another_attempt_comes_in_at_every_step(slow, quick, begun, tmp_path):
    options = RollUpOptions(**slow), RollUpOptions(**quick)
    at = next(at for at in count(1) if not race(LocalStore(tmp_path / str(at)), *options, at, begun))
    assert at > 10


@pytest.mark.parametrize("slow", FLAGS[:2])
def test_another_attempt_comes_in_on_s3(slow, s3, bucket):
    options = RollUpOptions(**slow), RollUpOptions(**FLAGS[1])
    at = next(at for at in count(1) if not race(S3Store(s3.client, bucket, f"{at}/"), *options, at))
    assert at > 10


def meddled(store, change, at, **flags):
    """Roll up with deleting; before step `at`, `change` happens. Tell whether there were so many steps."""
    steps = Steps(at, change)
    other = MeddledStore(store, steps)
    with suppress(S3LogsError):  # noticed: the next attempt sees it as it is now
        roll_up(other, {"": other}, DAY, RollUpOptions(originals="delete", **flags), NOW)
    return steps.done >= at


def test_objects_that_arrive_at_any_step_are_neither_lost_nor_doubled(tmp_path):
    for at in count(1):
        store = LocalStore(tmp_path / str(at))
        put(store, EARLY | NEXT)
        more = meddled(store, lambda store=store: put(store, LATE), at)
        if not more:
            break
        roll_up(store, {"": store}, DAY, RollUpOptions(originals="delete"), NOW)
        assert lines(store) == ALL
        prove(store)
        assert not [info.key for info in store.list() if info.key in LATE]


def test_objects_that_are_stored_once_more_at_any_step_are_not_doubled(tmp_path):
    for at in count(1):
        store = LocalStore(tmp_path / str(at))
        put(store, EARLY | NEXT | LATE)
        if not meddled(store, lambda store=store: put(store, EARLY | NEXT), at):
            break
        roll_up(store, {"": store}, DAY, RollUpOptions(originals="delete"), NOW)
        assert lines(store) == ALL, f"before step {at}"
        prove(store)
        assert not [info.key for info in store.list() if info.key in EARLY | NEXT | LATE]


@pytest.mark.parametrize("quick", FLAGS)
def test_another_attempt_comes_in_while_only_the_manifest_changes(quick, tmp_path):
    slow = RollUpOptions(originals="delete")
    for at in count(1):
        store = LocalStore(tmp_path / str(at))
        put(store, EARLY | NEXT)
        roll_up(store, {"": store}, DAY, RollUpOptions(), NOW)
        put(store, EARLY | NEXT)  # other ETags

        def meddle(store=store):
            put(store, LATE)
            roll_up(store, {"": store}, DAY, RollUpOptions(**quick), NOW)

        steps = Steps(at, meddle)
        other = MeddledStore(store, steps)
        try:
            roll_up(other, {"": other}, DAY, slow, NOW)
        except S3LogsError as error:
            assert not isinstance(error, PermanentError)
        if steps.done < at:
            break
        for now in (NOW, NOW + timedelta(days=2)):
            roll_up(store, {"": store}, DAY, slow, now)
        assert lines(store) == ALL, f"before step {at}"
        prove(store)
    assert at > 10


def test_an_object_that_changes_at_any_step_loses_no_line(tmp_path):
    """Both versions count when the first one was rolled up already; the second is never deleted unread."""
    key = "2026-10-21-00-00-00-A0"
    for at in count(1):
        store = LocalStore(tmp_path / str(at))
        put(store, EARLY)
        if not meddled(store, lambda store=store: store.write(key, b"another\n"), at):
            break
        roll_up(store, {"": store}, DAY, RollUpOptions(originals="delete"), NOW)
        found = lines(store)
        assert found[b"another"] == found[b"three"] == 1
        assert found[b"one"] == found[b"two"] <= 1
        prove(store)


def test_what_a_living_attempt_has_written_is_not_swept(tmp_path):
    """One makes the roll-up anew with another codec, while another has nothing to do but to tidy up."""
    for at in count(1):
        store = LocalStore(tmp_path / str(at))
        put(store, EARLY | NEXT | LATE)
        quick = RollUpOptions(originals="delete")
        roll_up(store, {"": store}, DAY, RollUpOptions(), NOW)
        steps = Steps(at, lambda store=store, quick=quick: roll_up(store, {"": store}, DAY, quick, NOW))
        meddled = MeddledStore(store, steps)
        with suppress(S3LogsError):
            roll_up(meddled, {"": meddled}, DAY, RollUpOptions(overwrite=True, codec="gzip"), NOW)
        if steps.done < at:
            break
        roll_up(store, {"": store}, DAY, quick, NOW)
        roll_up(store, {"": store}, DAY, quick, NOW + timedelta(days=2))
        assert lines(store) == ALL
        prove(store)


def test_originals_stay_when_the_roll_up_changes_after_it_was_verified(tmp_path):
    class Losing(LocalStore):
        """A roll-up is something else as soon as it was read back."""

        def read_pieces(self, key, size, etag=None):
            yield from super().read_pieces(key, size, etag)
            if key not in EARLY:
                self.write(key, b"something else")

    store = Losing(tmp_path)
    put(store, EARLY)
    with pytest.raises(S3LogsError, match="at work"):
        roll_up(store, {"": store}, DAY, RollUpOptions(originals="delete"), NOW)
    assert {info.key for info in store.list()} > set(EARLY)
