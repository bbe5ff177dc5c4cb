"""Damage on a log day whose addresses went: mended from what is left, or said."""

import pytest

from include.s3logs.deployment import Deployment, access_from_environment
from include.s3logs.pipeline import run
from include.s3logs.verification.check import verify
from include.s3logs.verification.remedies import remedies
from include.s3logs.verification.repair import repair
from tests.support.small_archive import FIRST, line
from tests.support.small_world import SmallWorld


@pytest.fixture
def world(tmp_path):
    """A published log day without addresses."""
    world = SmallWorld(tmp_path)
    world.deliver(FIRST, line(), line(key="kelp.txt"))
    run(world.settings.model_copy(update={"keep_addresses_days": 30}))
    assert [key for key in world.files("reduced/", "binned/") if "/rows-" in key] == []
    return world


def damage(world, prefix):
    (key,) = (info.key for info in world.lake.list(f"{prefix}-"))
    world.lake.write(key, b"x" * world.lake.find(key).size)
    return key


def mend(world):
    deployment = Deployment(world.settings, access_from_environment())
    found = remedies(verify(world.lake).findings, deployment)
    return found, repair(deployment, found)


def test_it_is_whole(world):
    assert verify(world.lake).findings == []


@pytest.mark.parametrize("logs", ["there", "gone"])
@pytest.mark.parametrize("file", ["binned/{}/retained", "binned/{}/keys", "mapped/{}/by_day"])
def test_it_is_mended_from_what_is_left_or_nothing_is_touched(world, file, logs):
    before = world.files("usage/")
    key = damage(world, file.format(FIRST))
    if logs == "gone":
        world.source.delete([info.key for info in world.source.list()])
    found, repaired = mend(world)
    assert repaired.failed == []
    hopeless = logs == "gone" and key.startswith("binned/")
    assert {finding.key for finding in verify(world.lake).findings} == ({key} if hopeless else set())
    assert {finding.key for finding in found.hopeless} == ({key} if hopeless else set())
    assert world.files("usage/") == before
