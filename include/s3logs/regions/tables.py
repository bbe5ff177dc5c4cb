"""The networks of all sources in their order, as one table."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

from include.s3logs.regions.bogons import bogons
from include.s3logs.regions.cache import cached_regions
from include.s3logs.regions.clouds import cloud_data_version, cloud_networks
from include.s3logs.regions.countries import country_data_version
from include.s3logs.regions.labels import GITHUB, VPN
from include.s3logs.regions.lists import LISTS, load_list
from include.s3logs.regions.networks import Labelled, NetworkTable
from include.s3logs.regions.places import known_places
from include.s3logs.stores.store import Store

_Networks = tuple[Labelled, ...]
VERSION = 1
"""Of the rules; a change of it changes results."""


def network_table(lake: Store, own: Sequence[Labelled] = ()) -> NetworkTable:
    """Return the table, built in about a second, or the last one that was built of the same networks.

    The sources are in the order in which they are given below: GitHub goes before the clouds because it rents
    from them, and VPNs come last because their list holds data centres as a whole.
    """
    lists = {label: load_list(lake, name) for name, label in LISTS.items()}
    github, vpn = (kept.labelled(label) if (kept := lists[label]) else () for label in (GITHUB, VPN))
    return _built(tuple(own), tuple(github), tuple(vpn))


@lru_cache(maxsize=1)
def _built(own: _Networks, github: _Networks, vpn: _Networks) -> NetworkTable:
    regional, bare = cloud_networks()
    return NetworkTable([own, list(bogons()), github, regional, bare, vpn])


def data_version(own: bytes = b"", file_version: str = "") -> str:
    """Return which data decide the regions, for fingerprints: packages, the own table, the MMDB file.

    Left out is what changes by itself every day, the lists and the cache: a day keeps what it was given.
    """
    parts = [f"rules {VERSION}", cloud_data_version(), country_data_version()]
    parts += [f"own table {hashlib.sha256(own).hexdigest()[:16]}"] if own else []
    parts += [f"file {file_version}"] if file_version else []
    return ", ".join(parts)


def known_regions(lake: Store) -> set[str]:
    """Return all regions that figures can name, as far as that is known: of the packages, cache and lists."""
    return {*known_places(), *cached_regions(lake), *LISTS.values()}
