"""The DAG of regions for real: lists and answers from a stand-in, a cache that is refreshed, coordinates."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.salt import load_salt
from include.s3logs.stores.folder import LocalStore
from tests.support.binned_days import remember
from tests.support.ip_service import fake_ip_service, send_ipinfo_to
from tests.support.paths import PROJECT
from tests.support.small_archive import Archive, line


@pytest.fixture
def run(airflow_db, settings_env, tmp_path):
    """run() runs the DAG in this process and returns its state and results by task."""
    settings_env(lake=tmp_path / "lake", retries=1, retry_seconds=1)
    from airflow.dag_processing.dagbag import DagBag

    def run_once():
        dag = DagBag(str(PROJECT / "dags")).dags["s3_ip_regions"]
        dag_run = dag.test(use_executor=False)
        tasks = dag_run.get_task_instances()
        return str(dag_run.state), {ti.task_id: ti.xcom_pull(task_ids=ti.task_id) for ti in tasks}

    return run_once


def test_lists_cache_and_coordinates_and_an_outage_after_that(run, settings_env, tmp_path):
    lake = LocalStore(tmp_path / "lake")
    today = datetime.now(UTC).date()
    for number in range(3):
        RegionCache(lake).add([bytes([number] * 16)], ["DE/Bavaria"], today)
    with fake_ip_service() as (fake, url):
        settings_env(github_list_url=f"{url}/github", vpn_list_url=f"{url}/vpn")
        state, results = run()
        assert state == "success"
        assert results["lists"] == {
            "github": {"networks": 3, "fetched": str(today), "problem": None},
            "vpn": {"networks": 1, "fetched": str(today), "problem": None},
        }
        assert results["refresh"]["due"] == 0
        assert "nobody can be asked" in results["refresh"]["problem"]
        assert results["cache"] == {"entries": 3, "merged_files": 3, "pruned": 0, "oldest": str(today)}
        assert results["coordinates"]["outcome"] == "computed"
        places = json.loads(lake.read("regions/region_coordinates.json"))
        assert places["DE/Bavaria"]["latitude"] == pytest.approx(48.9, abs=0.5)
        assert places["AWS/us-east-2"]["longitude"] == pytest.approx(-83, abs=0.5)
        assert places["GitHub"] is None
        assert len(places) == results["coordinates"]["regions"]

        before = {path: path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file()}
        state, results = run()
        assert (state, results["coordinates"]["outcome"]) == ("success", "reused")
        assert results["cache"]["merged_files"] == 0
        assert {
            path: path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file()
        } == before

        fake.mood = "down"
        state, results = run()
        assert state == "success"
        assert results["lists"]["github"]["networks"] == 3
        assert "500" in results["lists"]["github"]["problem"]
        assert {
            path: path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file()
        } == before


def test_what_is_due_is_asked_anew_before_the_cache_is_merged(run, settings_env, tmp_path, monkeypatch):
    archive, today = Archive(tmp_path), datetime.now(UTC).date()
    archive.do(today - timedelta(days=3), line(ip="84.0.0.1"), line(ip="2a02:8100::1"))
    labels = {"84.0.0.1": "DE/Bavaria", "2a02:8100::1": "FR/Brittany", "85.0.0.1": "NL"}
    remember(archive.lake, load_salt(), labels, today - timedelta(days=90))
    monkeypatch.setenv("IPINFO_CREDENTIALS", "secret")
    with fake_ip_service() as (fake, url):
        send_ipinfo_to(url, monkeypatch)
        settings_env(github_list_url="none", vpn_list_url="none")
        fake.places = {"84.0.0.1": ("AT", "Tyrol"), "2a02:8100::1": ("FR", "Brittany")}
        fake.moods = ["quota"]
        counts = {"due": 3, "found": 2, "not_found": 1, "asked": 2, "answered": 0, "changed": 0}
        state, results = run()
        assert state == "success"
        assert results["refresh"] == {**counts, "undetermined": 2, "problem": None}
        assert results["cache"]["merged_files"] == 1

        counts |= {"answered": 2, "changed": 1}
        state, results = run()
        assert state == "success"
        assert results["refresh"] == {**counts, "undetermined": 0, "problem": None}
        assert results["cache"]["entries"] == 3
        assert results["cache"]["merged_files"] == 1
        assert sorted(fake.asked) == ["2a02:8100::1", "84.0.0.1"]

        state, results = run()
        assert results["refresh"]["asked"] == results["cache"]["merged_files"] == 0
        assert len(fake.requests) == 2
    assert sorted(RegionCache(archive.lake).entries["region"].to_pylist()) == [
        *("AT/Tyrol", "FR/Brittany", "NL"),
    ]
    # Coordinates come last: they know the region that was new.
    assert "AT/Tyrol" in json.loads(archive.lake.read("regions/region_coordinates.json"))


def test_lists_may_be_switched_off(run, settings_env):
    settings_env(github_list_url="none", vpn_list_url="none")
    state, results = run()
    assert state == "success"
    assert not results["lists"]
