"""Where networks come from: the deployment's own table, bogons, clouds, lists, countries."""

import json
import logging
from contextlib import closing
from datetime import date
from ipaddress import ip_address, ip_network

import numpy as np
import pytest
from cloudip.detector import Detector

from include.s3logs.connections.http import HttpClient, Limits
from include.s3logs.errors import ServerUnavailableError, SettingsError
from include.s3logs.regions.addresses import Addresses
from include.s3logs.regions.bogons import BOGONS, bogons
from include.s3logs.regions.clouds import NAMES, cloud_networks, cloud_regions
from include.s3logs.regions.countries import countries_of
from include.s3logs.regions.labels import place_of
from include.s3logs.regions.lists import load_list, read_networks, refresh_list
from include.s3logs.regions.networks import NetworkTable
from include.s3logs.regions.own_table import read_own_table
from include.s3logs.regions.tables import network_table
from include.s3logs.stores.folder import LocalStore
from tests.support.ip_service import GITHUB
from tests.support.web_server import web_server

DAY = date(2026, 6, 1)


def find(table, *addresses):
    return table.labels[table.find(Addresses.parse(addresses))].tolist()


# The deployment's own table


def test_the_own_table_goes_before_everything_else(tmp_path):
    csv = (
        b"\xef\xbb\xbfnetwork,region\r\n10.20.0.0/16,DE/Bavaria\n\n2001:db8::/32, Campus \n52.94.76.1,Ours\n"
    )
    table = network_table(LocalStore(tmp_path), read_own_table(csv, "own.csv"))
    assert find(table, "10.20.1.1", "10.21.1.1", "2001:db8::5", "52.94.76.1", "52.94.76.2") == [
        *("DE/Bavaria", "bogon", "Campus", "Ours"),
        "AWS/us-west-2",
    ]


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        (b"", "begin with the line network,region"),
        (b"region,network\n", "begin with the line network,region"),
        (
            b"network,region\n10.0.0.0/8,A\n10.0.0.0/99,B\n",
            r"own.csv, row 3 \('10.0.0.0/99,B'\) has no network",
        ),
        (b"network,region\nexample.org,A\n", "row 2 .* has no network"),
        (b"network,region\n10.0.0.0/8\n", "row 2 .* has 1 values"),
        (b"network,region\n10.0.0.0/8,A,B\n", "row 2 .* has 3 values"),
        (b"network,region\n10.0.0.0/8,\n", "row 2 .* has no region"),
        (b"network,region\n10.0.0.0/8,undetermined\n", "row 2 .* has no region"),
        (b"network,region\n10.0.0.0/8,a\x07b\n", "row 2 .* has no region"),
        (
            b"network,region\n10.0.0.0/8,A\n10.0.0.1/8,B\n",
            "row 3 .* contradicts an earlier row, which says 'A'",
        ),
        (b"network,region\n10.0.0.0/8,\xff\n", r"own.csv, row 2 .* is no CSV in UTF-8"),
        (b'network,region\n10.0.0.0/8,"A\n', r"own.csv, row 2 .* is no CSV in UTF-8"),
        (b'network,region\n10.0.0.0/8,A\n\n11.0.0.0/8,"B"C\n', r"own.csv, row 4 .* is no CSV in UTF-8"),
        (b'network,region\n10.0.0.0/8,"A\n11.0.0.0/8,B\n\n"\n', r"own.csv, row 2 .* is no CSV in UTF-8"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_naming_the_row(csv, message):
    with pytest.raises(SettingsError, match=message):
        read_own_table(csv, "own.csv")


# Bogons

# Python's releases disagree on these: 3.11.4 and 3.13 do not know all of the registries' rows.
DISPUTED = [
    *map(
        ip_network, ("192.0.0.0/24", "64:ff9b:1::/48", "2001::/23", "2002::/16", "3fff::/20", "::ffff:0:0/96")
    ),
    ip_network("5f00::/16"),
]


def test_bogons_are_what_python_calls_neither_global_nor_unicast():
    table = NetworkTable([list(bogons())])
    step = 2**32 // 65521
    texts = [str(ip_address(n * step)) for n in range(65521)]
    texts += [str(ip_address(n << 112 | 1)) for n in range(2**16)]
    for network in map(ip_network, BOGONS):
        first, last = int(network[0]), int(network[-1])
        kind = type(network[0])
        texts += [
            str(kind(n)) for n in (first - 1, first, last, last + 1) if 0 <= n < 1 << network.max_prefixlen
        ]
    for text, label in zip(texts, find(table, *texts), strict=True):
        address = ip_address(text)
        if any(address in network for network in DISPUTED if network.version == address.version):
            continue
        assert (label == "bogon") == (not address.is_global or address.is_multicast), text


def test_reachable_networks_inside_reserved_ones_are_no_bogons():
    table = NetworkTable([list(bogons())])
    asked = (
        "192.0.0.8",
        "192.0.0.9",
        "192.0.0.10",
        "192.0.0.11",
        "2001:1::",
        "2001:1::1",
        "2001:20::1",
        "2001:40::1",
    )
    assert find(table, *asked) == ["bogon", None, None, "bogon", "bogon", None, None, "bogon"]


# Clouds


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    """The table without own networks and lists."""
    return network_table(LocalStore(tmp_path_factory.mktemp("lake")))


@pytest.mark.parametrize(
    ("ip", "region"),
    [
        ("52.94.76.1", "AWS/us-west-2"),
        ("3.25.43.7", "AWS/ap-southeast-2"),
        ("2600:1f18::1", "AWS/us-east-1"),
        ("2a05:d018::1", "AWS/eu-west-1"),
        ("34.80.0.1", "GCP/asia-east1"),
        ("34.183.130.1", "GCP/us-east4"),
        ("2600:1900:4000::1", "GCP/us-central1"),
        ("2600:1901:81f0::1", "GCP/europe-west10"),
        ("20.42.0.1", "Azure/eastus"),
        ("20.233.240.41", "Azure/uaenorth"),
        ("13.107.6.1", "Azure"),
        ("2603:1030:20e::1", "Azure/eastus"),
        ("2603:1026:900:3c::1", "Azure/polandcentral"),
        ("104.16.0.1", "Cloudflare"),
        ("108.162.192.1", "Cloudflare"),
        ("2606:4700::1111", "Cloudflare"),
        ("2c0f:f248::1", "Cloudflare"),
        ("165.227.160.1", "DigitalOcean/DE-HE"),
        ("157.245.192.1", "DigitalOcean/SG-05"),
        ("2604:a880:2:d0::1", "DigitalOcean/US-CA"),
        ("2a03:b0c0:3:f0::1", "DigitalOcean/DE-HE"),
        ("129.146.0.1", "Oracle/us-phoenix-1"),
        ("140.238.208.1", "Oracle/eu-zurich-1"),
    ],
)
def test_an_address_of_a_cloud_is_its_region(clouds, ip, region):
    assert find(clouds, ip) == [region]


# A new version of the data may bring IPv6 networks of Oracle: name two of them above.
KINDS = {(name, version) for name in NAMES.values() for version in (4, 6)} - {("Oracle", 6)}


def test_every_network_of_every_cloud_is_what_the_package_itself_says_or_more(clouds):
    package = Detector(data_dir=None, offline=True)
    package.ready()
    first = [
        str(ip_network(entry.ip_address)[0])
        for name in package.providers()
        for entry in package.get_ips(name)
    ]
    asked = sorted(set(first))
    kinds = set()
    for ip, label in zip(asked, find(clouds, *asked), strict=True):
        known = package.lookup(ip)
        cloud, _, region = label.partition("/")
        assert cloud == NAMES[known.provider], ip
        # The package has the narrowest network alone, and many of Azure say no region.
        assert region == (known.region or "") or (cloud == "Azure" and not known.region), ip
        kinds.add((cloud, ip_address(ip).version))
    assert kinds == KINDS


def test_all_clouds_have_networks_of_both_kinds_and_a_known_region_is_never_hidden():
    regional, bare = cloud_networks()
    names = {entry.label.partition("/")[0] for entry in [*regional, *bare]}
    assert names == {"AWS", "Azure", "Cloudflare", "DigitalOcean", "GCP", "Oracle"}
    assert {len(entry.network.first) for entry in regional} == {4, 16}
    assert {entry.label for entry in regional} == cloud_regions()
    assert all("/" not in entry.label for entry in bare)
    assert not {entry.network for entry in regional} & {entry.network for entry in bare}


# Lists


def test_github_has_the_networks_of_all_lists_that_hold_nothing_else():
    assert read_networks(json.dumps(GITHUB).encode()) == ["192.30.252.0/22", "2a0a:a440::/29", "4.148.0.0/16"]


def test_a_list_of_lines_may_have_comments():
    assert read_networks(b"# VPNs\n\n185.0.0.0/24 # one\n2a00::/32\n185.0.0.0/24\n") == [
        "185.0.0.0/24",
        "2a00::/32",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"<html>",
        b"10.1.0.0/16\nno network",
        b"{}",
        b"{",
        b"\xff",
        b"0.0.0.0/0",
        b'{"a": ["::/0"]}',
        b'{"a": ' + b"[" * 100_000,
    ],
    ids=lambda content: content[:20].decode("ascii", "replace"),
)
def test_what_is_no_list_leaves_the_old_one_with_its_day(tmp_path, content):
    lake = LocalStore(tmp_path)
    good = refresh_list(lake, "vpn", "http://vpn", lambda _: b"185.0.0.0/24", DAY)
    assert (good.networks, good.fetched, good.problem) == (1, "2026-06-01", None)
    before = lake.read("regions/lists/vpn.json")
    bad = refresh_list(lake, "vpn", "http://vpn", lambda _: content, date(2026, 6, 2))
    assert (bad.networks, bad.fetched) == (1, "2026-06-01")
    assert "http://vpn holds no list" in bad.problem
    assert lake.read("regions/lists/vpn.json") == before


def test_an_outage_without_a_list_says_so_and_the_label_is_not_given(tmp_path):
    def down(url):
        raise ServerUnavailableError(f"{url} is down")

    lake = LocalStore(tmp_path)
    found = refresh_list(lake, "github", "http://github", down, DAY)
    assert (found.networks, found.fetched, found.problem) == (0, None, "http://github is down")
    assert load_list(lake, "github") is None
    assert find(network_table(lake), "192.30.252.1") != ["GitHub"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((500, {}, b"trouble"), "/vpn cannot be read: status 500, 'trouble'"),
        ((403, {}, b""), "/vpn may not be read"),
        ((404, {}, b""), "/vpn does not exist"),
        ((200, {}, None), "/vpn cannot be read: ReadTimeout"),
        ((200, {}, b"1.0.0.0/16 " * 99), "the answer has no end"),
        ((200, {}, b"<html>"), "/vpn holds no list of networks"),
        ((302, {"Location": "https://localhost:9/vpn"}, b""), "redirects to https://localhost:9/vpn"),
    ],
    ids=["down", "denied", "absent", "hangs", "large", "garbage", "redirect"],
)
def test_whatever_the_host_of_a_list_does_nothing_secret_is_shown_or_kept(tmp_path, caplog, answer, problem):
    lake = LocalStore(tmp_path)
    with (
        web_server() as web,
        closing(HttpClient(Limits(read=0.3, size=1000))) as http,
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, "httpx"),
    ):
        url = web.url.replace("://", "://the-user:the-password@") + "/vpn?token=the-key"
        web.answers["/vpn"] = [(200, {}, b"185.0.0.0/24"), answer]
        good, bad = (refresh_list(lake, "vpn", url, http.get, day) for day in (DAY, date(2026, 6, 2)))
    assert (good.networks, good.problem) == (1, None)
    assert (bad.networks, bad.fetched) == (1, "2026-06-01")
    assert problem in bad.problem
    said = bad.problem + caplog.text + lake.read("regions/lists/vpn.json").decode()
    assert not [secret for secret in ("the-user", "the-password", "the-key") if secret in said]


def test_github_goes_before_the_clouds_it_rents_from_and_vpns_come_after_them(tmp_path):
    lake = LocalStore(tmp_path)
    refresh_list(lake, "github", "http://github", lambda _: json.dumps(GITHUB).encode(), DAY)
    networks = b"185.159.156.0/24\n52.94.76.0/24\n2a0d:5600::/32\n"
    refresh_list(lake, "vpn", "http://vpn", lambda _: networks, DAY)
    asked = ("192.30.252.1", "4.148.1.1", "2a0a:a440::1", "185.159.156.9", "2a0d:5600::1", "52.94.76.1")
    found = find(network_table(lake), *asked)
    assert found == ["GitHub", "GitHub", "GitHub", "VPN", "VPN", "AWS/us-west-2"]


def test_a_list_in_the_lake_that_is_not_the_one_that_was_kept_is_left_out(tmp_path, caplog):
    lake = LocalStore(tmp_path)
    refresh_list(lake, "vpn", "http://vpn", lambda _: b"192.0.2.0/24\n", DAY)
    assert load_list(lake, "vpn").networks == ("192.0.2.0/24",)
    lake.write("regions/lists/vpn.json", lake.read("regions/lists/vpn.json").replace(b"192", b"193"))
    assert load_list(lake, "vpn") is None
    assert "its checksum is that of other content" in caplog.text


def test_a_list_in_the_lake_that_cannot_be_read_is_left_out_with_a_warning(tmp_path, caplog):
    lake = LocalStore(tmp_path)
    lake.write("regions/lists/vpn.json", b'{"networks": ["x"], "source": "", "fetched": ""}')
    assert load_list(lake, "vpn") is None
    assert "vpn.json is no list of networks" in caplog.text


# Countries


def test_countries_of_both_kinds_of_addresses_and_none_for_nobodys():
    asked = Addresses.parse(
        ["8.8.8.8", "193.0.6.139", "2a02:8100::1", "2001:200::1", "::ffff:8.8.8.8", "240.0.0.1"]
    )
    assert countries_of(asked, np.arange(6)) == ["US", "NL", "DE", "JP", "US", None]
    assert countries_of(asked, np.array([2, 0])) == ["DE", "US"]
    assert countries_of(asked, np.array([], dtype=np.intp)) == []


def test_every_country_is_a_country_code():
    v4 = [f"{a}.{b}.1.1" for a in range(1, 224) for b in range(0, 256, 5)]
    v6 = [f"2{n:03x}:{m:x}::1" for n in range(0x400, 0xD00, 7) for m in range(0, 2**16, 4096)]
    asked = Addresses.parse(v4 + v6)
    for at in (asked.v4, asked.v6):
        found = set(countries_of(asked, at)) - {None}
        assert len(found) > 30
        assert all(len(code) == 2 and code.isalpha() and code.isupper() for code in found)
        assert not found & {"EU", "AP", "ZZ"}


# What the service says


@pytest.mark.parametrize(
    ("details", "label"),
    [
        ({"ip": "1.2.3.4", "country": "US", "region": "California"}, "US/California"),
        ({"country": "United States", "country_code": "US"}, "US"),
        (
            {"geo": {"country": "United States", "country_code": "US", "region": "California"}},
            "US/California",
        ),
        ({"country": "DE", "region": ""}, "DE"),
        ({"country": "DE", "region": " Bavaria "}, "DE/Bavaria"),
        ({"country": "DE", "region": "a\tb"}, "DE"),
        ({"country": "DE", "region": "x" * 200}, "DE"),
        ({"country": "DE", "region": 7}, "DE"),
        ({"country": "de"}, None),
        ({"country": "AWS", "region": "x"}, None),
        ({"country": None}, None),
        ({"bogon": True}, None),
        ({}, None),
        ("US", None),
        (None, None),
    ],
)
def test_the_place_in_an_answer(details, label):
    assert place_of(details) == label
