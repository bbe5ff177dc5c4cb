"""A task of a log day whose stage before left nothing: marked as a success by hand, or its result is gone."""

from collections import defaultdict
from types import SimpleNamespace

import pytest

from include.s3logs.errors import NotFoundError, PermanentError
from include.s3logs.lake.stages import BINNED, MAPPED, REDUCED
from include.s3logs.pipeline import run
from s3logs_airflow.operators import StageOperator
from tests.support.small_archive import FIRST, line
from tests.support.small_world import SmallWorld


@pytest.fixture
def world(tmp_path, settings_env):
    world = SmallWorld(tmp_path)
    settings_env(sources=world.source.root, lake=world.lake.root, catalog=world.folder / "catalog.csv")
    return world


def execute(stage, upstream=None):
    """Do the task; `upstream` is what the one before returned, None when that was never done."""
    operator = StageOperator(task_id=stage.task, stage=stage.name, day=str(FIRST), upstream=upstream)
    events = defaultdict(lambda: SimpleNamespace(extra={}))
    run = SimpleNamespace(run_id="manual", conf={})
    task = SimpleNamespace(try_number=1)
    return operator.execute({"params": {}, "ti": task, "dag_run": run, "outlet_events": events})


@pytest.mark.parametrize(("stage", "first"), [(BINNED, "reduce"), (MAPPED, "bin")])
def test_what_was_marked_as_a_success_and_never_done_is_said(world, stage, first):
    with pytest.raises(NotFoundError, match=rf"Do {first} of {FIRST} first\.") as raised:
        execute(stage)
    assert isinstance(raised.value, PermanentError)  # no retry


@pytest.mark.parametrize("upstream", [None, "None", [], {}])
def test_what_a_task_before_did_not_return_stands_in_the_lake(world, upstream):
    world.deliver(FIRST, line())
    run(world.settings)
    assert execute(BINNED, upstream)["outcome"] == "reused"
    world.lake.delete([info.key for info in world.lake.list(f"{REDUCED.name}/")])
    assert execute(BINNED, upstream)["outcome"] == "reused"  # nothing is made anew of nothing
