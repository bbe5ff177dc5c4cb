"""A stage is added by its work and one entry in the tuple: everything else follows."""

import json

import pytest

from include.s3logs.errors import StoreUnavailableError
from include.s3logs.lake import stages
from include.s3logs.pipeline import run
from s3logs_airflow.local.figures import where_files_are
from s3logs_airflow.local.progress import Snapshot, render
from s3logs_airflow.local.steps import Step
from tests.support.new_stage import COUNTED, count_day
from tests.support.small_archive import FIRST, SECOND, line
from tests.support.small_world import SmallWorld


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "STAGES", (*stages.STAGES, COUNTED))
    world = SmallWorld(tmp_path)
    world.deliver(FIRST, line(), line(key="kelp.txt"))
    world.deliver(SECOND, line(day=SECOND))
    return world


def counted(world, day):
    found = json.loads(world.lake.read(f"counted/{day}/_checkpoint.json"))
    return world.lake.read(found["files"]["count"]["key"])


def test_it_runs_after_the_stage_that_it_reads_and_is_reused(world):
    first = run(world.settings)
    assert [day.outcomes["count"] for day in first.days] == ["computed", "computed"]
    assert (counted(world, FIRST), counted(world, SECOND)) == (b"2\n", b"1\n")
    assert [day.outcomes["count"] for day in run(world.settings).days] == ["reused", "reused"]
    world.deliver(SECOND, line(day=SECOND, sent=7), name="LATE")
    assert [day.outcomes["count"] for day in run(world.settings).days] == ["reused", "computed"]
    assert counted(world, SECOND) == b"2\n"


def test_it_fails_alone_and_is_done_by_the_next_run(world, monkeypatch):
    trouble = [StoreUnavailableError("no answer")]

    def fails_once(work):
        if trouble:
            raise trouble.pop()
        return count_day(work)

    monkeypatch.setattr("tests.support.new_stage.count_day", fails_once)
    first, second = run(world.settings).days
    assert first.error == "count: no answer"
    assert list(first.outcomes) == ["reduce", "bin", "map"]
    assert list(second.outcomes) == ["reduce", "bin", "map", "count"]
    again = run(world.settings)
    assert [day.outcomes["count"] for day in again.days] == ["computed", "reused"]
    assert again.exit_status == 0


def test_it_is_shown(world, settings_env):
    settings_env(lake=world.lake.root)
    assert any("counted/" in place for place, _ in where_files_are())
    step = Step("day.count", str(FIRST), "running", 0)
    table = render(Snapshot({"run": "running"}, {"run": [step]}), 40, 1.0).renderables[2]
    assert [column.header for column in table.columns] == ["log day", "reduce", "bin", "map", "count"]
