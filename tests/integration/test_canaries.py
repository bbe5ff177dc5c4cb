"""Settings, connections and lines hold canaries wherever a secret may be; nothing that is written sings.

Searched are what tasks log (at DEBUG), Airflow's database with its XComs and rendered templates, the lake,
and what the pages and Airflow's API show to a viewer.
"""

import json
import logging
import sqlite3
from urllib.parse import quote

import pytest

from tests.conftest import HOME
from tests.support.leak_scan import Canaries
from tests.support.paths import PROJECT
from tests.support.small_archive import FIRST, line
from tests.support.small_world import SmallWorld
from tests.support.web_server import web_server

BUCKET = "canary-logs"


@pytest.fixture
def canary():
    return Canaries()


@pytest.fixture
def logged(caplog, capfd):
    """All that was logged and printed since the test began."""
    caplog.set_level(logging.DEBUG)
    printed = []

    def read():
        printed.extend(capfd.readouterr())
        return "".join([caplog.text, *printed]).encode("utf-8", "surrogateescape")

    return read


@pytest.fixture
def connected(canary, aws, monkeypatch):
    """A connection whose key, secret and session token are canaries, and a bucket behind it."""
    extra = {
        "endpoint_url": aws.endpoint,
        "region_name": "us-east-1",
        "aws_session_token": canary("session token"),
    }
    made = {"login": canary("access key"), "password": canary("secret key"), "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", **made}))
    monkeypatch.setenv("IP_HASH_SALT", canary("salt"))
    aws.bucket(BUCKET)
    return aws


@pytest.fixture
def world(tmp_path, settings_env):
    world = SmallWorld(tmp_path)
    settings_env(lake=world.lake.root, catalog=world.folder / "catalog.csv", rejection_limit=1)
    settings_env(sources=f"s3://{BUCKET}/logs/")
    return world


def database(*, audit=True):
    """All of Airflow's database, or all but its audit log, which has what people sent to the API."""
    with sqlite3.connect(f"{HOME.name}/airflow.db") as connection:
        rows = [row for row in connection.iterdump() if audit or not row.startswith('INSERT INTO "log"')]
    return "\n".join(rows).encode("utf-8", "surrogateescape")


def log_lines(canary):
    """Records and torn lines with canaries in all fields, in the cases and encodings that there are."""
    record = line().decode().rstrip("\n")
    names = (
        "X-Amz-Signature",
        "x-amz-credential",
        "X-AMZ-SECURITY-TOKEN",
        "AWSAccessKeyId",
        "session",
        "Sig",
    )
    for name in names:
        for encode in (str, quote, lambda text: quote(quote(text, safe=""), safe="")):
            for field, old, new in (
                ("URI", "GET /x HTTP", "GET /x?a=1&{} HTTP"),
                ("referer", '"-"', '"https://host/x?{}"'),
                ("agent", '"curl/8"', '"curl/8 https://u:{}@host/?{}"'),
                ("requester", " - R1", " arn:aws:iam::1:user/{} R1"),
            ):
                word = canary(f"{name} in {field}")
                yield record.replace(old, new.replace("{}", encode(f"{name}={word}")))
    for begin in ("ignature=", "?session=", "GET /x?X-Amz-Signature=", "198.51.100.7 ", ""):
        yield f"{begin}{canary(f'torn line {begin}')}"


def deliver(aws, canary):
    content = "".join(f"{text}\n" for text in log_lines(canary)).encode()
    aws.client().put_object(Bucket=BUCKET, Key=f"logs/{FIRST}-11-00-00-A", Body=content)


def shown_to_a_viewer(get, run):
    """What the pages, and Airflow's API of a run's tasks, show."""
    base = f"/api/v2/dags/s3_access_logs/dagRuns/{run.run_id}"
    paths = ["/s3logs/days", f"/s3logs/days/{FIRST}/quarantine", base, f"{base}/taskInstances"]
    paths += [f"/s3logs/days/{FIRST}/{stage}/checkpoint" for stage in ("reduced", "binned", "mapped")]
    paths += [f"{base}/taskInstances/~/xcomEntries", "/api/v2/dags/s3_access_logs/details"]
    for task in ("reduce", "bin", "map"):
        paths += [f"{base}/taskInstances/day.{task}/0{more}" for more in ("", "/tries", "/links")]
    return {path: get(path, "viewer").content for path in paths}


def test_nothing_of_a_run_sings(world, connected, canary, run_dag, logged, get):
    deliver(connected, canary)
    run = run_dag(days=[str(FIRST)])
    assert run.state == "success"
    counts = run.xcoms["day.reduce", str(FIRST)]["counts"]
    assert (counts["rejections"], counts["records"]) == (5, 72)
    shown = shown_to_a_viewer(get, run)
    written = {"the log": logged(), "the database": database(), **shown}
    files = world.files()
    quarantine = next(key for key in files if "/quarantine-" in key)
    assert len(canary.found(files.pop(quarantine))) == 5  # they are in the input, and are found
    assert {what: found for what, data in (written | files).items() if (found := canary.found(data))} == {}
    assert b"CanonicalRequest" in written["the log"]


def test_nothing_of_a_day_that_fails_sings(world, connected, canary, run_dag, logged, settings_env):
    deliver(connected, canary)
    settings_env(rejection_limit=0)
    run = run_dag(days=[str(FIRST)])
    assert run.states["day.reduce", str(FIRST)] == "failed"
    log = logged()
    assert b"line 73: header fields malformed" in log
    assert canary.found(log) | canary.found(database()) == set()


def test_addresses_with_secrets_are_refused_and_do_not_sing(world, canary, run_dag, logged, settings_env):
    for name, address in {
        "sources": "s3://AKIA:{}/with,more@bucket/prefix",
        "lake": "s3://{}@bucket/prefix",
        "catalog": "https://user:{}@host/catalog.csv",
        "region_table": "s3://bucket/table.csv?X-Amz-Signature={}",
        "ipinfo_mmdb": "https://host/ip.mmdb?token={}",
        "rollup_destination": "ftp://{}@host/",
    }.items():
        settings_env(**{name: address.format(canary(name))})
    run = run_dag(days=[str(FIRST)])
    assert run.states["discover", None] == "failed"
    log = logged()
    for name in canary.names.values():
        assert f"S3LOGS_{name.upper()}=…".encode() in log
    assert canary.found(log) | canary.found(database()) == set()
    assert world.files() == {}


def test_a_source_with_a_secret_is_refused_before_airflow_keeps_it(world, canary, run_dag, server, get):
    world.deliver(FIRST, line())
    run_dag(days=[], sources=[str(world.source.root)])  # so that Airflow knows the DAG
    token = get("/s3logs/days", "admin").request.headers["Authorization"]
    address = f"s3://AKIA:{canary('source of a run')}@bucket/"
    answer = server.post(
        "/api/v2/dags/s3_access_logs/dagRuns",
        headers={"Authorization": token},
        json={"logical_date": None, "conf": {"sources": [address]}},
    )
    assert answer.status_code == 400
    assert canary.found(database(audit=False)) == set()


@pytest.mark.parametrize("status", [200, 403, 500])
def test_lists_behind_a_password_and_a_token_do_not_sing(
    airflow_db, world, canary, logged, settings_env, monkeypatch, status
):
    from airflow.dag_processing.dagbag import DagBag

    settings_env(retries=0)
    monkeypatch.setenv("IPINFO_CREDENTIALS", canary("token of ipinfo"))
    with web_server() as web:
        web.answers["/list"] = (status, {}, b"192.0.2.0/24\n")
        for name in ("github_list_url", "vpn_list_url"):
            user = f"{canary(f'user of {name}')}:{canary(f'password of {name}')}"
            address = f"{web.url}/list?token={canary(f'token of {name}')}"
            settings_env(**{name: address.replace("://", f"://{user}@")})
        run = DagBag(str(PROJECT / "dags")).dags["s3_ip_regions"].test(use_executor=False)
        assert len(web.asked) >= 2
        assert all(headers["Authorization"].startswith("Basic ") for _, _, headers in web.asked)
    assert str(run.state) == "success"
    written = {"the log": logged(), "the database": database(), **world.files()}
    assert {what: found for what, data in written.items() if (found := canary.found(data))} == {}


def test_a_server_whose_address_holds_a_secret_is_not_asked(world, canary, run_dag, logged, monkeypatch):
    """Airflow logs the causes of an error, too, and a library's would name the address."""
    extra = {"endpoint_url": f"http://user:{canary('endpoint')}@127.0.0.1:1", "region_name": "us-east-1"}
    made = {"conn_type": "aws", "login": "key", "password": canary("secret key"), "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(made))
    run = run_dag(days=[str(FIRST)])
    assert run.states["discover", None] == "failed"
    log = logged()
    assert "'http://…@127.0.0.1:1' of the Airflow connection aws_default".encode() in log
    assert canary.found(log) | canary.found(database()) == set()
