"""The DAG of regions for real: lists from a stand-in, a cache to merge, coordinates."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.s3logs.regions.cache import RegionCache
from include.s3logs.store import LocalStore
from tests.support.ip_service import fake_ip_service


@pytest.fixture
def run(airflow_db, settings_env, tmp_path):
    """run() runs the DAG in this process and returns its state and results by task."""
    settings_env(lake=tmp_path / "lake", retries=1, retry_seconds=1)
    from airflow.dag_processing.dagbag import DagBag

    def run_once():
        dag = DagBag(str(Path(__file__).parents[2] / "dags")).dags["s3_ip_regions"]
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


def test_lists_may_be_switched_off(run, settings_env):
    settings_env(github_list_url="none", vpn_list_url="none")
    state, results = run()
    assert state == "success"
    assert not results["lists"]
