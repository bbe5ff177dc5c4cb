"""The labels of regions that are neither a place nor a cloud, and what a place's label looks like.

A place is `US`, or `US/California` where its part is known; a cloud is `AWS/us-east-2`, or `Azure` where the
region is not known. The deployment's own table may hold any label.
"""

import re
from collections.abc import Mapping

BOGON = "bogon"
"""Private, reserved and multicast addresses: nobody's in the internet."""
UNKNOWN = "unknown"
"""No source knows the address, or the record has none."""
UNDETERMINED = "undetermined"
"""The service that would know could not be asked (quota, outage); a later run finds out."""
GITHUB = "GitHub"
VPN = "VPN"

COUNTRY = re.compile(r"[A-Z]{2}")
"""A country code (ISO 3166-1 alpha-2), as full match."""
_LONGEST_PART = 100


def place_of(details: object) -> str | None:
    """Return `CC/Region`, or `CC`, from what ipinfo says of an address; None when it names no country.

    Takes the answers of the Lite, Core and older APIs and the records of the MMDB files: they differ in
    which key holds the code, and in whether the place is under `geo`.
    """
    if not isinstance(details, Mapping):
        return None
    geo = details.get("geo")
    place = geo if isinstance(geo, Mapping) else details
    codes = (place.get(key) for key in ("country_code", "country"))
    country = next((code for code in codes if isinstance(code, str) and COUNTRY.fullmatch(code)), None)
    if country is None:
        return None
    part = place.get("region")
    part = part.strip() if isinstance(part, str) else ""
    # The label ends up in published tables: what is no plain text is left out.
    return f"{country}/{part}" if part and part.isprintable() and len(part) <= _LONGEST_PART else country
