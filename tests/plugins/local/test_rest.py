"""The REST client and the runs it steers, against a stand-in server."""

import logging
import traceback
from dataclasses import replace

import pytest

from s3logs_airflow.local.commands import retry_elsewhere
from s3logs_airflow.local.errors import LocalError, RestError
from s3logs_airflow.local.rest import LIMITS, RestClient, path
from s3logs_airflow.local.runs import Runs
from s3logs_airflow.local.steps import Step, first_failed
from s3logs_airflow.local.task_log import last_error
from tests.support.fake_rest import DAG, PASSWORD, USER, fake_airflow
from tests.support.web_server import web_server

QUICK = replace(LIMITS, read=0.3, sleep=lambda _: None)
RUN = "manual__2024-06-08T00:00:00+00:00"


@pytest.fixture
def fake():
    with fake_airflow() as (server, url):
        server.client = RestClient(url, USER, PASSWORD, QUICK)
        server.runs = Runs(server.client)
        server.url = url
        yield server


def test_a_token_is_fetched_once_and_again_when_it_is_too_old(fake):
    fake.answers["GET /api/v2/version"] = {"version": "3.3.2"}
    for token in ("token-1", "token-1", "token-2"):
        fake.token = token
        assert fake.client.get("/api/v2/version") == {"version": "3.3.2"}
    assert [path_ for _, path_, _, _ in fake.asked].count("/auth/token") == 2


def test_a_wrong_login_names_the_user_and_the_address(fake):
    with pytest.raises(RestError, match=r"http://127.*does not accept the login of 'bob'") as caught:
        RestClient(fake.url, "bob", "wrong").get("/api/v2/version")
    assert caught.value.status == 401


def test_all_pages_are_read_although_the_server_gives_less_than_asked(fake):
    fake.page_limit = 3
    fake.answers["GET /api/v2/dags"] = fake.pages("dags", list(range(10)))
    assert list(fake.client.pages("/api/v2/dags", "dags")) == list(range(10))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"detail": "already running"}, "already running (POST /x: 409)"),
        ({"detail": [{"msg": "bad date"}, {"msg": "bad name"}]}, "bad date; bad name (POST /x: 409)"),
        ({"detail": {"reason": "Unique constraint"}}, "Unique constraint (POST /x: 409)"),
        (b"<html>oh no</html>", "Conflict (POST /x: 409)"),
    ],
)
def test_errors_carry_the_reason_and_the_status(fake, body, message):
    fake.answers["POST /x"] = (409, body)
    with pytest.raises(RestError) as caught:
        fake.client.post("/x", {})
    assert (str(caught.value), caught.value.status) == (message, 409)


def test_reading_is_tried_again_when_the_database_is_busy_but_not_when_it_is_refused(fake):
    busy = iter([(503, {"detail": "database is locked"}), (500, b""), {"ok": 1}])
    fake.answers["GET /busy"] = lambda *_: next(busy)
    assert fake.client.get("/busy") == {"ok": 1}
    with pytest.raises(RestError) as caught:
        fake.client.get("/absent")
    assert caught.value.status == 404
    assert [p for _, p, _, _ in fake.asked].count("/absent") == 1


def test_nobody_there_is_said_in_words():
    with pytest.raises(RestError, match=r"Airflow does not answer: http://127\.0\.0\.1:9/.* refused"):
        RestClient("http://127.0.0.1:9", USER, PASSWORD, QUICK).get("/api/v2/version")
    with pytest.raises(RestError, match="is no address"):
        RestClient("file:///etc/passwd", USER, PASSWORD)


def test_a_proxy_of_the_environment_never_sees_this_machine(fake, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    fake.answers["GET /api/v2/version"] = {"version": "3.3.2"}
    assert RestClient(fake.url, USER, PASSWORD).get("/api/v2/version")


SECRET, KEY = "the-password", "the-key"
LOGIN = (201, {}, b'{"access_token": "the-token"}')


@pytest.mark.parametrize(
    "answer",
    [
        (403, {}, b"no"),
        (500, {}, b"no"),
        (200, {}, b"<html>"),
        (200, {}, None),
        (302, {"Location": "https://localhost:9/x"}, b""),
    ],
    ids=["denied", "down", "garbage", "hangs", "redirect"],
)
@pytest.mark.parametrize("what", ["/x", "/auth/token"])
def test_no_error_and_no_log_line_shows_what_is_secret(caplog, answer, what):
    with (
        web_server() as web,
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, "httpx"),
        pytest.raises(RestError) as caught,
    ):
        web.answers = {"/auth/token": LOGIN, what: answer}
        address = web.url.replace("://", "://the-user:the-basic@")
        RestClient(address, USER, SECRET, QUICK).get("/x", token=KEY)
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    secrets = ("the-user", "the-basic", SECRET, KEY, "the-token")
    assert not [secret for secret in secrets if secret in said]


@pytest.mark.parametrize("call", ["get", "post", "patch"])
def test_a_token_does_not_go_to_another_host(call):
    with web_server() as web:
        web.answers = {"/auth/token": LOGIN, "/x": (307, {"Location": "https://localhost:9/x"}, b"")}
        client = RestClient(web.url, USER, PASSWORD, QUICK)
        with pytest.raises(RestError, match=r"redirects to https://localhost:9/x, where a .* does not go"):
            client.get("/x") if call == "get" else getattr(client, call)("/x", {})


def test_an_address_without_a_password_in_it_is_asked_for_one_without_showing_it():
    with pytest.raises(LocalError, match=r"'admin' at https://…@airflow.example/x") as caught:
        retry_elsewhere(None, "2024-06-03", "https://the-user:the-basic@airflow.example/x?key", USER, "")
    assert "the-basic" not in str(caught.value)


def test_run_ids_are_escaped():
    assert path("dags", "a b", "dagRuns", "x+y:z/..", "~") == "/api/v2/dags/a%20b/dagRuns/x%2By%3Az%2F../~"


def test_the_steps_of_days_carry_the_date_also_before_they_ran(fake):
    steps = [("discover", -1, "success"), ("day.reduce", 0, "success"), ("day.reduce", 1, None)]
    fake.run(RUN, "running", steps, days=["2024-06-01", "2024-06-05"])
    assert [(s.stage, s.day, s.state) for s in fake.runs.steps(RUN)] == [
        ("discover", "", "success"),
        ("reduce", "2024-06-01", "success"),
        ("reduce", "2024-06-05", ""),
    ]


def test_before_discover_there_are_no_days_and_no_question_for_them(fake):
    fake.run(RUN, "running", [("discover", -1, "running"), ("day.reduce", -1, None)])
    assert [s.stage for s in fake.runs.steps(RUN)] == ["discover"]
    assert not any("xcom" in path_ for _, path_, _, _ in fake.asked)


def test_the_newest_run_in_which_the_day_failed_is_found_with_its_first_failed_stage(fake):
    broken = [("day.reduce", 1, "success"), ("day.bin", 1, "failed"), ("day.map", 1, "upstream_failed")]
    fake.run("new", "failed", [("day.bin", 0, "failed")], days=["2024-06-01"])
    fake.run("old", "failed", broken, days=["2024-06-01", "2024-06-02"])
    listed = [{"dag_run_id": "new", "map_index": 0}, {"dag_run_id": "old", "map_index": 1}]
    fake.answers[f"GET {DAG}/dagRuns/~/taskInstances"] = fake.pages("task_instances", listed)
    run, step = fake.runs.find_failed("2024-06-02")
    assert (run, step.task, step.index) == ("old", "day.bin", 1)
    with pytest.raises(LocalError, match="Nothing to retry: no run has a failed step for 2024-06-03"):
        fake.runs.find_failed("2024-06-03")


def test_clearing_a_step_names_its_map_index_and_what_comes_after(fake):
    fake.answers[f"POST {DAG}/clearTaskInstances"] = {"task_instances": []}
    fake.runs.clear(RUN, Step("day.bin", "2024-06-02", "failed", 1))
    body = fake.asked[-1][3]
    assert (body["task_ids"], body["dag_run_id"]) == ([["day.bin", 1]], RUN)
    assert (body["include_downstream"], body["only_failed"], body["dry_run"]) == (True, False, False)


def test_a_backfill_finds_the_runs_made_for_it_and_no_older_ones(fake):
    made = {"id": 2, "created_at": "2024-06-10T00:00:00.500000Z", "completed_at": None}
    runs = [
        {"dag_run_id": "b3", "queued_at": "2024-06-10T00:00:00.700000Z"},
        {"dag_run_id": "b2", "queued_at": "2024-06-10T00:00:00.600000Z"},
        {"dag_run_id": "b1", "queued_at": "2024-06-09T00:00:00Z"},
    ]
    fake.answers["POST /api/v2/backfills"] = made
    fake.answers[f"GET {DAG}/dagRuns"] = fake.pages("dag_runs", runs)
    found = fake.runs.backfill("2024-06-01", "2024-06-02", backwards=True, reprocess="failed")
    assert found == ["b2", "b3"]
    body = next(
        body for method, path_, _, body in fake.asked if (method, path_) == ("POST", "/api/v2/backfills")
    )
    assert (body["from_date"], body["run_backwards"], body["reprocess_behavior"]) == (
        "2024-06-01T00:00:00Z",
        True,
        "failed",
    )


def test_only_cut_off_runs_of_the_same_command_are_ended(fake):
    runs = [{"dag_run_id": "a", "note": "make run: x"}, {"dag_run_id": "b", "note": None}]
    fake.answers[f"GET {DAG}/dagRuns"] = fake.pages("dag_runs", runs)
    fake.answers[f"PATCH {DAG}/dagRuns/a"] = {}
    assert fake.runs.abandon("make run") == ["a"]
    assert fake.asked[-1][3] == {"state": "failed"}


def test_the_first_failed_stage_is_the_earliest():
    steps = [Step("day.map", "d", "upstream_failed", 0), Step("day.bin", "d", "failed", 0)]
    assert first_failed(steps).stage == "bin"
    assert first_failed([Step("day.map", "d", "success", 0)]) is None


@pytest.mark.parametrize(
    ("log", "error"),
    [
        ([], ""),
        ([{"event": "fine", "level": "info"}], ""),
        (
            [
                {
                    "event": "Task failed with exception",
                    "level": "error",
                    "error_detail": [
                        {"exc_type": "StoreError", "exc_value": "no\nanswer"},
                        {"exc_type": "OSError", "exc_value": "its cause"},
                    ],
                },
                {"event": "::group::Post Execute", "level": "info"},
            ],
            "StoreError: no\nanswer",
        ),
        ([{"event": "Process terminated by signal.", "level": "error"}], "Process terminated by signal."),
        (
            ["Traceback …", "include.s3logs.errors.SettingsError: no lake", "end"],
            "include.s3logs.errors.SettingsError: no lake",
        ),
    ],
)
def test_the_last_error_of_a_log(log, error):
    assert last_error(log) == error
