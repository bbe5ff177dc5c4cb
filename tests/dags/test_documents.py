"""docs/dags.md is what the DAG files and their operators say."""

from types import SimpleNamespace

import pytest

from s3logs_airflow.documents import PAGE, dags_page, schedule_in_words


@pytest.fixture(scope="module")
def bag():
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(PAGE.parents[1] / "dags"))


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == dags_page(), "docs/dags.md is out of date: run `make docs`"


def test_every_dag_parameter_and_task_has_its_row(bag):
    sections = {section.partition("`")[0]: section for section in dags_page().split("\n## `")[1:]}
    assert set(sections) == set(bag.dags)
    for dag_id, dag in bag.dags.items():
        for name in (*dag.params, *dag.task_ids):
            assert f"\n| `{name}` | " in sections[dag_id], name


def test_every_task_of_ours_says_what_it_leaves(bag):
    rows = [line for line in dags_page().splitlines() if line.startswith("| ") and "Operator` | " in line]
    assert len(rows) == sum(len(dag.tasks) for dag in bag.dags.values())
    for row in rows:
        assert "`EmptyOperator`" in row or "Returns" in row, row


def test_a_setting_changes_when_a_dag_runs(settings_env):
    settings_env(rollup_schedule="30 4 * * *")
    assert "every day at 04:30 (`S3LOGS_ROLLUP_SCHEDULE` decides)" in dags_page()


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 0 * * *", "every day at 00:00"),
        ("5 23 * * *", "every day at 23:05"),
        ("0 6 * * 1", "every Monday at 06:00"),
        ("30 4 * * 0", "every Sunday at 04:30"),
        ("*/5 * * * *", "by the cron expression `*/5 * * * *`"),
        ("0 6 1 * *", "by the cron expression `0 6 1 * *`"),
        ("", "only when it is triggered"),
    ],
)
def test_schedules_are_told_in_words(expression, words):
    dag = SimpleNamespace(dag_id="a_dag", timetable=SimpleNamespace(expression=expression))
    assert schedule_in_words(dag) == words
    dag.timetable.run_offset = -1
    assert schedule_in_words(dag) == f"{words}, for the day before"
