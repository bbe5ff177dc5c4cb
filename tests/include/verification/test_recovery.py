"""Whatever is lost or damaged in a lake: figures stay as they were, or it is said; verifying finds it."""

import pytest

from include.s3logs.errors import S3LogsError
from include.s3logs.verification.check import verify
from include.s3logs.verification.remedies import remedies
from include.s3logs.verification.repair import repair
from tests.support.complete_lake import DAMAGES, LOGS, PLACES, cells
from tests.support.small_archive import FIRST, SECOND, line


def run_again(world, day=FIRST):
    """Run the day; return what is said of it."""
    try:
        report = world.run(days=[day])
    except S3LogsError as error:
        return str(error)
    said = [day.error for day in report.days] + [report.error, *report.judgement.failures]
    return " ".join(filter(None, said))


def test_the_lake_of_these_tests_has_all_there_can_be(whole):
    noted = ("listings/", "catalog/_checked.json")  # which are made anew by any run
    keys = [key for key in whole.lake_keys() if not key.startswith(noted)]
    for place in PLACES:
        assert [key for key in keys if key.startswith(place)], place
    assert all(whole.lake.read(key) for key in keys)
    found = verify(whole.lake)
    assert (found.findings, found.orphans, found.log_days) == ([], 0, 1)
    assert found.files == len(keys)
    assert found.size == sum(len(whole.lake.read(key)) for key in keys)


@pytest.mark.parametrize("logs", LOGS)
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


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("place", ["reduced/", "binned/", "mapped/", "months/"])
def test_with_new_work_beside_damage_figures_are_right_or_it_is_said(whole, place, damage, tmp_path):
    """A new log day of the same month makes publishing read what it would not look at otherwise."""

    def with_a_new_day(world):
        world.source.write(f"{SECOND}-11-00-00-A", line(day=SECOND))
        return run_again(world, SECOND)

    right = whole.copy(tmp_path / "right")
    assert with_a_new_day(right) == ""
    for key, world in cells(whole, place, damage, "there", tmp_path):
        said = with_a_new_day(world)
        if world.figures() != right.figures():
            assert key in said or f"{FIRST} (incomplete, figures lost)" in said, (key, said)
        repair(world.deployment(), remedies(verify(world.lake).findings, world.deployment()))
        assert run_again(world, SECOND) == ""
        assert world.figures() == right.figures()
