"""Database files of ipinfo, true ones, through the setting S3LOGS_IPINFO_MMDB."""

import pytest

from include.s3logs.errors import SettingsError
from include.s3logs.regions.cache import RegionCache
from include.s3logs.settings import load_settings
from include.s3logs.stores.folder import LocalStore
from s3logs_airflow.connections.deployment import open_deployment
from tests.support.ip_service import fake_ip_service, send_ipinfo_to
from tests.support.mmdb import BUILT, mmdb

V4, V6, NOWHERE, CLOUD, BOGON = "84.1.2.3", "2a02:8100::1", "86.0.0.1", "52.94.76.1", "10.0.0.1"
# The columns of ipinfo's files, as its documentation names them.
LITE = {
    "84.0.0.0/8": {
        "asn": "AS3320",
        "as_name": "Deutsche Telekom AG",
        "as_domain": "telekom.de",
        "country_code": "DE",
        "country": "Germany",
        "continent_code": "EU",
        "continent": "Europe",
    },
    "2a02:8100::/32": {"country_code": "FR", "country": "France", "continent_code": "EU"},
    "52.0.0.0/8": {"country_code": "ZZ", "country": "a cloud"},
    "10.0.0.0/8": {"country_code": "ZZ", "country": "a bogon"},
}
CORE = {
    "84.0.0.0/8": {"city": "Bonn", "region": "North Rhine-Westphalia", "country": "Germany"}
    | {"country_code": "DE", "latitude": "50.7", "longitude": "7.1", "is_anycast": "false"},
    "84.1.0.0/16": {"city": "Munich", "region": "Bavaria", "region_code": "BY", "country": "Germany"}
    | {"country_code": "DE", "timezone": "Europe/Berlin", "as_type": "isp"},
    "84.1.2.0/25": {"city": "Innsbruck", "region": "Tyrol", "country": "Austria", "country_code": "AT"},
    "2a02:8100::/32": {"city": "Brest", "region": "Brittany", "country": "France", "country_code": "FR"},
}
OLDER = {
    "84.0.0.0/8": {"city": "Munich", "region": "Bavaria", "country": "DE", "lat": "48.1", "lng": "11.6"},
    "2a02:8100::/32": {"country": "FR", "country_name": "France", "continent": "EU"},
}


@pytest.fixture
def file(tmp_path, settings_env):
    """file(content) puts the content where the setting says."""
    settings_env(lake=tmp_path / "lake", ipinfo_mmdb=tmp_path / "ip.mmdb")

    def put(content):
        (tmp_path / "ip.mmdb").write_bytes(content)

    return put


def look_up(*addresses):
    settings = load_settings()
    return open_deployment(settings).regions().open().look_up(addresses)


@pytest.mark.parametrize("record_bits", [24, 28, 32])
@pytest.mark.parametrize(
    ("networks", "v4", "v6"),
    [(LITE, "DE", "FR"), (CORE, "AT/Tyrol", "FR/Brittany"), (OLDER, "DE/Bavaria", "FR")],
    ids=["lite", "core", "older"],
)
def test_places_of_both_kinds_of_addresses_are_read(file, networks, v4, v6, record_bits):
    file(mmdb(networks, record_bits=record_bits))
    assert look_up(V4, f"::ffff:{V4}", V6, None) == [v4, v4, v6, "unknown"]


def test_the_narrowest_network_counts_and_what_goes_before_the_file_is_not_asked_of_it(file):
    file(mmdb(CORE))
    found = look_up("84.1.2.127", "84.1.2.128", "84.2.0.0")
    assert found == ["AT/Tyrol", "DE/Bavaria", "DE/North Rhine-Westphalia"]
    file(mmdb(LITE))
    assert look_up(CLOUD, BOGON) == ["AWS/us-west-2", "bogon"]


def test_what_the_file_does_not_know_is_its_country_by_the_packages(file, settings_env):
    file(mmdb(LITE))
    found = look_up(NOWHERE, "2001:200::1")
    settings_env(ipinfo_mmdb="")
    assert look_up(NOWHERE, "2001:200::1") == found
    assert found[1] == "JP"


def test_a_file_of_ipv4_alone_knows_no_ipv6_and_stops_nobody(file):
    file(mmdb({network: value for network, value in CORE.items() if ":" not in network}, ip_version=4))
    assert look_up(V4, V6) == ["AT/Tyrol", "DE"]  # the registry's country


def test_the_version_of_the_data_names_the_file(file):
    file(mmdb(LITE))
    settings = load_settings()
    assert f"file {BUILT}" in open_deployment(settings).regions().version


def test_the_cache_goes_before_the_file_and_the_file_before_the_service(file, tmp_path, monkeypatch):
    monkeypatch.setenv("IPINFO_CREDENTIALS", "secret")
    file(mmdb({"85.0.0.0/8": {"country_code": "NL"}}))
    with fake_ip_service() as (service, url):
        send_ipinfo_to(url, monkeypatch)
        service.places = {V4: ("DE", "Bavaria"), V6: ("FR", "Brittany")}
        assert look_up(V4, "85.0.0.1") == ["DE/Bavaria", "NL"]
        assert service.asked == [V4]
        file(mmdb(CORE))
        # What the service said once stays; what nobody said yet is asked of the file.
        assert look_up(V4, V6) == ["DE/Bavaria", "FR/Brittany"]
        assert service.asked == [V4]
    assert RegionCache(LocalStore(tmp_path / "lake")).entries["region"].to_pylist() == ["DE/Bavaria"]


def test_a_file_that_cannot_be_read_is_refused_before_any_work(file, tmp_path):
    file(b"no database at all")
    settings = load_settings()
    with pytest.raises(SettingsError, match="S3LOGS_IPINFO_MMDB"):
        open_deployment(settings).regions()
    assert not (tmp_path / "lake").exists()
