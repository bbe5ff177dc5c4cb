"""Whichever write a stage dies before, the next attempt gives the same bytes, nothing twice or lost."""

from dataclasses import replace

import pytest

from include.s3logs.lake.checkpoint import load_checkpoint
from include.s3logs.lake.open_days import open_days
from include.s3logs.publishing.publish import publish
from tests.support.killing_store import Effects, Killed, KillingStore
from tests.support.small_archive import EXACT, FIRST, Archive, line

STAGES = ("reduced", "binned", "mapped")
# Each opens the day, writes its files (4, 2 and 8 of them), then its checkpoint; map closes the day.
EFFECTS_OF_THE_STAGES = 3 + 4 + 2 + 8 + 3 + 1


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """A process that dies leaves what it wrote to the system; only a power cut needs fsync."""
    monkeypatch.setattr("include.s3logs.stores.folder.os.fsync", lambda _: None)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """An archive to copy: some requests, and nothing that is made of them."""
    archive = Archive(tmp_path_factory.mktemp("delivered"))
    archive.lake.root.mkdir()
    archive.source.write(f"{FIRST}-11-00-00-A", b"".join(map(line, ["reef.txt", "kelp.txt", "x.txt"])))
    return archive


def attempt(archive, fatal=None):
    """Do all stages of the day, and die before side effect `fatal`; return how many effects there were."""
    effects, lake = Effects(fatal), archive.lake
    archive.lake = KillingStore(lake, effects)
    try:
        archive.do(FIRST)
    finally:
        archive.lake = lake
    return effects.done


def outcome(archive):
    """The checkpoints, but for the names of files, and all that is published."""
    publish(archive.lake, EXACT)
    told = {}
    for stage in STAGES:
        one = load_checkpoint(archive.lake, stage, FIRST)
        files = {role: replace(file, key="") for role, file in one.files.items()}
        told[stage] = one.fingerprint, one.counts, files
    return told | archive.contents()


@pytest.fixture(scope="module")
def undisturbed(delivered, tmp_path_factory):
    archive = delivered.copy(tmp_path_factory.mktemp("undisturbed"))
    assert attempt(archive) == EFFECTS_OF_THE_STAGES
    return outcome(archive)


@pytest.mark.parametrize("fatal", range(EFFECTS_OF_THE_STAGES))
def test_dying_before_any_write(delivered, undisturbed, tmp_path, fatal):
    archive = delivered.copy(tmp_path)
    with pytest.raises(Killed):
        attempt(archive, fatal)
    attempt(archive)
    assert outcome(archive) == undisturbed
    assert open_days(archive.lake) == set()
