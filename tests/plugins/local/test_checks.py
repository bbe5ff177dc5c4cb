"""What a run would stumble over is refused before Airflow is started, all of it at once."""

import os
import sqlite3
from contextlib import closing

import pytest

from include.s3logs.errors import SettingsError
from s3logs_airflow.local.checks import check_before_start
from s3logs_airflow.local.home import Home


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "airflow")
    home.folder.mkdir()
    return home


@pytest.fixture
def chosen(tmp_path):
    (tmp_path / "logs").mkdir()
    return {"S3LOGS_SOURCES": f"{tmp_path}/logs", "S3LOGS_LAKE": f"{tmp_path}/lake", "S3LOGS_CATALOG": ""}


@pytest.fixture
def database(home):
    """The database that Airflow left, with a pool and a connection that somebody made."""
    with closing(sqlite3.connect(home.database)) as made, made:
        made.execute("CREATE TABLE slot_pool (pool TEXT)")
        made.execute("CREATE TABLE connection (conn_id TEXT)")
        made.execute("INSERT INTO slot_pool VALUES ('mine')")
        made.execute("INSERT INTO connection VALUES ('mine')")


def faults(home, chosen):
    with pytest.raises(SettingsError) as raised:
        check_before_start(home, chosen)
    return str(raised.value).splitlines()


def test_what_makes_sense_passes_before_the_first_start(home, chosen):
    check_before_start(home, chosen)


def test_all_faults_are_told_at_once(home, chosen, settings_env):
    settings_env(pool="nopool", aws_conn_id="nobody", region_table="/absent.csv", catalogue="x")
    settings_env(operations="GET", retries=-1)
    chosen |= {"S3LOGS_CATALOG": f"{home.folder}/danid", "S3LOGS_SOURCES": "s3://logs/"}
    told = "\n".join(faults(home, chosen))
    for part in (
        "S3LOGS_POOL=nopool is no pool of this Airflow",
        "S3LOGS_AWS_CONN_ID=nobody is no connection: set AIRFLOW_CONN_NOBODY",
        "S3LOGS_CATALOGUE is no setting",
        "is no file and no kind of catalog; did you mean dandi?",
        "S3LOGS_REGION_TABLE='/absent.csv' is no file",
        "S3LOGS_OPERATIONS='GET': 'GET' is no operation",
        "S3LOGS_RETRIES='-1': Input should be greater",
    ):
        assert part in told


def test_a_user_without_a_name_is_told_how_to_get_one(home, chosen, monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    (told,) = faults(home, chosen)
    assert told == f"This user (number {os.getuid()}) has no name, and Airflow needs one: set USER to any."


def test_what_somebody_made_in_airflow_is_known(home, chosen, settings_env, database):
    chosen["S3LOGS_SOURCES"] = "s3://logs/"
    settings_env(pool="mine", aws_conn_id="mine")
    check_before_start(home, chosen)
    settings_env(pool="nopool", aws_conn_id="nobody")
    assert len(faults(home, chosen)) == 2


def test_a_connection_of_the_environment_is_known_and_one_in_a_backend_may_be(
    home, chosen, settings_env, monkeypatch
):
    chosen["S3LOGS_SOURCES"] = "s3://logs/"
    settings_env(aws_conn_id="mine")
    assert len(faults(home, chosen)) == 1
    with monkeypatch.context() as given:
        given.setenv("AIRFLOW_CONN_MINE", "{}")
        check_before_start(home, chosen)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "some.Backend")
    check_before_start(home, chosen)


def test_a_database_without_tables_knows_nothing(home, chosen, settings_env):
    home.database.touch()
    settings_env(pool="nopool")
    (told,) = faults(home, chosen)
    assert "S3LOGS_POOL=nopool" in told
