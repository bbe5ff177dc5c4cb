"""The daily DAG on local folders, run by Airflow itself."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

import include.s3logs.days.discover  # noqa: F401 (before a test replaces what it imports)

DAYS = ["2024-06-01", "2024-06-02", "2024-06-03"]


@pytest.fixture
def lake(tmp_path, sample, settings_env):
    settings_env(sources=sample / "logs", lake=tmp_path / "lake", catalog=sample / "catalog.csv")
    return tmp_path / "lake"


def status(lake):
    lines = (lake / "status/log_days.tsv").read_text().splitlines()
    return {row.split("\t")[0]: row.split("\t")[-2] for row in lines[1:]}


def published(lake):
    files = (path for path in (lake / "usage").rglob("*") if path.is_file())
    return {str(path.relative_to(lake)): path.read_bytes() for path in files}


def test_first_run_computes_second_run_reuses_a_late_object_redoes_one_day(run_dag, lake, sample):
    first = run_dag(last_day="2024-06-30")
    assert first.state == "success"
    assert first.xcoms["discover", None] == DAYS
    for stage in ("reduce", "bin", "map"):
        assert first.outcomes(stage) == dict.fromkeys(DAYS, "computed")
    assert status(lake) == dict.fromkeys(DAYS, "complete")
    before = published(lake)

    second = run_dag(last_day="2024-06-30")
    assert second.state == "success"
    for stage in ("reduce", "bin", "map"):
        assert second.outcomes(stage) == dict.fromkeys(DAYS, "reused")
    assert second.xcoms["publish", None]["outcome"] == "reused"
    assert published(lake) == before

    source = next(
        path for path in sorted((sample / "logs").rglob("2024-06-02-*")) if path.stat().st_size > 3000
    )
    late = source.with_name(f"2024-06-02-23-59-59-{'F' * 16}")
    late.write_bytes(source.read_bytes().replace(b" 200 - ", b" 206 - "))
    third = run_dag(last_day="2024-06-30")
    assert third.outcomes("reduce") == {DAYS[0]: "reused", DAYS[1]: "computed", DAYS[2]: "reused"}
    assert third.outcomes("map") == {DAYS[0]: "reused", DAYS[1]: "computed", DAYS[2]: "reused"}
    assert published(lake) != before


def test_reduce_reads_what_discover_listed(run_dag, lake, monkeypatch):
    def never(*_):
        raise AssertionError("the sources are listed again")

    monkeypatch.setattr("include.s3logs.logs.sources.find_log_objects", never)  # as the other tasks find it
    run = run_dag(last_day="2024-06-30")
    assert run.state == "success"
    assert run.outcomes("reduce") == dict.fromkeys(DAYS, "computed")
    carried = {path.stem: path for path in lake.glob("listings/*/*.tsv")}
    assert run.listings.keys() == carried.keys() == set(DAYS)
    for day, told in run.listings.items():
        content = carried[day].read_bytes()
        assert told["file"]["sha256"] == sha256(content).hexdigest()
        assert told["objects"] == run.xcoms["day.reduce", day]["counts"]["log_objects"]


def test_one_corrupt_object_fails_its_day_alone(run_dag, lake, sample):
    victim = next((sample / "logs").rglob("2024-06-02-*"))
    good = victim.read_bytes()
    victim.write_bytes(b"\x1f\x8bno gzip at all")
    run = run_dag(last_day="2024-06-30")
    assert run.state == "failed"
    assert run.states["day.reduce", DAYS[1]] == "failed"
    assert run.states["publish", None] == "success"
    assert run.states["complete", None] == "upstream_failed"
    assert run.xcoms["publish", None]["missing"] == ["2024-06-02 (incomplete)"]
    assert status(lake) == {DAYS[0]: "complete", DAYS[1]: "incomplete", DAYS[2]: "complete"}
    victim.write_bytes(good)
    again = run_dag(days=[DAYS[1]])
    assert again.state == "success"
    assert status(lake) == dict.fromkeys(DAYS, "complete")


def test_a_run_without_parameters_does_yesterday_and_what_changed_in_the_settling_window(
    run_dag, tmp_path, settings_env
):
    line = (
        "owner reef [01/Jun/2024:00:00:01 +0000] 8.8.8.8 - ID REST.GET.OBJECT a.nc "
        '"GET /a.nc HTTP/1.1" 200 - 7 7 1 1 "-" "-" -\n'
    )
    today = datetime.now(UTC).date()
    for days_ago in (0, 1, 3, 10, 12):
        day = today - timedelta(days=days_ago)
        path = tmp_path / f"logs/{day}-00-00-00-A"
        path.parent.mkdir(exist_ok=True)
        path.write_text(line)
    settings_env(sources=tmp_path / "logs", lake=tmp_path / "lake", settling_days=10)
    first = run_dag()
    assert first.state == "success"
    assert first.xcoms["discover", None] == [str(today - timedelta(days=n)) for n in (10, 3, 1)]
    assert run_dag().xcoms["discover", None] == [str(today - timedelta(days=1))]
    assert set(status(tmp_path / "lake").values()) == {"complete"}


def test_more_days_than_airflow_maps_are_done_oldest_first_over_several_runs(run_dag, lake, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "2")
    first = run_dag(last_day="2024-06-30")
    assert first.state == "success"
    assert first.xcoms["discover", None] == DAYS[:2]
    assert run_dag(last_day="2024-06-30").xcoms["discover", None] == DAYS[2:]
    assert status(lake) == dict.fromkeys(DAYS, "complete")


def test_too_many_rejections_fail_the_day_with_the_first_examples(run_dag, lake, sample, settings_env):
    settings_env(rejection_limit="0.0001")
    run = run_dag(days=[DAYS[0]])
    assert run.states["day.reduce", DAYS[0]] == "failed"
    assert status(lake) == {DAYS[0]: "incomplete"}
    settings_env(rejection_limit="0.05")
    assert run_dag(days=[DAYS[0]]).state == "success"
    assert status(lake) == {DAYS[0]: "complete"}


def test_a_run_that_leaves_out_unreadable_objects_fails_at_its_end_unless_that_is_accepted(
    run_dag, lake, sample, settings_env
):
    victim = next((sample / "logs").rglob("2024-06-02-*"))
    victim.write_bytes(b"\x1f\x8bno gzip")
    settings_env(on_unreadable="skip")
    run = run_dag(days=DAYS)
    assert status(lake)[DAYS[1]] == "partial"
    assert {state for (task, _), state in run.states.items() if task not in ("complete", "retain")} == {
        "success"
    }
    assert (run.states["complete", None], run.state) == ("failed", "failed")
    assert run.xcoms["publish", None]["failures"] == ["Not complete: 2024-06-02 (partial)."]
    settings_env(partial="accept")
    accepted = run_dag(days=DAYS)
    assert accepted.state == "success"
    told = accepted.xcoms["complete", None]
    assert (told["states"], told["unreadable"]) == ({"complete": 2, "partial": 1}, 1)
    assert (told["reasons"], told["foreign"]) == ({}, 1)
    assert told["filtered"] == sum(
        value["counts"]["filtered"] for (task, _), value in accepted.xcoms.items() if task == "day.reduce"
    )
