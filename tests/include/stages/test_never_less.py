"""A finished day is never replaced by one of less, whichever of its checkpoints is left to judge."""

import pytest

from include.s3logs.errors import NotFoundError
from include.s3logs.lake.checkpoint import checkpoint_key
from include.s3logs.pipeline import run
from tests.support.small_archive import FIRST, SECOND, line
from tests.support.small_world import SmallWorld

OTHER_CATALOG = "object_key,dataset,version,asset_path\nreef.txt,other,1,reef.txt\n"


@pytest.fixture
def world(tmp_path):
    """Two log days of two log objects each, published."""
    world = SmallWorld(tmp_path)
    for day in (FIRST, SECOND):
        world.deliver(day, line(day=day), line(key="kelp.txt", day=day), name="A")
        world.deliver(day, line(day=day, sent=7), name="B")
    assert run(world.settings).exit_status == 0
    return world


def lose(world, stage, what):
    """Lose a checkpoint, or a file, or damage it."""
    key = checkpoint_key(stage, FIRST)
    if what == "checkpoint":
        world.lake.delete([key])
    elif what == "truncated":
        world.lake.write(key, world.lake.read(key)[:100])
    elif what == "folder":
        world.lake.delete([info.key for info in world.lake.list(f"{stage}/{FIRST}/")])
    else:
        world.lake.delete([info.key for info in world.lake.list(f"{stage}/{FIRST}/{what}-")])


def expire(world, day=FIRST):
    world.source.delete([info.key for info in world.source.list(str(day))])


def requests(world):
    return world.lake.read("usage/archive/by_day.tsv")


@pytest.mark.parametrize("what", ["checkpoint", "truncated", "folder", "rows", "objects", "none"])
def test_a_day_whose_logs_expired_keeps_its_figures_and_follows_the_catalog(world, what):
    before = requests(world)
    lose(world, "reduced", what)
    expire(world)
    assert run(world.settings, days=[FIRST]).days[0].error == ""
    assert requests(world) == before
    (world.folder / "catalog.csv").write_text(OTHER_CATALOG)
    report = run(world.settings, days=[FIRST])
    assert report.days[0].outcomes["map"] == "computed"
    assert requests(world) == before
    assert b"other\t" in world.lake.read("usage/archive/by_dataset.tsv")


@pytest.mark.parametrize("what", ["checkpoint", "truncated", "folder", "rows", "objects"])
def test_with_the_logs_there_what_is_lost_is_made_again(world, what):
    before = requests(world)
    lose(world, "reduced", what)
    assert run(world.settings).exit_status == 0
    assert requests(world) == before
    assert world.lake.find(checkpoint_key("reduced", FIRST))


@pytest.mark.parametrize("stage", ["binned", "mapped"])
def test_a_later_stage_that_is_lost_is_made_again_though_the_logs_expired(world, stage):
    before = requests(world)
    lose(world, stage, "folder")
    expire(world)
    assert run(world.settings, days=[FIRST]).days[0].error == ""
    assert requests(world) == before


def test_figures_stay_when_all_that_they_were_made_of_is_gone(world):
    before = requests(world)
    lose(world, "reduced", "folder")
    lose(world, "binned", "folder")
    expire(world)
    report = run(world.settings, days=[FIRST])
    assert "Computing it again would lose their requests" in report.days[0].error
    assert requests(world) == before


@pytest.mark.parametrize("left", ["reduced", "binned", "mapped"])
def test_whichever_checkpoint_is_left_refuses_a_day_that_lost_one_object_and_got_another(world, left):
    for stage in {"reduced", "binned", "mapped"} - {left}:
        lose(world, stage, "checkpoint")
    world.source.delete([f"{FIRST}-11-00-00-A"])
    world.deliver(FIRST, line(sent=9), line(sent=10), line(sent=11), name="C")
    (first, _) = run(world.settings).days
    assert "1 of them are gone" in first.error


def test_where_only_counts_are_left_fewer_lines_are_refused(world):
    lose(world, "reduced", "folder")
    world.source.delete([f"{FIRST}-11-00-00-A"])
    world.deliver(FIRST, line(sent=9), name="C")
    report = run(world.settings, days=[FIRST])
    assert "has 2 lines now and had 3" in report.days[0].error
    assert run(world.settings, days=[FIRST], force=True).days[0].error == ""


def test_a_log_object_that_was_put_there_again_with_less_is_refused(world):
    world.deliver(FIRST, line(), name="A")
    report = run(world.settings, days=[FIRST])
    assert "has 2 lines now and had 3" in report.days[0].error
    world.deliver(FIRST, line(), line(key="kelp.txt"), line(sent=8), name="A")
    assert run(world.settings, days=[FIRST]).days[0].error == ""


def test_a_stage_without_what_it_reads_says_what_to_do_first(world, tmp_path):
    from include.s3logs.lake.stages import BINNED
    from tests.support.one_day import work

    lose(world, "reduced", "folder")
    lose(world, "binned", "folder")
    with pytest.raises(NotFoundError, match=f"Do reduce of {FIRST} first"):
        work(world.lake, FIRST).upstream(BINNED)


def test_a_limit_judges_a_finished_day_and_computes_nothing_again(world):
    world.deliver(FIRST, b"this is no record\n", name="BAD")
    lenient, strict = ({"rejection_limit": share} for share in (0.5, 0.1))
    assert run(world.settings.model_copy(update=lenient)).exit_status == 0
    report = run(world.settings.model_copy(update=strict))
    assert "S3LOGS_REJECTION_LIMIT=0.1 allows. See its quarantine" in report.days[0].error
    again = run(world.settings.model_copy(update={"rejection_limit": 0.4}))
    assert {outcome for day in again.days for outcome in day.outcomes.values()} == {"reused"}
