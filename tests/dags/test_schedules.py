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


def at(monkeypatch, moment):
    from airflow.timetables import trigger

    monkeypatch.setattr(trigger, "utcnow", lambda: pendulum.parse(moment))


def following(timetable, last):
    from airflow.timetables.base import TimeRestriction

    restriction = TimeRestriction(earliest=None, latest=None, catchup=False)
    return timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)


@pytest.mark.parametrize("clock", ["00:00:01", "00:10:00", "02:23:00", "12:00:00", "23:59:59"])
def test_the_first_run_is_that_of_the_coming_midnight(clock, timetable, monkeypatch):
    """Not of the last one: a newcomer's table would begin with an empty day, by the time of day."""
    at(monkeypatch, f"2026-11-24T{clock}Z")
    first = following(timetable, None)
    assert first.run_after == pendulum.parse("2026-11-25T00:00:00Z")
    assert first.partition_key == "2026-11-24"
    at(monkeypatch, "2026-11-25T00:00:01Z")
    second = following(timetable, first)
    assert second.partition_key == "2026-11-25"


@pytest.mark.parametrize("last_day", ["2024-06-03", "2026-11-22", "2026-11-23", "2026-11-24"])
def test_a_backfill_brings_no_run_that_nobody_asked_for(last_day, timetable, monkeypatch):
    day = pendulum.parse(f"{last_day}T00:00:00Z")
    *_, newest = timetable.iter_partition_dagrun_infos(earliest=day.subtract(days=2), latest=day)
    assert newest.partition_key == last_day
    at(monkeypatch, "2026-11-24T12:00:00Z")
    coming = following(timetable, newest)
    assert (str(coming.run_after)[:19], coming.partition_key) == ("2026-11-25 00:00:00", "2026-11-24")


def test_a_daily_run_that_was_missed_is_made_at_the_next_start(timetable, monkeypatch):
    at(monkeypatch, "2026-11-20T12:00:00Z")
    last = following(timetable, None)
    at(monkeypatch, "2026-11-24T12:00:00Z")
    assert following(timetable, last).partition_key == "2026-11-23"
