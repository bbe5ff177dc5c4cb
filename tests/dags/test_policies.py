"""Every DAG keeps the project's rules: it can be imported, found, read, retried, and parsed quickly."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.paths import PROJECT

DAG_FILES = sorted(PROJECT.glob("dags/*.py"))
PARSE_SECONDS = 1.0

MEASURE = """
import json, sys, time
from airflow.dag_processing.dagbag import DagBag

DagBag(sys.argv[2])  # what every parsing process has loaded before
before = time.process_time()
bag = DagBag(sys.argv[1])
loaded = sorted({"pandas", "pyarrow", "numpy", "fastapi"} & set(sys.modules))
print(json.dumps({"seconds": time.process_time() - before, "loaded": loaded, "errors": bag.import_errors}))
"""


@pytest.fixture(scope="module")
def bag():
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(PROJECT / "dags"))


def all_tasks(bag):
    return [task for dag in bag.dags.values() for task in dag.tasks]


def test_every_dag_file_gives_a_dag(bag):
    assert bag.import_errors == {}
    assert {Path(dag.fileloc).name for dag in bag.dags.values()} == {path.name for path in DAG_FILES}


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda path: path.name)
def test_parsing_takes_less_than_a_second_and_does_no_work(file, tmp_path):
    """Processor time, so that a busy machine does not count; and none of the heavy packages is loaded."""
    script = [sys.executable, "-c", MEASURE, str(file), str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["errors"] == {}
    assert measured["loaded"] == []
    assert measured["seconds"] < PARSE_SECONDS


def test_every_dag_can_be_found_and_read(bag):
    for dag in bag.dags.values():
        assert "s3logs" in dag.tags, dag.dag_id
        assert dag.doc_md.strip(), dag.dag_id
        assert dag.dag_display_name != dag.dag_id
        assert all(owner in dag.owner_links for owner in dag.owner.split(", ")), dag.dag_id
        assert dag.catchup is False, dag.dag_id
        for task_id in (task.task_id for task in dag.tasks):
            step = task_id if task_id in dag.doc_md else task_id.partition(".")[2]
            assert step in dag.doc_md, f"{dag.dag_id}: {task_id} is not explained"


def test_every_parameter_explains_itself_in_the_form(bag):
    for dag in bag.dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            schema = param.schema
            assert schema.get("title"), name
            assert schema.get("description_md"), name
            assert "type" in schema, name
            harmless = (True,) if name == "dry_run" else (None, [], False)
            assert param.value in harmless, f"{name} has a default that does something"


def test_the_form_of_the_daily_dag_shows_the_days_first_and_open(bag):
    params = bag.dags["s3_access_logs"].params
    assert list(params)[:3] == ["days", "first_day", "last_day"]
    for name in params:
        schema = params.get_param(name).schema
        assert "section" not in schema, f"{name} would be folded away"
        assert schema["title"].lower().replace("log ", "").replace(" ", "_") == name


def test_every_task_retries_what_can_heal_and_nothing_else(bag):
    for task in all_tasks(bag):
        assert task.owner == "s3logs"
        assert task.retries >= 1
        assert task.retry_exponential_backoff
        assert timedelta(hours=1) <= task.execution_timeout < timedelta(hours=23)
        rule = task.retry_policy.rules[0]
        assert rule.exception_path == "include.s3logs.errors.PermanentError"
        assert rule.action.value == "fail"
        assert task.weight_rule.__class__.__name__ != "_DownstreamPriorityWeightStrategy"


def test_tasks_of_a_day_are_limited_and_labelled_with_the_day(bag):
    mapped = [task for task in all_tasks(bag) if task.task_id.startswith("day.")]
    assert [task.task_id for task in mapped] == ["day.reduce", "day.bin", "day.map"]
    for task in mapped:
        assert task.pool
        assert task.max_active_tis_per_dagrun
        assert task.map_index_template == "{{ task.day }}"
        assert task.outlets
        assert {link.name for link in task.operator_extra_links} == {"Checkpoint", "Quarantine"}


def test_two_runs_never_publish_at_the_same_time(bag):
    assert bag.dags["s3_access_logs"].get_task("publish").max_active_tis_per_dag == 1
