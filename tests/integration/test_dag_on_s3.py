"""The daily DAG with sources and lake on a real S3 server."""

from concurrent.futures import ThreadPoolExecutor

import pytest

DAYS = ["2024-06-01", "2024-06-02", "2024-06-03"]


@pytest.fixture(params=[DAYS[2:], pytest.param(DAYS, marks=pytest.mark.slow)], ids=["a day", "three days"])
def days(request, sample):
    """The days of the sample that are left."""
    for path in sorted((sample / "logs").rglob("*")):
        if path.is_file() and not any(day in path.name for day in request.param):
            path.unlink()
    return request.param


@pytest.fixture
def lake(s3, bucket, sample, days, settings_env, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", s3.connection())
    files = [path for path in (sample / "logs").rglob("*") if path.is_file()]
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(
                lambda p: s3.put(bucket, f"in/{p.relative_to(sample / 'logs').as_posix()}", p.read_bytes()),
                files,
            )
        )
    s3.put(bucket, "catalog.csv", (sample / "catalog.csv").read_bytes())
    settings_env(
        sources=f"s3://{bucket}/in/", lake=f"s3://{bucket}/lake", catalog=f"s3://{bucket}/catalog.csv"
    )
    return bucket


def test_first_second_late_and_folder_agree(run_dag, lake, days, s3, sample, settings_env, tmp_path):
    first = run_dag(last_day="2024-06-30")
    assert first.state == "success"
    assert first.outcomes("map") == dict.fromkeys(days, "computed")
    usage = s3.keys(lake, "lake/usage/")
    before = {key.removeprefix("lake/"): s3.get(lake, key) for key in usage}

    second = run_dag(last_day="2024-06-30")
    for stage in ("reduce", "bin", "map"):
        assert second.outcomes(stage) == dict.fromkeys(days, "reused")

    late = next(key for key in s3.keys(lake, "in/reef/") if "/2024-06-03-" in key)
    s3.put(lake, f"{late[:-16]}{'E' * 16}", s3.get(lake, late))
    third = run_dag(last_day="2024-06-30")
    assert third.outcomes("reduce") == dict.fromkeys(days, "reused") | {DAYS[2]: "computed"}
    duplicates = third.xcoms["publish", None]["totals"]
    assert duplicates == first.xcoms["publish", None]["totals"]  # a second delivery counts nothing twice

    settings_env(sources=sample / "logs", lake=tmp_path / "lake", catalog=sample / "catalog.csv")
    assert run_dag(last_day="2024-06-30").state == "success"
    folder = tmp_path / "lake"
    files = (path for path in (folder / "usage").rglob("*") if path.is_file())
    assert {str(path.relative_to(folder)): path.read_bytes() for path in files} == before


def test_a_bucket_without_permission_fails_at_once(run_dag, lake, settings_env, monkeypatch, s3):
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", s3.connection().replace("test-secret", "wrong"))
    run = run_dag(last_day="2024-06-30")
    assert run.state == "failed"
    assert run.states["discover", None] == "failed"
    assert run.states["publish", None] == "skipped"
    assert run.states["complete", None] in ("upstream_failed", "skipped")
