"""The DAG of the lake's verification for real: what is wrong fails it, and Repair mends it."""

import pytest

from include.s3logs.pipeline import run
from tests.support.offline_regions import deploy_offline
from tests.support.paths import PROJECT
from tests.support.small_archive import FIRST, line
from tests.support.small_world import SmallWorld


@pytest.fixture
def world(tmp_path, settings_env, monkeypatch):
    deploy_offline(monkeypatch)
    world = SmallWorld(tmp_path)
    world.deliver(FIRST, line(), line(key="kelp.txt"))
    assert run(world.settings).exit_status == 0
    settings_env(
        sources=world.source.root,
        lake=world.lake.root,
        catalog=tmp_path / "catalog.csv",
        mask_below=0,
        round_to=1,
        retries=0,
    )
    return world


@pytest.fixture
def verified(airflow_db, world):
    """verified() runs the DAG in this process and returns its state and what `verify` left."""
    from airflow.dag_processing.dagbag import DagBag

    def run_once(**conf):
        dag = DagBag(str(PROJECT / "dags")).dags["s3_lake_verification"]
        dag_run = dag.test(use_executor=False, run_conf=conf)
        (task,) = dag_run.get_task_instances()
        return str(dag_run.state), task.xcom_pull(task_ids="verify")

    return run_once


def test_damage_fails_it_and_a_repair_mends_it(world, verified):
    state, told = verified()
    assert (state, told["outcome"], told["findings"]) == ("success", "sound", [])
    (info,) = world.lake.list(f"mapped/{FIRST}/rows-")
    world.lake.write(info.key, world.lake.read(info.key)[:-9] + b"123456789")
    before = world.files()

    state, told = verified()
    assert (state, told["outcome"], told["mendable"], told["hopeless"]) == ("failed", "damaged", 1, 0)
    (found,) = told["findings"]
    assert (found["key"], found["log_day"]) == (info.key, str(FIRST))
    assert found["mended_by"] == f"map of {FIRST} again, from binned/"
    assert world.files() == before

    state, told = verified(repair=True)
    assert (state, told["outcome"]) == ("success", "sound")
    assert told["repaired"] == [f"{FIRST}: mapped again", "published"]
    assert world.files("usage/") == {key: data for key, data in before.items() if key.startswith("usage/")}


def test_a_parameter_that_does_not_exist_is_refused(world, verified):
    assert verified(mend=True)[0] == "failed"
