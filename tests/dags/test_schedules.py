"""When runs begin, as the scheduler reckons it from what Airflow keeps of a DAG."""

import pendulum
import pytest

from tests.support.paths import PROJECT


@pytest.fixture(scope="module")
def timetable():
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    dag = DagBag(str(PROJECT / "dags/s3_access_logs.py")).dags["s3_access_logs"]
    return DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable


@pytest.mark.parametrize("clock", ["00:00:01", "00:10:00", "02:23:00", "12:00:00", "23:59:59"])
def test_the_first_run_is_that_of_the_coming_midnight(clock, timetable, monkeypatch):
    """Not of the last one: a newcomer's table would begin with an empty day, by the time of day."""
    from airflow.timetables import trigger
    from airflow.timetables.base import TimeRestriction

    monkeypatch.setattr(trigger, "utcnow", lambda: pendulum.parse(f"2026-11-24T{clock}Z"))
    restriction = TimeRestriction(earliest=None, latest=None, catchup=False)
    first = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    assert first.run_after == pendulum.parse("2026-11-25T00:00:00Z")
    assert first.partition_key == "2026-11-24"
    monkeypatch.setattr(trigger, "utcnow", lambda: pendulum.parse("2026-11-25T00:00:01Z"))
    second = timetable.next_dagrun_info_v2(last_dagrun_info=first, restriction=restriction)
    assert second.partition_key == "2026-11-25"
