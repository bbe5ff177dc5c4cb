"""Networks as intervals: the answer is that of comparing with `ipaddress`, one network after the other."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.s3logs.addresses import address_of
from include.s3logs.regions.addresses import Addresses, pack, text_of
from include.s3logs.regions.networks import Labelled, NetworkTable, read_network


def find(table, *addresses):
    return table.labels[table.find(Addresses.parse(addresses))].tolist()


def table(*sources):
    return NetworkTable(
        [[Labelled(read_network(text), label) for text, label in source] for source in sources]
    )


# Comparison with ipaddress. Few distinct bits, so that networks nest and addresses hit them and their edges.

V4 = st.builds(
    lambda high, low: IPv4Address(high << 24 | low),
    st.sampled_from((0, 9, 10, 255)),
    st.integers(0, 2**24 - 1),
)
V6 = st.builds(
    lambda high, low: IPv6Address(high << 112 | low),
    st.sampled_from((0, 0x2001, 0x2002, 0xFFFF)),
    st.one_of(st.integers(0, 2**112 - 1), st.integers(0, 2**16), st.just(0xFFFF << 32)),
)


@st.composite
def networks(draw):
    address = draw(st.one_of(V4, V6))
    return ip_network((address, draw(st.integers(0, address.max_prefixlen))), strict=False)


def edges(network):
    first, last = int(network[0]), int(network[-1])
    kind = type(network[0])
    beyond = [n for n in (first - 1, last + 1) if 0 <= n < 1 << network.max_prefixlen]
    return [kind(n) for n in (first, last, *beyond)]


def by_hand(sources, text):
    address = address_of(text)
    for source in sources:
        holding = [
            (network.prefixlen, at, label)
            for at, (network, label) in enumerate(source)
            if network.version == address.version and address in network
        ]
        if holding:
            return max(holding)[2]
    return None


@settings(max_examples=300, deadline=None)
@given(
    sources=st.lists(st.lists(st.tuples(networks(), st.sampled_from("ABCDEF")), max_size=12), max_size=3),
    others=st.lists(st.one_of(V4, V6), max_size=20),
)
def test_every_address_has_the_label_that_comparing_one_by_one_gives(sources, others):
    asked = others + [edge for source in sources for network, _ in source for edge in edges(network)]
    asked = [str(address) for address in asked]
    # A network inside ::ffff:0:0/96 is one of IPv4 addresses, and that is how it has to be compared.
    as_read = [
        [
            (ip_network((net.first, net.bits)), label)
            for network, label in source
            for net in [read_network(str(network))]
        ]
        for source in sources
    ]
    made = table(*[[(str(network), label) for network, label in source] for source in sources])
    assert find(made, *asked) == [by_hand(as_read, text) for text in asked]


@given(st.one_of(V4, V6))
def test_an_address_is_packed_as_ipaddress_packs_it_and_back(address):
    assert pack(str(address)) == address_of(str(address)).packed
    assert ip_address(text_of(pack(str(address)))) == address_of(str(address))


# By example


def test_the_first_source_wins_and_in_it_the_narrowest_network():
    made = table(
        [("10.1.0.0/16", "own")],
        [("10.0.0.0/8", "wide"), ("10.1.2.0/24", "narrow"), ("10.2.2.0/24", "narrow"), ("10.2.2.2", "one")],
    )
    assert find(made, "10.1.2.3", "10.2.2.3", "10.2.2.2", "10.3.0.1", "11.0.0.0", None) == [
        *("own", "narrow", "one", "wide"),
        *(None, None),
    ]


def test_whole_address_spaces_and_their_last_addresses():
    made = table([("0.0.0.0/0", "four"), ("::/0", "six"), ("255.255.255.255", "last")])
    last_six = str(IPv6Address(2**128 - 1))
    assert find(made, "0.0.0.0", "255.255.255.254", "255.255.255.255", "::", last_six) == [
        *("four", "four", "last"),
        *("six", "six"),
    ]


def test_addresses_with_zero_bytes_at_the_end_are_told_apart():
    made = table([("2001::/32", "a"), ("2001:0:100::/40", "b")])
    assert find(made, "2001::", "2001:0:0:1::", "2001:0:100::", "2001:1::") == ["a", "a", "b", None]


def test_ipv4_addresses_in_ipv6_clothes_are_ipv4_addresses():
    made = table([("192.0.2.0/24", "four"), ("::ffff:198.51.100.0/120", "clothed"), ("::/8", "six")])
    assert find(made, "::ffff:192.0.2.9", "::FFFF:C000:209", "198.51.100.1", "::192.0.2.9") == [
        *("four", "four", "clothed"),
        "six",
    ]


def test_a_zone_is_no_part_of_the_address():
    assert find(table([("fe80::/10", "link")]), "fe80::1%eth0") == ["link"]


def test_nothing_in_the_table_or_nothing_asked():
    assert find(table(), "10.0.0.1", "::1", None) == [None, None, None]
    assert find(table([("10.0.0.0/8", "a")])) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/",
        "10.0.0/8",
        "::/129",
        "10.0.0.0/255.0.0.0",
        "x",
        "1.2.3.4/ 8",
    ],
)
def test_what_is_no_network_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        read_network(text)


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.3.256", "1.2.3.04", "::g", "hello", "10.0.0.0/8"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        Addresses.parse([text])
