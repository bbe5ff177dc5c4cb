"""Settings, connections and lines hold canaries wherever a secret may be; nothing that is written sings.

Searched are what tasks log (at DEBUG), Airflow's database with its XComs and rendered templates, the lake,
and what the pages and Airflow's API show to a viewer.
"""

import json

import pytest

from tests.support.canaries import database, log_lines
from tests.support.paths import PROJECT
from tests.support.small_archive import FIRST, line
from tests.support.small_world import SmallWorld
from tests.support.web_server import web_server

BUCKET = "canary-logs"


@pytest.fixture
def world(tmp_path, settings_env, aws):
    aws.bucket(BUCKET)
    world = SmallWorld(tmp_path)
    settings_env(lake=world.lake.root, catalog=world.folder / "catalog.csv", rejection_limit=1)
    settings_env(sources=f"s3://{BUCKET}/logs/")
    return world


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


@pytest.fixture
def odd_names(world, connected, canary):
    """A good, a foreign and an unreadable object, with canaries in their names and in a line."""
    key = f"copy?X-Amz-Signature={canary('key in a line')}"
    content = {
        f"{FIRST}-11-00-00-A": line(key) + line(time="11:00:00"),
        f"note?X-Amz-Credential={canary('foreign object')}": b"",
        f"copy?X-Amz-Signature={canary('folder')}/{FIRST}-12-00-00-B": b"\x1f\x8bno gzip",
    }
    for name, data in content.items():
        connected.client().put_object(Bucket=BUCKET, Key=f"logs/{name}", Body=data)


def test_names_of_objects_are_data_and_do_not_sing_of_what_is_in_them(
    world, odd_names, canary, run_dag, logged, settings_env
):
    """Keys that were asked for are in the tables, names of objects in the lists beside them."""
    settings_env(on_unreadable="skip", partial="accept")
    run = run_dag(days=[str(FIRST)])
    assert run.state == "success"
    counts = run.xcoms["day.reduce", str(FIRST)]["counts"]
    assert (counts["reduced_rows"], counts["unreadable_objects"], counts["foreign_objects"]) == (2, 1, 1)
    settings_env(on_unreadable="fail")
    assert run_dag(days=[str(FIRST)], force=True).states["day.reduce", str(FIRST)] == "failed"
    status = world.files("status/", "publish/", "open/")
    written = {"the log": logged(), "the database": database(), **status}
    assert {what: found for what, data in written.items() if (found := canary.found(data))} == {}
    foreign = next(data for key, data in world.files("reduced/").items() if "/foreign-" in key)
    assert canary.found(foreign) == {"foreign object"}


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
