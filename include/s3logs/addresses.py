"""Addresses as texts."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def address_of(remote_ip: str) -> IPv4Address | IPv6Address:
    """Return the address; an IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) as IPv4."""
    address = ip_address(remote_ip)
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
