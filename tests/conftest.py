"""Shared by all tests: an Airflow home of their own, and no setting of the machine leaks in."""

import os
import secrets
import tempfile
from pathlib import Path

import hypothesis
import pytest

# How long an example takes is no property of the code: machines are busy.
hypothesis.settings.register_profile("s3logs", deadline=None)
hypothesis.settings.load_profile("s3logs")

PROJECT = Path(__file__).resolve().parents[1]
HOME = tempfile.TemporaryDirectory(prefix="s3logs-test-airflow-")

for name in [name for name in os.environ if name.startswith(("S3LOGS_", "AIRFLOW", "AWS_", "IPINFO_"))]:
    del os.environ[name]
# Airflow reads these when it is first imported, so they are set before any test module is.
os.environ |= {
    "AIRFLOW_HOME": HOME.name,
    "XDG_CACHE_HOME": f"{HOME.name}/cache",
    "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME.name}/airflow.db?timeout=60",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    "AIRFLOW__API_AUTH__JWT_SECRET": "what the tests sign the logins of their users with",
    "NO_PROXY": "127.0.0.1,localhost",
    "IP_HASH_SALT": "the salt of the tests, which make no file for it",
}


@pytest.fixture(autouse=True)
def no_env_file(monkeypatch):
    """The `.env` of a developer is no part of the tests."""
    from include.s3logs.settings import DagLimits, Settings

    for model in (Settings, DagLimits):
        monkeypatch.setitem(model.model_config, "env_file", None)


@pytest.fixture
def settings_env(monkeypatch):
    """Set S3LOGS_… variables: settings_env(lake=…, sources=…)."""

    def set_(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"S3LOGS_{name.upper()}", str(value))

    return set_


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """A real S3 server on loopback, one for all tests."""
    from tests.support.s3_server import s3_server

    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(s3):
    """A bucket of this test alone."""
    name = f"test-{secrets.token_hex(6)}"
    s3.client.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory):
    """A server that knows the settings of buckets, one for all tests."""
    from tests.support.aws_server import aws_server

    with aws_server(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture
def aws(aws_server):
    """An account without buckets."""
    aws_server.reset()
    return aws_server
