"""The refresh of the region cache as Airflow runs it: the official client, a service that misbehaves."""

import json
import logging
from dataclasses import astuple
from datetime import UTC, datetime, timedelta

import pytest

from include.s3logs.connections.ipinfo import IpinfoLimits
from include.s3logs.deployment import Deployment
from include.s3logs.errors import AccessDeniedError
from include.s3logs.regions import tables
from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.networks import NetworkTable
from include.s3logs.regions.refresh import refresh_cache
from include.s3logs.regions.salt import load_salt
from include.s3logs.settings import load_settings
from include.s3logs.stores.folder import LocalStore
from s3logs_airflow.connections.deployment import open_deployment
from s3logs_airflow.operators.regions import RefreshRegionCacheOperator
from tests.support.binned_days import bin_rows, remember
from tests.support.ip_service import fake_ip_service, send_ipinfo_to
from tests.support.mmdb import mmdb

IPS = [*(f"84.0.0.{n}" for n in range(6)), "2a02:8100::1", "2a02:8100::2"]
MOVED = IPS[0]
OLD, NEW = "DE/Bavaria", "DE/Hesse"


@pytest.fixture
def lake(tmp_path, settings_env, monkeypatch):
    """A lake whose day of yesterday holds all addresses, and whose cache knew them 90 days ago."""
    monkeypatch.setattr(tables, "network_table", lambda lake, own: NetworkTable([own]))
    settings_env(lake=tmp_path / "lake")
    lake, today = LocalStore(tmp_path / "lake"), datetime.now(UTC).date()
    bin_rows(lake, today - timedelta(days=1), IPS)
    remember(lake, load_salt(), {**dict.fromkeys(IPS, OLD), "90.0.0.1": "SE"}, today - timedelta(days=90))
    return lake


@pytest.fixture
def service(lake, monkeypatch):
    with fake_ip_service() as (fake, url):
        fake.places = {**dict.fromkeys(IPS, ("DE", "Bavaria")), MOVED: ("DE", "Hesse")}
        send_ipinfo_to(url, monkeypatch)
        monkeypatch.setenv("IPINFO_CREDENTIALS", "secret")
        yield fake


def refreshed():
    """Run the operator; return its counts in the order of their names here, as they went through JSON."""
    found = json.loads(json.dumps(RefreshRegionCacheOperator(task_id="refresh").execute({})))
    names = ("due", "found", "not_found", "asked", "answered", "changed", "undetermined")
    assert set(found) == {*names, "problem"}
    assert found["problem"] is None
    return tuple(found[name] for name in names)


def refreshed_in_pairs(lake):
    """Do what the operator does, two addresses at a time and with little patience; return the same counts."""
    limits = IpinfoLimits(seconds=0.3, batch=2)
    deployment = Deployment(load_settings(), open_deployment().access, ip_limits=limits)
    return astuple(refresh_cache(lake, deployment.regions().open()))


def kept(lake):
    return sorted(RegionCache(lake).entries["region"].to_pylist())


@pytest.mark.parametrize("api", ["core", "legacy", "lite"])
def test_what_is_due_is_asked_anew_and_once(lake, service, settings_env, api):
    settings_env(ipinfo_api=api)
    changed = 8 if api == "lite" else 1  # Lite knows countries alone
    assert refreshed() == (9, 8, 1, 8, 8, changed, 0)
    assert sorted(service.asked) == sorted(IPS)
    assert kept(lake) == ["DE"] * 8 + ["SE"] if api == "lite" else [OLD] * 7 + [NEW, "SE"]
    assert refreshed() == (1, 0, 1, 0, 0, 0, 0)
    assert len(service.asked) == 8


@pytest.mark.parametrize(
    ("moods", "asked", "answered"),
    [
        (["throttles"], 8, 6),
        (["well", "throttles", "well", "throttles"], 8, 4),
        (["throttles"] * 3, 6, 0),
        (["quota"], 2, 0),
        (["well", "well", "quota"], 6, 4),
        (["hangs"], 8, 6),
        (["hangs"] * 3, 6, 0),
        (["garbage"], 8, 6),
        (["well", *["garbage"] * 3], 8, 2),
        (["odd"], 8, 6),
        (["shy"] * 4, 8, 4),
        (["down"] * 3, 6, 0),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_whatever_the_service_does_the_rest_stays_due_and_the_next_run_asks(
    lake, service, moods, asked, answered, caplog
):
    service.moods = list(moods)
    with caplog.at_level(logging.INFO):
        due, found, not_found, *counts, undetermined = refreshed_in_pairs(lake)
    assert (due, found, not_found) == (9, 8, 1)
    assert counts[:2] == [asked, answered]
    assert undetermined == 8 - answered
    assert "undetermined" not in kept(lake)
    assert service.moods == []

    with caplog.at_level(logging.INFO):
        due, found, _, *again, undetermined = refreshed_in_pairs(lake)
    assert (due, found, undetermined) == (1 + 8 - answered, 8 - answered, 0)
    assert again[:2] == [8 - answered] * 2
    assert counts[2] + again[2] == 1
    assert kept(lake) == [OLD] * 7 + [NEW, "SE"]
    assert "secret" not in caplog.text
    assert not any(ip in caplog.text for ip in IPS)


def test_a_refused_token_fails_naming_the_settings(lake, service):
    service.mood = "refuses"
    with pytest.raises(AccessDeniedError, match="S3LOGS_IPINFO_CONN_ID"):
        refreshed()


def test_a_file_is_enough(lake, tmp_path, settings_env):
    (tmp_path / "ip.mmdb").write_bytes(
        mmdb({"84.0.0.0/24": {"country_code": "AT"}, "2a02:8100::1/128": {"country_code": "FR"}})
    )
    settings_env(ipinfo_mmdb=tmp_path / "ip.mmdb")
    assert refreshed() == (9, 8, 1, 8, 8, 8, 0)
    assert kept(lake) == ["AT"] * 6 + ["FR", "SE", "unknown"]
    assert refreshed() == (1, 0, 1, 0, 0, 0, 0)


def test_without_anybody_to_ask_it_says_so_and_opens_nothing(lake, monkeypatch, caplog):
    monkeypatch.setattr(Deployment, "open_store", None)
    monkeypatch.setattr(Deployment, "regions", None)
    with caplog.at_level(logging.INFO):
        found = RefreshRegionCacheOperator(task_id="refresh").execute({})
    assert "neither a token of ipinfo nor a file" in found.pop("problem")
    assert set(found.values()) == {0}
    assert kept(lake) == [OLD] * 8 + ["SE"]
