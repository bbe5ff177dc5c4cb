"""The daily DAG and its catalog: a changed one maps again what it touches; one behind an API that fails."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.dandi_server import dandi_server

DAYS = ["2024-06-01", "2024-06-02", "2024-06-03"]


def line(day, key):
    return (
        f"owner reef [01/Jun/2024:00:00:01 +0000] 8.8.8.8 - {day} REST.GET.OBJECT {key} "
        f'"GET /{key} HTTP/1.1" 200 - 7 7 1 1 "-" "-" -\n'
    )


@pytest.fixture
def lake(tmp_path, settings_env):
    """A lake of three days, each with a blob of its own and one that all have; the last with another key."""
    for n, day in enumerate(DAYS):
        path = tmp_path / f"logs/{day}-11-00-00-A"
        path.parent.mkdir(exist_ok=True)
        keys = [f"blobs/{n}aa/aaa/{n}aaaaa", "blobs/com/mon/common", *(["else"] if n == 2 else [])]
        path.write_text("".join(line(day, key) for key in keys))
    settings_env(sources=tmp_path / "logs", lake=tmp_path / "lake")
    return tmp_path / "lake"


def totals(lake):
    found = json.loads((lake / "usage/totals.json").read_text())
    return {dataset: sums["total_bytes_sent"] for dataset, sums in found.items()}


def test_a_changed_manifest_maps_again_the_days_it_touches_and_parses_nothing(
    run_dag, lake, tmp_path, settings_env
):
    rows = [["object_key", "dataset", "version", "asset_path"]]
    rows += [[f"blobs/{n}aa/aaa/{n}aaaaa", "reef", "1", f"{n}.nc"] for n in range(3)]

    def write(content):
        with (tmp_path / "catalog.csv").open("w", newline="") as file:
            csv.writer(file).writerows(content)

    write(rows)
    settings_env(catalog=tmp_path / "catalog.csv")
    assert run_dag(last_day="2024-06-30").state == "success"
    assert totals(lake) == {"reef": 21, "unassociated": 28}

    rows[2][1] = "kelp"
    write([*rows, ["elsewhere", "reef", "1", "x.nc"]])
    yesterday = str(datetime.now(UTC).date() - timedelta(days=1))
    run = run_dag()
    assert run.state == "success"
    assert run.xcoms["discover", None] == [DAYS[1], yesterday]
    assert [run.outcomes(stage)[DAYS[1]] for stage in ("reduce", "bin", "map")] == [
        "reused",
        "reused",
        "computed",
    ]
    assert totals(lake) == {"kelp": 7, "reef": 14, "unassociated": 28}
    assert run_dag().xcoms["discover", None] == [yesterday]


def test_an_archive_behind_an_api_is_fetched_once_a_run_and_its_last_good_catalog_survives_an_outage(
    run_dag, lake, settings_env
):
    with dandi_server() as archive:
        archive.put("000003", "draft", ("a.nwb", "0aaaaa"), ("common.nwb", "common"))
        settings_env(catalog=f"dandi:{archive.address}")
        first = run_dag(last_day="2024-06-30")
        assert first.state == "success"
        assert first.catalog["outcome"] == "fetched"
        assert totals(lake) == {"000003": 28, "unassociated": 21}
        assert len(archive.asked) == 3  # datasets, versions, assets: once a run, not once a day

        archive.put("000003", "draft", ("a.nwb", "0aaaaa"), ("b.nwb", "1aaaaa"), ("common.nwb", "common"))
        archive.faults["dandisets/?"] = [("status", 429, {"Retry-After": "3600"})]
        outage = run_dag(last_day="2024-06-30")
        assert outage.state == "success"
        assert outage.catalog["outcome"] == "kept"
        assert f"{archive.address}/dandisets/" in outage.catalog["error"]
        assert outage.outcomes("map") == dict.fromkeys(DAYS, "reused")

        healed = run_dag(last_day="2024-06-30")
        assert healed.catalog["outcome"] == "fetched"
        assert healed.outcomes("map") == {DAYS[0]: "reused", DAYS[1]: "computed", DAYS[2]: "reused"}
        assert totals(lake) == {"000003": 35, "unassociated": 14}


def test_without_any_catalog_yet_an_outage_fails_discover_and_nothing_else_begins(
    run_dag, lake, settings_env
):
    with dandi_server() as archive:
        archive.faults["dandisets/?"] = [("status", 404)]
        settings_env(catalog=f"dandi:{archive.address}")
        run = run_dag(last_day="2024-06-30")
    assert run.state == "failed"
    assert run.states["discover", None] == "failed"
    assert not (lake / "reduced").exists()


def test_the_first_segments_of_the_keys_can_be_the_datasets(run_dag, lake, settings_env):
    settings_env(catalog="prefix:1", exclude_datasets="kelp")
    assert run_dag(last_day="2024-06-30").state == "success"
    assert totals(lake) == {"blobs": 42, "unassociated": 7}
