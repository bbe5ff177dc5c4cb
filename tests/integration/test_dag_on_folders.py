"""The daily DAG on local folders, run by Airflow itself."""

import pytest

DAYS = ["2024-06-01", "2024-06-02", "2024-06-03"]


@pytest.fixture
def lake(tmp_path, sample, settings_env):
    settings_env(sources=sample / "logs", lake=tmp_path / "lake", catalog=sample / "catalog.csv")
    return tmp_path / "lake"


def status(lake):
    lines = (lake / "status/log_days.tsv").read_text().splitlines()
    return {row.split("\t")[0]: row.split("\t")[-1] for row in lines[1:]}


def published(lake):
    return {str(path.relative_to(lake)): path.read_bytes() for path in (lake / "usage").rglob("*.*")}


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
