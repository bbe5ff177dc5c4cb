"""ipinfo by its official client, against a stand-in that also misbehaves; and the sources opened together."""

import logging
import traceback

import pytest

from include.s3logs.errors import (
    AccessDeniedError,
    IpQuotaUsedUpError,
    IpServiceUnavailableError,
    NotFoundError,
    SettingsError,
)
from include.s3logs.settings import load_settings
from include.s3logs.stores.folder import LocalStore
from s3logs_airflow.connections import http_get
from s3logs_airflow.connections import ipinfo as ipinfo_client
from s3logs_airflow.connections.ipinfo import IpinfoClient, open_ipinfo
from s3logs_airflow.connections.stores import open_lake, open_regions
from tests.support.ip_service import fake_ip_service, send_ipinfo_to

IPS = ["84.0.0.1", "85.0.0.1", "2a02:8100::1"]
BATCHES = ("core", "legacy")


@pytest.fixture
def fake():
    with fake_ip_service() as (service, url):
        service.url = url
        service.places = {IPS[0]: ("DE", "Bavaria"), IPS[1]: ("US", "California"), IPS[2]: ("FR", "")}
        yield service


@pytest.fixture
def ipinfo(fake, monkeypatch):
    send_ipinfo_to(fake.url, monkeypatch)
    monkeypatch.setattr(ipinfo_client, "TIMEOUT", 0.5)
    return fake


# The client


@pytest.mark.parametrize("api", BATCHES)
def test_a_batch_is_one_request_with_the_token(ipinfo, api):
    from include.s3logs.regions.labels import place_of

    answers = IpinfoClient("secret", api).details(IPS)
    assert [place_of(answers[ip]) for ip in IPS] == ["DE/Bavaria", "US/California", "FR"]
    assert ipinfo.requests == [("/batch", "Bearer secret")]


def test_the_lite_api_is_asked_for_one_at_a_time_and_knows_countries(ipinfo):
    from include.s3logs.regions.labels import place_of

    answers = IpinfoClient("secret", "lite").details(IPS)
    assert [place_of(answers[ip]) for ip in IPS] == ["DE", "US", "FR"]
    assert {path for path, _ in ipinfo.requests} == {f"/lite/{ip}" for ip in IPS}


@pytest.mark.parametrize("api", [*BATCHES, "lite"])
@pytest.mark.parametrize(
    ("mood", "error"),
    [
        ("down", IpServiceUnavailableError),
        ("throttles", IpServiceUnavailableError),
        ("hangs", IpServiceUnavailableError),
        ("garbage", IpServiceUnavailableError),
        ("odd", IpServiceUnavailableError),
        ("quota", IpQuotaUsedUpError),
        ("refuses", AccessDeniedError),
    ],
)
def test_what_goes_wrong_is_told_apart_and_never_shows_an_address_or_the_token(ipinfo, api, mood, error):
    ipinfo.mood = mood
    client = IpinfoClient("secret", api)
    if mood == "odd" and api != "lite":
        from include.s3logs.regions.addresses import pack
        from include.s3logs.regions.service import ask

        assert all(set(answers.values()) == {None} for answers in ask(client, [pack(ip) for ip in IPS]))
        return
    with pytest.raises(error) as caught:
        client.details(IPS)
    shown = "".join(traceback.format_exception(caught.value, chain=not caught.value.__suppress_context__))
    assert "secret" not in shown.replace(__file__, "")
    assert not any(ip in shown for ip in IPS)


def test_what_the_service_leaves_out_is_left_out(ipinfo):
    ipinfo.mood = "shy"
    assert list(IpinfoClient("secret", "core").details(IPS)) == [IPS[0], IPS[2]]


@pytest.mark.parametrize("mood", ["down", "throttles", "hangs", "garbage", "odd", "quota"])
def test_an_address_without_an_answer_of_the_lite_api_costs_the_others_nothing(ipinfo, mood, caplog):
    ipinfo.moods = [mood]
    answers = IpinfoClient("secret", "lite").details(IPS)
    assert len(answers) == 2
    assert {ip: answers[ip]["ip"] for ip in answers} == {ip: ip for ip in answers}
    assert "1 of 3 addresses have no answer: ipinfo" in caplog.text
    assert not any(ip in caplog.text for ip in IPS)


def test_after_some_errors_the_lite_api_is_not_asked_any_more_and_its_answers_count(ipinfo, monkeypatch):
    monkeypatch.setattr(ipinfo_client, "_PARALLEL_REQUESTS", 1)
    ipinfo.moods = ["down", "well", *["quota"] * 9]
    asked = [*IPS, *(f"86.0.0.{n}" for n in range(9))]
    assert list(IpinfoClient("secret", "lite").details(asked)) == [IPS[1]]
    assert len(ipinfo.requests) == 4


def test_the_token_comes_from_the_variable_before_the_connection(monkeypatch, settings_env):
    settings = load_settings()
    assert open_ipinfo(settings) is None
    monkeypatch.setenv(
        "AIRFLOW_CONN_IPINFO_DEFAULT", '{"conn_type": "generic", "password": "of the connection"}'
    )
    assert open_ipinfo(settings)._handler.access_token == "of the connection"
    monkeypatch.setenv("IPINFO_CREDENTIALS", "of the variable")
    assert open_ipinfo(settings)._handler.access_token == "of the variable"
    settings_env(ipinfo_api="lite")
    assert type(open_ipinfo(load_settings())._handler).__name__ == "HandlerLite"


# All sources


@pytest.fixture
def lake(tmp_path, settings_env):
    settings_env(lake=tmp_path / "lake")
    return LocalStore(tmp_path / "lake")


def look_up(*addresses):
    settings = load_settings()
    return open_regions(settings, open_lake(settings)).open().look_up(addresses)


def test_without_token_and_network_there_are_clouds_and_countries(lake):
    asked = ["8.8.8.8", "2a02:8100::1", "52.94.76.1", "10.0.0.1", None]
    assert look_up(*asked) == ["US", "DE", "AWS/us-west-2", "bogon", "unknown"]


@pytest.mark.parametrize("api", [*BATCHES, "lite"])
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


# Fetching lists


def test_a_file_is_fetched(fake):
    assert b"192.30.252.0/22" in http_get.http_get(f"{fake.url}/github")


@pytest.mark.parametrize("mood", ["down", "hangs", "quota"])
def test_a_file_that_cannot_be_fetched_is_named(fake, monkeypatch, mood):
    monkeypatch.setattr(http_get, "TIMEOUT", 0.3)
    fake.mood = mood
    with pytest.raises(IpServiceUnavailableError, match=f"{fake.url}/vpn cannot be fetched"):
        http_get.http_get(f"{fake.url}/vpn")


def test_a_file_without_end_is_not_read_to_its_end(fake, monkeypatch):
    monkeypatch.setattr(http_get, "LARGEST", 10)
    with pytest.raises(IpServiceUnavailableError, match="is larger than"):
        http_get.http_get(f"{fake.url}/github")
