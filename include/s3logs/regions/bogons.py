"""Bogons: addresses that nobody in the internet has.

From the IANA special-purpose address registries (IPv4 and IPv6): what is not globally reachable, and
multicast. Written down here, because what Python's `ipaddress` calls global differs between its releases.
"""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from include.s3logs.regions.labels import BOGON
from include.s3logs.regions.networks import Labelled, read_network

BOGONS: dict[str, tuple[str, ...]] = {
    "0.0.0.0/8": (),  # this network
    "10.0.0.0/8": (),  # private
    "100.64.0.0/10": (),  # behind carriers' address translation
    "127.0.0.0/8": (),  # this machine
    "169.254.0.0/16": (),  # this link
    "172.16.0.0/12": (),  # private
    "192.0.0.0/24": ("192.0.0.9/32", "192.0.0.10/32"),  # protocol assignments
    "192.0.2.0/24": (),  # documentation
    "192.168.0.0/16": (),  # private
    "198.18.0.0/15": (),  # benchmarks
    "198.51.100.0/24": (),  # documentation
    "203.0.113.0/24": (),  # documentation
    "224.0.0.0/4": (),  # multicast
    "240.0.0.0/4": (),  # reserved, and broadcast
    "::/128": (),  # unspecified
    "::1/128": (),  # this machine
    "64:ff9b:1::/48": (),  # translation inside a network
    "100::/64": (),  # discarded
    "2001::/23": (  # protocol assignments
        "2001:1::1/128",
        "2001:1::2/128",
        "2001:3::/32",
        "2001:4:112::/48",
        "2001:20::/28",
        "2001:30::/28",
    ),
    "2001:db8::/32": (),  # documentation
    "2002::/16": (),  # 6to4, given up
    "3fff::/20": (),  # documentation
    "fc00::/7": (),  # private
    "fe80::/10": (),  # this link
    "ff00::/8": (),  # multicast
}
"""Networks, and the networks inside each that are globally reachable all the same."""


def bogons() -> Iterator[Labelled]:
    """Yield the networks of bogons."""
    for network, reachable in BOGONS.items():
        left = [ip_network(network)]
        for hole in map(ip_network, reachable):
            left = [part for whole in left for part in _without(whole, hole)]
        yield from (Labelled(read_network(str(part)), BOGON) for part in left)


def _without(
    whole: IPv4Network | IPv6Network, hole: IPv4Network | IPv6Network
) -> Iterator[IPv4Network | IPv6Network]:
    # Networks of one kind in practice; the types cannot say so.
    if hole.subnet_of(whole):  # type: ignore[arg-type]
        yield from whole.address_exclude(hole)  # type: ignore[arg-type]
    else:
        yield whole
