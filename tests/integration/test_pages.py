"""The pages behind the buttons, in Airflow's own API server: who may see what, and how much of it."""

import json
from datetime import UTC, datetime

import pytest

from include.s3logs import pipeline
from include.s3logs.lake.checkpoint import load_checkpoint
from s3logs_airflow.pages.guard import HEADERS
from tests.support.small_archive import FIRST, line
from tests.support.small_world import SmallWorld

RAW = "torn line of 198.51.100.77"
PAGES = {
    "states": "/s3logs/days",
    "checkpoint": f"/s3logs/days/{FIRST}/reduced/checkpoint",
    "quarantine": f"/s3logs/days/{FIRST}/quarantine",
}


@pytest.fixture
def world(tmp_path, settings_env):
    world = SmallWorld(tmp_path, rejection_limit=1)
    settings_env(sources=world.source.root, lake=world.lake.root, catalog=world.folder / "catalog.csv")
    settings_env(rejection_limit=1)
    return world


@pytest.fixture
def done(world):
    """A day with a line without a valid reading; done(n) has n of them."""

    def run(torn=1):
        world.deliver(FIRST, line(), *(f"{RAW} {n}\n".encode() for n in range(torn)))
        pipeline.run(world.settings, days=[FIRST])

    return run


@pytest.mark.parametrize("page", PAGES)
def test_who_is_not_logged_in_sees_no_page(done, get, page):
    done()
    assert get(PAGES[page]).status_code == 401


def test_who_may_read_task_instances_sees_all_but_raw_lines(done, get):
    done()
    assert FIRST.isoformat() in get(PAGES["states"], "viewer").text
    assert get(PAGES["checkpoint"], "viewer").json()["stage"] == "reduced"
    refused = get(PAGES["quarantine"], "viewer")
    assert refused.status_code == 403
    assert "198.51.100.77" not in refused.text


@pytest.mark.parametrize("role", ["user", "op", "admin"])
def test_who_may_change_task_instances_sees_raw_lines(done, get, role):
    done()
    answer = get(PAGES["quarantine"], role)
    assert answer.status_code == 200
    assert [json.loads(text)["raw"] for text in answer.text.splitlines()] == [f"{RAW} 0"]
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("path", "role", "status"),
    [
        (PAGES["states"], None, 401),
        (PAGES["states"], "admin", 404),
        (PAGES["quarantine"], "viewer", 403),
        (PAGES["quarantine"], "admin", 404),
        ("/s3logs/days/nonsense/quarantine", "admin", 422),
        ("/s3logs/days/2024-06-01/nonsense/checkpoint", "admin", 404),
        ("/s3logs/docs", "admin", 404),
        ("/s3logs/redoc", "admin", 404),
        ("/s3logs/openapi.json", "admin", 404),
        ("/s3logs/openapi.json", None, 404),
    ],
)
def test_refusals_have_the_headers_too_and_nothing_describes_the_pages(world, get, path, role, status):
    answer = get(path, role)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("page", PAGES)
def test_no_answer_is_kept_sniffed_or_may_load_anything(done, get, page):
    done()
    answer = get(PAGES[page], "admin")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none';")


def test_an_unreadable_lake_is_said_with_the_headers(get, settings_env):
    settings_env(lake="s3://")
    answer = get(PAGES["states"], "admin")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (503, "no-store")
    assert "names no bucket" in answer.json()["detail"]


def test_a_page_shows_as_much_of_a_large_file_as_it_may_and_says_what_is_missing(world, done, limited):
    done(torn=50)
    file = load_checkpoint(world.lake, "reduced", FIRST).files["quarantine"]
    answer = limited(1000)(PAGES["quarantine"])
    *lines, missing, verified = answer.text.splitlines()
    assert all(json.loads(text)["raw"].startswith(RAW) for text in lines)
    left = file.size - len("\n".join(lines))
    assert 0 < file.size - left <= 1000
    assert missing == f"… and {left:,} bytes more, of {file.size:,}: {world.lake.uri(file.key)}"
    assert verified == "What is shown was not verified."
    assert len(limited(file.size)(PAGES["quarantine"]).text.splitlines()) == 50
    assert limited(30)(PAGES["states"]).text.splitlines()[-1].startswith("… and ")


def test_a_page_reads_no_more_of_a_large_file_than_it_shows(world, done, limited, monkeypatch):
    from include.s3logs.stores.folder import LocalStore

    done(torn=50)
    page = limited(1000)

    def refuse(*arguments):
        raise AssertionError("the whole file is read")

    monkeypatch.setattr(LocalStore, "read_pieces", refuse)
    assert page(PAGES["quarantine"]).status_code == 200


def test_a_file_of_the_lake_that_was_changed_is_not_shown_for_the_quarantine(world, done, get):
    done()
    file = load_checkpoint(world.lake, "reduced", FIRST).files["quarantine"]
    path = world.lake.root / file.key
    path.write_bytes(path.read_bytes().replace(b"torn", b"TORN"))
    answer = get(PAGES["quarantine"], "admin")
    assert answer.status_code == 503
    assert "does not have the content" in answer.json()["detail"]


def test_where_the_lines_went_with_their_addresses_the_page_says_when(world, done, get):
    done()
    settings = world.settings.model_copy(update={"keep_addresses_days": 30})
    pipeline.run(settings, days=[FIRST], now=datetime(2024, 8, 1, tzinfo=UTC))
    answer = get(PAGES["quarantine"], "admin")
    assert answer.status_code == 200
    assert "2024-06-01 was retained on 2024-08-01: its raw lines went with its addresses" in answer.text
    assert get(PAGES["checkpoint"], "viewer").json()["marks"] == {"retained": "2024-08-01"}
    assert get(PAGES["quarantine"], "viewer").status_code == 403


@pytest.fixture
def limited(server, get):
    """limited(n)(path) answers an admin with pages of n bytes at most."""
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from s3logs_airflow.pages.lake import create_app

    def make(limit):
        app = FastAPI()
        app.state = server.app.state
        app.mount("/s3logs", create_app(limit))
        token = get(PAGES["states"], "admin").request.headers["Authorization"]
        client = TestClient(app)
        return lambda path: client.get(path, headers={"Authorization": token})

    return make


def test_the_quarantine_has_a_button_only_where_a_line_was_rejected(world, run_dag, get):
    def buttons(run, task):
        path = f"/api/v2/dags/s3_access_logs/dagRuns/{run.run_id}/taskInstances/{task}/links?map_index=0"
        return get(path, "viewer").json()["extra_links"]

    world.deliver(FIRST, line())
    run = run_dag(days=[str(FIRST)])
    for task in ("day.reduce", "day.map"):
        assert buttons(run, task)["Quarantine"] is None
        assert buttons(run, task)["Checkpoint"].endswith("/checkpoint")
    world.deliver(FIRST, line(), RAW.encode())
    run = run_dag(days=[str(FIRST)])
    for task in ("day.reduce", "day.map"):
        assert buttons(run, task)["Quarantine"].endswith(PAGES["quarantine"])
