"""The token of the IP service, and all sources of regions opened together as the settings say."""

import logging

import pytest

from include.s3logs.connections.ipinfo import IpinfoLimits
from include.s3logs.deployment import Deployment
from include.s3logs.errors import AccessDeniedError, NotFoundError, SettingsError
from include.s3logs.settings import load_settings
from include.s3logs.stores.folder import LocalStore
from s3logs_airflow.connections.deployment import connection_faults, open_deployment
from tests.support.ip_service import fake_ip_service, send_ipinfo_to

IPS = ["84.0.0.1", "85.0.0.1", "2a02:8100::1"]
LIMITS = IpinfoLimits(seconds=0.5)


@pytest.fixture
def ipinfo(monkeypatch):
    with fake_ip_service() as (service, url):
        service.places = {IPS[0]: ("DE", "Bavaria"), IPS[1]: ("US", "California"), IPS[2]: ("FR", "")}
        send_ipinfo_to(url, monkeypatch)
        yield service


def test_the_token_comes_from_the_variable_before_the_connection(monkeypatch):
    token = open_deployment().access.ipinfo_token
    assert token() == ""
    monkeypatch.setenv(
        "AIRFLOW_CONN_IPINFO_DEFAULT", '{"conn_type": "generic", "password": "of the connection"}'
    )
    assert token() == "of the connection"
    monkeypatch.setenv("IPINFO_CREDENTIALS", " of the variable ")
    assert token() == "of the variable"


def test_a_connection_that_is_named_and_not_there_is_told_and_the_usual_ones_need_not_be(
    settings_env, monkeypatch
):
    assert connection_faults(load_settings()) == []
    settings_env(lake="s3://lake/", aws_conn_id="nobody", ipinfo_conn_id="nothing")
    assert connection_faults(load_settings()) == [
        "S3LOGS_AWS_CONN_ID=nobody is no connection of this Airflow.",
        "S3LOGS_IPINFO_CONN_ID=nothing is no connection of this Airflow.",
    ]
    with pytest.raises(SettingsError, match="S3LOGS_AWS_CONN_ID=nobody"):
        _ = open_deployment().open_store("s3://lake/")
    monkeypatch.setenv("AIRFLOW_CONN_NOBODY", "aws://")
    monkeypatch.setenv("IPINFO_CREDENTIALS", "token")
    assert connection_faults(load_settings()) == []


@pytest.fixture
def lake(tmp_path, settings_env):
    settings_env(lake=tmp_path / "lake")
    return LocalStore(tmp_path / "lake")


def look_up(*addresses):
    deployment = Deployment(load_settings(), open_deployment().access, ip_limits=LIMITS)
    return deployment.regions().open().look_up(addresses)


def test_without_token_and_network_there_are_clouds_and_countries(lake):
    asked = ["8.8.8.8", "2a02:8100::1", "52.94.76.1", "10.0.0.1", None]
    assert look_up(*asked) == ["US", "DE", "AWS/us-west-2", "bogon", "unknown"]


@pytest.mark.parametrize("api", ["core", "legacy", "lite"])
def test_with_a_token_there_are_places_and_they_are_kept(lake, ipinfo, monkeypatch, settings_env, api):
    monkeypatch.setenv("IPINFO_CREDENTIALS", "secret")
    settings_env(ipinfo_api=api)
    expected = ["DE", "US", "FR"] if api == "lite" else ["DE/Bavaria", "US/California", "FR"]
    assert look_up(*IPS) == expected
    ipinfo.mood = "down"
    assert look_up(*IPS, "52.94.76.1") == [*expected, "AWS/us-west-2"]
    assert sorted(ipinfo.asked) == sorted(IPS)


@pytest.mark.parametrize("mood", ["down", "throttles", "hangs", "garbage", "odd", "quota"])
def test_whatever_the_service_does_the_rest_is_found_and_a_later_run_heals(
    lake, ipinfo, monkeypatch, mood, caplog
):
    monkeypatch.setenv("IPINFO_CREDENTIALS", "secret")
    ipinfo.mood = mood
    with caplog.at_level(logging.DEBUG):
        assert look_up(*IPS, "52.94.76.1") == ["undetermined"] * 3 + ["AWS/us-west-2"]
    assert "secret" not in caplog.text
    assert not any(ip in caplog.text for ip in IPS)
    ipinfo.mood = "well"
    ipinfo.awake.set()
    assert look_up(*IPS) == ["DE/Bavaria", "US/California", "FR"]


def test_a_refused_token_fails_naming_the_settings(lake, ipinfo, monkeypatch):
    monkeypatch.setenv("IPINFO_CREDENTIALS", "secret")
    ipinfo.mood = "refuses"
    with pytest.raises(AccessDeniedError, match=r"S3LOGS_IPINFO_CONN_ID.*S3LOGS_IPINFO_API") as error:
        look_up(*IPS)
    assert "secret" not in str(error.value)


def test_the_own_table_is_a_file_that_the_setting_names(lake, tmp_path, settings_env):
    settings_env(region_table=tmp_path / "own.csv")
    with pytest.raises(NotFoundError, match=r"own\.csv"):
        look_up("10.0.0.1")
    (tmp_path / "own.csv").write_text("network,region\n10.0.0.0/8,Campus\n")
    assert look_up("10.0.0.1", "8.8.8.8") == ["Campus", "US"]
    (tmp_path / "own.csv").write_text("network,region\n10.0.0.0/8\n")
    with pytest.raises(SettingsError, match=r"own\.csv, row 2"):
        look_up("10.0.0.1")


def test_a_file_may_be_in_the_root_folder(lake, settings_env):
    settings_env(region_table="/no-such-table.csv")
    with pytest.raises(NotFoundError, match=r"(^|\s)/no-such-table\.csv"):
        look_up("10.0.0.1")
