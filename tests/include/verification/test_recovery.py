"""Whatever is lost or damaged in a lake: figures stay as they were, or it is said; verifying finds it."""

import pytest

from include.s3logs.deployment import Deployment
from include.s3logs.errors import S3LogsError
from include.s3logs.verification.check import verify
from include.s3logs.verification.remedies import remedies
from include.s3logs.verification.repair import repair
from tests.support.complete_lake import DAMAGES, CompleteLake, archive_api
from tests.support.offline_regions import offline_regions
from tests.support.small_archive import FIRST

LOGS = pytest.mark.parametrize("logs", ["there", "gone"])
PLACES = (
    *("reduced/", "binned/", "mapped/", "months/", "publish/", "status/", "usage/totals.json"),
    *("usage/000003/by_day", "usage/000003/logs/", "usage/archive/by_dataset"),
    *("catalog/dandi/", "regions/cache/_", "regions/cache/base-", "regions/cache/new/"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with archive_api() as api, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Deployment, "regions", lambda self: offline_regions(self.lake))
        yield CompleteLake(tmp_path_factory.mktemp("whole"), api).make()


def cells(whole, place, damage, logs, tmp_path):
    """Yield each file below a place with a copy of the lake in which it is damaged."""
    for number, key in enumerate(key for key in whole.lake_keys() if key.startswith(place)):
        world = whole.copy(tmp_path / str(number))
        world.damage(key, damage)
        if logs == "gone":
            world.expire()
        yield key, world


def run_again(world):
    """Run the day; return what is said of it."""
    try:
        report = world.run(days=[FIRST])
    except S3LogsError as error:
        return str(error)
    said = [day.error for day in report.days] + [report.error, *report.judgement.failures]
    return " ".join(filter(None, said))


def test_the_lake_of_these_tests_has_all_there_can_be(whole):
    keys = whole.lake_keys()
    for place in PLACES:
        assert [key for key in keys if key.startswith(place)], place
    assert all(whole.lake.read(key) for key in keys)
    found = verify(whole.lake)
    assert (found.findings, found.orphans, found.log_days) == ([], 0, 1)
    assert found.files == len(keys)
    assert found.size == sum(len(whole.lake.read(key)) for key in keys)


@LOGS
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("place", PLACES)
def test_figures_stay_or_it_is_said(whole, place, damage, logs, tmp_path):
    before = whole.figures()
    for key, world in cells(whole, place, damage, logs, tmp_path):
        found = {finding.key for finding in verify(world.lake).findings}
        assert found == ({key} if is_named(key, damage) else set())
        said = run_again(world)
        if world.figures() != before:
            assert str(FIRST) in said or key in said, (key, said)


def is_named(key, damage):
    """Tell whether something in the lake knows of a file.

    Nothing knows of an answer of the IP service before the daily merge names it; it would be asked for again.
    """
    return not (key.startswith("regions/cache/new/") and damage == "missing")


@LOGS
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("place", PLACES)
def test_a_repair_mends_all_but_what_is_made_of_logs_that_are_gone(whole, place, damage, logs, tmp_path):
    before = whole.figures()
    for key, world in cells(whole, place, damage, logs, tmp_path):
        found = remedies(verify(world.lake).findings, world.deployment())
        repaired = repair(world.deployment(), found)
        assert repaired.failed == []
        left = {finding.key for finding in verify(world.lake).findings}
        assert left == {finding.key for finding in found.hopeless}
        assert left == ({key} if logs == "gone" and key.startswith("reduced/") else set())
        assert (world.figures(), list(world.lake.list("open/"))) == (before, [])
        stays = world.lake_keys()
        again = remedies(verify(world.lake).findings, world.deployment())
        assert repair(world.deployment(), again).done == []
        assert world.lake_keys() == stays
