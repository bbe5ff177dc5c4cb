"""The audit DAG for real: what is found, a dry run, switching on, and a deployment without S3."""

import json

import pytest

from include.s3logs.stores.folder import LocalStore
from tests.support.aws_server import delivery, policy_of
from tests.support.paths import PROJECT


@pytest.fixture
def run(airflow_db, settings_env, tmp_path):
    """run(**params) runs the DAG in this process; returns the task's state and what it returned."""
    settings_env(lake=tmp_path / "lake", retries=1, retry_seconds=1)
    from airflow.dag_processing.dagbag import DagBag

    def run_once(**params):
        dag = DagBag(str(PROJECT / "dags")).dags["s3_logging_audit"]
        (task,) = dag.test(run_conf=params, use_executor=False).get_task_instances()
        return str(task.state), task.xcom_pull(task_ids="audit")

    return run_once


def test_audit_dry_run_and_switching_on(run, aws, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws.connection())
    aws.bucket("reef-data")
    aws.bucket("reef-logs", policy=policy_of(delivery("reef-logs", "other/")))
    aws.bucket("eu-data", "eu-central-1")
    wishes = ["reef-data=reef-logs", "eu-data=reef-logs"]

    state, first = run(switch_on=wishes)
    assert state == "success"
    assert first["counts"] == {"problem": {}, "unknown": {}, "warning": {"not-logging": 3}}
    assert first["switch_on"]["reef-data"].startswith(
        "to be switched on: It would log to reef-logs/reef-data/"
    )
    assert first["switch_on"]["eu-data"].startswith("refused: The bucket is in eu-central-1")
    lake = LocalStore(tmp_path / "lake")
    assert "3 buckets, 0 of them log." in lake.read("audit/logging.txt").decode()
    assert first["table"] == lake.uri("audit/logging.txt")

    state, second = run(switch_on=wishes, dry_run=False)
    assert state == "failed"  # one of the two was refused, after the other was done
    assert second["switch_on"]["reef-data"].startswith("switched on: ")
    assert second["counts"]["warning"] == {"not-logging": 1, "no-lifecycle": 1}
    buckets = {one["bucket"]: one for one in json.loads(lake.read("audit/logging.json"))["buckets"]}
    assert (buckets["reef-data"]["target_prefix"], buckets["reef-data"]["date_source"]) == (
        "reef-data/",
        "EventTime",
    )

    assert run()[1]["outcome"] == "reused"


def test_a_deployment_without_s3_is_skipped_and_one_with_s3_fails(
    run, settings_env, tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert run() == ("skipped", None)
    settings_env(sources="s3://reef-logs/")
    assert run() == ("failed", None)
