"""The roll-up DAG for real: dry unless told otherwise, one task an interval, of which one fails alone."""

from pathlib import Path

import pytest

from include.s3logs.stores.folder import LocalStore
from tests.support.paths import PROJECT

DAYS = ["2024-06-01", "2024-06-02", "2024-06-03"]


@pytest.fixture
def run(airflow_db, sample, tmp_path, settings_env):
    """run(**params) runs the DAG in this process; returns its state, the tasks' states, and their results."""
    settings_env(sources=sample / "logs", rollup_destination=tmp_path / "archive", retries=0)
    from airflow.dag_processing.dagbag import DagBag

    def run_once(**params):
        dag = DagBag(str(PROJECT / "dags")).dags["s3_log_rollup"]
        dag_run = dag.test(run_conf=params, use_executor=False)
        states, results = {}, {}
        for ti in dag_run.get_task_instances():
            name = (ti.task_id, ti.rendered_map_index) if ti.map_index >= 0 else ti.task_id
            states[name] = str(ti.state)
            results[name] = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index)
        return str(dag_run.state), states, results

    return run_once


def files(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_dry_run_then_for_real_then_nothing_is_left(run, sample, tmp_path):
    delivered = files(sample / "logs")
    state, states, results = run()
    assert (state, states["roll_up"], results["plan"]) == ("success", "skipped", [])
    assert results["sum_up"]["outcome"] == "dry run"
    assert (results["sum_up"]["intervals"], results["sum_up"]["foreign"]) == (9, 1)
    assert results["sum_up"]["log_objects"] == len(delivered) - 1
    assert not (tmp_path / "archive").exists()

    state, states, results = run(dry_run=False, originals="delete")
    assert state == "success"
    labels = [name[1] for name in states if name[0] == "roll_up"]
    assert sorted(label[-10:] for label in labels) == sorted(3 * DAYS)
    assert results["sum_up"]["deleted"] == len(delivered) - 1
    (foreign,) = files(sample / "logs")
    assert foreign in delivered
    assert {path.suffix for path in files(tmp_path / "archive")} == {".zst", ".json"}

    state, states, results = run(dry_run=False, originals="delete")
    assert (state, results["plan"]) == ("success", [])


def test_an_interval_that_fails_fails_alone(run, tmp_path):
    LocalStore(tmp_path / "archive").write("reef/2024-06-02.manifest.json", b"{}")
    state, states, results = run(dry_run=False)
    assert state == "failed"
    failed = [name for name, found in states.items() if found == "failed"]
    assert failed == [("roll_up", "reef/2024-06-02")]
    assert (results["sum_up"]["done"], states["complete"]) == (8, "upstream_failed")


def test_unknown_parameters_and_values_that_make_no_sense_are_refused(run):
    assert run(keep=True)[1]["plan"] == "failed"
    assert run(delete_forbidden=True)[1]["plan"] == "failed"
