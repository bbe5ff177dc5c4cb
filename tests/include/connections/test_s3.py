"""Clients for S3 are made so that nothing secret is logged, not even at DEBUG."""

import json
import logging
from contextlib import closing

import airflow.providers.amazon.aws.hooks.s3  # noqa: F401 (sets up logging when it is first imported)
import pytest
from botocore.exceptions import ClientError

from include.s3logs.connections.s3 import s3_from_environment
from include.s3logs.errors import SettingsError
from include.s3logs.settings import Settings
from s3logs_airflow.connections.deployment import open_deployment
from s3logs_airflow.connections.s3_account import open_account

KEY, SECRET, TOKEN = "AKIACANARYEXAMPLE123", "CanarySecret/with+signs", "IQoJCanarySessionToken=="
ROLE = "arn:aws:iam::123456789012:role/canary"


@pytest.fixture
def logged(caplog):
    caplog.set_level(logging.DEBUG)
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


def from_environment(aws, monkeypatch, **role):
    for name, value in (
        *(("ACCESS_KEY_ID", KEY), ("SECRET_ACCESS_KEY", SECRET), ("SESSION_TOKEN", TOKEN)),
        *(("ENDPOINT_URL", aws.endpoint), ("DEFAULT_REGION", "us-east-1")),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    return s3_from_environment()[0]


def connection(aws, monkeypatch, **role):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.endpoint)
    extra = {"endpoint_url": aws.endpoint, "region_name": "us-east-1", "aws_session_token": TOKEN, **role}
    made = {"conn_type": "aws", "login": KEY, "password": SECRET, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(made))


def from_connection(aws, monkeypatch, **role):
    connection(aws, monkeypatch, **role)
    return open_deployment(Settings(_env_file=None)).access.s3()[0]


def of_account(aws, monkeypatch, **role):
    connection(aws, monkeypatch, **role)
    return open_account("aws_default").client(None)


@pytest.mark.parametrize("make", [from_environment, from_connection, of_account])
def test_a_client_logs_its_requests_without_secrets(aws, monkeypatch, logged, make):
    with closing(make(aws, monkeypatch)) as client:
        client.list_buckets()
        with pytest.raises(ClientError):
            client.get_object(Bucket="canary", Key="none")
    told = logged()
    assert "Making request" in told
    assert "CanonicalRequest" in told
    assert "x-amz-security-token:…" in told
    for secret in (SECRET, TOKEN, "AWS4-HMAC-SHA256 Credential"):
        assert secret not in told


@pytest.mark.parametrize("make", [from_environment, from_connection, of_account])
def test_a_server_whose_address_holds_a_secret_is_refused(aws, monkeypatch, logged, make):
    monkeypatch.setattr(aws, "endpoint", aws.endpoint.replace("://", f"://user:{TOKEN}@"))
    with pytest.raises(SettingsError, match="S3 server, 'http://…@127") as error:
        make(aws, monkeypatch)
    assert TOKEN not in f"{error.value}{logged()}"


@pytest.mark.parametrize("make", [from_connection, of_account])
def test_what_a_role_gives_is_not_logged_either(aws, monkeypatch, logged, make):
    with closing(make(aws, monkeypatch, role_arn=ROLE)) as client:
        client.list_buckets()
        credentials = client._request_signer._credentials.get_frozen_credentials()
    told = logged()
    assert "AssumeRole" in told
    assert credentials.token != TOKEN
    for secret in (SECRET, TOKEN, credentials.secret_key, credentials.token):
        assert secret not in told
