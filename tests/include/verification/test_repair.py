"""What a repair leaves of a lake in which any one file was damaged in any way."""

import pytest

from include.s3logs.verification.check import verify
from include.s3logs.verification.remedies import remedies
from include.s3logs.verification.repair import repair
from tests.support.complete_lake import DAMAGES, LOGS, PLACES, cells


@pytest.mark.parametrize("logs", LOGS)
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
