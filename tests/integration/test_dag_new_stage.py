"""A stage that is added by one entry is a task of the DAG: it runs, is retried alone, and is documented."""

import pytest

from include.s3logs.errors import StoreUnavailableError
from include.s3logs.lake import stages
from include.s3logs.pipeline import run
from tests.support.new_stage import COUNTED, count_day
from tests.support.small_archive import FIRST, SECOND, line
from tests.support.small_world import SmallWorld


@pytest.fixture
def world(tmp_path, monkeypatch, settings_env):
    monkeypatch.setattr(stages, "STAGES", (*stages.STAGES, COUNTED))
    world = SmallWorld(tmp_path)
    world.deliver(FIRST, line(), line(key="kelp.txt"))
    world.deliver(SECOND, line(day=SECOND))
    settings_env(sources=world.source.root, lake=world.lake.root, catalog=world.folder / "catalog.csv")
    return world


def test_it_is_a_task_after_the_one_that_it_reads(world, dag):
    read = dag()
    assert read.get_task("day.count").upstream_task_ids == {"discover", "day.map"}
    assert read.get_task("day.count").doc_md == COUNTED.does
    assert "| `day.count` | how many rows the day has | `counted/` |" in read.doc_md


def test_it_runs_for_each_day_and_is_tried_again_by_itself(world, run_dag, monkeypatch):
    trouble = [StoreUnavailableError("no answer")]

    def fails_once(work):
        if trouble:
            raise trouble.pop()
        return count_day(work)

    monkeypatch.setattr("tests.support.new_stage.count_day", fails_once)
    days = [str(FIRST), str(SECOND)]
    done = run_dag(days=days)
    assert done.state == "success"
    assert trouble == []
    assert done.outcomes("count") == dict.fromkeys(days, "computed")
    assert done.outcomes("map") == dict.fromkeys(days, "computed")
    assert done.xcoms["day.count", days[0]]["counts"] == {"counted": 2}
    assert run_dag(days=days).outcomes("count") == dict.fromkeys(days, "reused")


def test_its_checkpoint_has_a_page(world, get):
    run(world.settings, days=[FIRST])
    answer = get(f"/s3logs/days/{FIRST}/counted/checkpoint", "viewer")
    assert answer.json()["counts"] == {"counted": 2}
