"""What a verification finds, what it leaves alone, and what mends what is damaged in several places."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from include.s3logs.deployment import Deployment
from include.s3logs.errors import StoreUnavailableError
from include.s3logs.lake.checkpoint import KIND as CHECKPOINTS
from include.s3logs.lake.checkpoint import checkpoint_key
from include.s3logs.lake.pointer import CHECKSUM, checksum
from include.s3logs.publishing.publish import UNFINISHED
from include.s3logs.regions.kept_networks import KeptNetworks
from include.s3logs.regions.networks import Labelled, NetworkTable, read_network
from include.s3logs.stores.folder import LocalStore
from include.s3logs.verification.check import verify
from include.s3logs.verification.findings import Problem
from include.s3logs.verification.remedies import remedies
from include.s3logs.verification.repair import repair
from include.s3logs.verification.report import lines
from include.s3logs.verification.run import look_and_mend
from tests.support.complete_lake import NOBODY, CompleteLake
from tests.support.offline_regions import deploy_offline
from tests.support.small_archive import FIRST, SECOND, line
from tests.support.small_world import SmallWorld

KEY = checkpoint_key("mapped", FIRST)
OLD = (datetime.now(UTC) - timedelta(days=5)).timestamp()


class World(SmallWorld):
    def deployment(self):
        return Deployment(self.settings, NOBODY)

    def run(self, **options):
        from include.s3logs.pipeline import run

        return run(self.settings, access=NOBODY, **options)

    damage = CompleteLake.damage
    figures = CompleteLake.figures

    def damage_file(self, stage, role, how="flipped"):
        (info,) = self.lake.list(f"{stage}/{FIRST}/{role}-")
        self.damage(info.key, how)
        return info.key

    def findings(self):
        return {finding.key: finding for finding in verify(self.lake).findings}

    def mend(self):
        return look_and_mend(self.deployment(), mends=True, say=lambda line: None)


@pytest.fixture
def world(tmp_path, monkeypatch):
    deploy_offline(monkeypatch)
    world = World(tmp_path)
    for day in (FIRST, SECOND):
        world.deliver(day, line(day=day), line(key="kelp.txt", day=day), name="A")
        world.deliver(day, line(day=day, sent=7), name="B")
    assert world.run().exit_status == 0
    return world


def test_a_finding_says_what_is_wrong_on_which_day_and_what_mends_it(world):
    key = world.damage_file("binned", "rows")
    found = verify(world.lake)
    told = "\n".join(lines(world.lake, found, remedies(found.findings, world.deployment())))
    assert f"!! DAMAGED  log day {FIRST}  {world.lake.uri(key)} (it has other content" in told
    assert f"→ mended by bin of {FIRST} again, from reduced/" in told
    assert told.endswith("1 can be mended, 0 cannot.")


def test_what_nobody_names_is_counted_once_it_is_old_and_is_no_fault(world):
    keys = (
        f"mapped/{FIRST}/rows-0123456789abcdef.parquet",
        "usage/reef/stray.tsv",
        f"months/{FIRST}/x-1.tsv",
    )
    for key in keys:
        world.lake.write(key, b"left")
    assert (verify(world.lake).orphans, verify(world.lake).findings) == (0, [])
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for key in keys:
        os.utime(world.lake.root / key, (long_ago, long_ago))
    found = verify(world.lake)
    assert (found.orphans, found.orphan_size, found.findings) == (3, 12, [])


def test_an_empty_lake_says_so(tmp_path):
    found = verify(LocalStore(tmp_path))
    assert (found.findings, found.files) == ([], 0)
    assert list(lines(LocalStore(tmp_path), found, remedies([], None))) == [
        f"There is nothing in {tmp_path}."
    ]


def test_progress_reaches_the_end_in_steps(world):
    told = []
    verify(world.lake, told.append)
    assert len(told) > 20
    assert told == sorted(told)
    assert told[-1].done == told[-1].total > 0


def changed(world, key, **content):
    """Let a pointer say something else, with a checksum that is right."""
    told = json.loads(world.lake.read(key)) | content
    del told[CHECKSUM]
    world.lake.write(key, json.dumps(told | {CHECKSUM: checksum(told)}).encode())


def test_the_checkpoint_of_another_day_is_none_of_this_one(world):
    changed(world, KEY, log_day=str(SECOND))
    assert world.findings()[KEY].problem == Problem.NONSENSE
    assert f"that of mapped of {SECOND}" in world.findings()[KEY].detail


def test_what_a_later_release_wrote_is_named_and_left_alone(world):
    changed(world, KEY, format=CHECKPOINTS.format + 1)
    before = world.files()
    result = world.mend()
    assert [finding.problem for finding in result.verified.findings] == [Problem.NEWER]
    assert [*result.remedies.hopeless.values()] == ["use that release"]
    assert world.files() == before


def test_a_table_without_its_columns_is_nonsense_even_with_the_right_digest(world):
    from hashlib import sha256

    told = json.loads(world.lake.read(KEY))
    file = told["files"]["by_day"]
    other = world.lake.read(told["files"]["by_region"]["key"])
    world.lake.write(file["key"], other)
    changed(
        world,
        KEY,
        files=told["files"] | {"by_day": file | {"size": len(other), "sha256": sha256(other).hexdigest()}},
    )
    assert world.findings()[file["key"]].problem == Problem.NONSENSE


def test_a_publication_that_did_not_get_to_its_end_is_one_finding(world):
    before = world.figures()
    world.damage("usage/totals.json", "half")
    world.damage("usage/reef/by_day.tsv", "half")
    world.lake.write(f"{UNFINISHED}-x", b"")
    (finding,) = world.findings().values()
    assert (finding.problem, "2 files" in finding.detail) == (Problem.UNFINISHED, True)
    assert world.mend().verified.is_sound
    assert world.figures() == before


def test_what_a_run_replaces_meanwhile_is_no_damage(world):
    """A stage is computed anew, and the earlier files go, after the lake was listed."""

    class Busy(LocalStore):
        def read_pieces(self, key, size, etag=None):
            return self._replaced(key) or super().read_pieces(key, size, etag)

        def read(self, key, etag=None):
            self._replaced(key)
            return super().read(key, etag)

        def _replaced(self, key):
            if key.startswith(f"mapped/{FIRST}/rows-") and not runs:
                runs.append(key)
                world.run(days=[FIRST], force=True)
                world.lake.delete([key])

    runs = []
    assert verify(Busy(world.lake.root)).findings == []
    assert len(runs) == 1


def test_an_outage_is_no_damage(world):
    class Down(LocalStore):
        def read(self, key, etag=None):
            if key.startswith("usage/"):
                raise StoreUnavailableError(f"{key} could not be read")
            return super().read(key, etag)

    with pytest.raises(StoreUnavailableError):
        verify(Down(world.lake.root))


def test_an_unfinished_day_is_no_damage(world):
    world.lake.delete([info.key for info in world.lake.list(f"mapped/{SECOND}/")])
    world.lake.delete(["publish/_checkpoint.json"])
    world.lake.delete([info.key for prefix in ("usage/", "status/") for info in world.lake.list(prefix)])
    assert list(world.findings()) == [checkpoint_key("mapped", SECOND)]
    world.lake.write(f"open/{SECOND}", b"a run")
    assert list(world.findings()) == []


# Several at once


def test_stages_of_a_day_are_computed_again_from_the_last_that_is_whole(world):
    before = world.figures()
    for stage, role in (("binned", "keys"), ("mapped", "by_day"), ("mapped", "rows")):
        world.damage_file(stage, role)
    world.source.delete([info.key for info in world.source.list()])
    result = world.mend()
    assert result.repaired.done[0] == f"{FIRST}: binned and mapped again"
    assert (result.verified.findings, world.figures()) == ([], before)


def test_what_cannot_be_made_again_is_said_and_nothing_is_touched(world):
    lost = {world.damage_file("reduced", "rows"), world.damage_file("binned", "rows")}
    world.source.delete([f"{FIRST}-11-00-00-A"])
    before = world.files()
    result = world.mend()
    assert result.repaired is None
    assert {finding.key for finding in result.verified.findings} == lost
    told = set(result.remedies.hopeless.values())
    gone = f"1 of its log objects are gone from the sources (first: {FIRST}-11-00-00-A)"
    assert told == {gone, f"reduced/ is not whole either, and {gone}"}
    assert world.files() == before


def test_a_day_is_mapped_again_although_what_it_was_reduced_to_cannot_be(world):
    before = world.figures()
    reduced, _ = world.damage_file("reduced", "rows"), world.damage_file("mapped", "by_asset", "missing")
    world.source.delete([info.key for info in world.source.list()])
    result = world.mend()
    assert ([finding.key for finding in result.verified.findings], world.figures()) == ([reduced], before)
    assert list(world.lake.list("open/")) == []


def test_a_stage_that_fails_stops_no_other_day_and_is_told(world, monkeypatch):
    for day in (FIRST, SECOND):
        (info,) = world.lake.list(f"mapped/{day}/rows-")
        world.damage(info.key, "half")
    found = remedies(verify(world.lake).findings, world.deployment())
    (info,) = world.lake.list(f"binned/{FIRST}/rows-")
    world.damage(info.key, "flipped")  # after it was looked at
    repaired = repair(world.deployment(), found)
    (failed,) = repaired.failed
    assert failed.startswith(f"{FIRST}: mapped again: ")
    assert f"{SECOND}: mapped again" in repaired.done
    assert {finding.log_day for finding in verify(world.lake).findings} == {str(FIRST)}
    assert world.mend().verified.is_sound


def test_log_objects_that_go_after_they_were_looked_at_take_nothing_with_them(world):
    before = world.figures()
    key = world.damage_file("reduced", "quarantine", "missing")
    found = remedies(verify(world.lake).findings, world.deployment())
    assert found.days == {FIRST: ["reduced"]}
    world.source.delete([f"{FIRST}-11-00-00-A"])
    assert repair(world.deployment(), found).failed == []
    assert (world.figures(), list(world.findings()), list(world.lake.list("open/"))) == (before, [key], [])


def test_a_kept_table_of_networks_is_looked_at_and_a_damaged_one_is_removed(world):
    """Nothing names it, as it can be made anew; so it is no orphan either, however old it is."""
    table = NetworkTable([[Labelled(read_network("192.0.2.0/24"), "Campus")]])
    keys = [f"regions/networks/{digest}.table" for digest in ("one", "two")]
    for digest, key in zip(("one", "two"), keys, strict=True):
        KeptNetworks(world.lake, digest, None).keep(table)
        os.utime(world.lake.root / key, (OLD, OLD))
    found = verify(world.lake)
    assert (found.is_sound, found.orphans) == (True, 0)
    world.damage(keys[1], "flipped")
    assert {found.key: found.problem for found in verify(world.lake).findings} == {keys[1]: Problem.DAMAGED}
    assert world.mend().repaired.done == ["tables of networks removed"]
    assert [info.key for info in world.lake.list("regions/networks/")] == keys[:1]
    assert verify(world.lake).is_sound
