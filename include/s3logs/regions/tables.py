"""The networks of all sources in their order, as one table."""

import gc
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from include.s3logs.regions.bogons import BOGONS, bogons
from include.s3logs.regions.cache import cached_regions
from include.s3logs.regions.clouds import cloud_data_version, cloud_networks
from include.s3logs.regions.countries import country_data_version
from include.s3logs.regions.kept_networks import FORMAT, KeptNetworks
from include.s3logs.regions.labels import GITHUB, VPN
from include.s3logs.regions.lists import LISTS, list_content, list_key, parse_list
from include.s3logs.regions.networks import Labelled, NetworkTable
from include.s3logs.regions.places import known_places
from include.s3logs.stores.store import Store
from include.s3logs.stores.user_cache import user_cache

_Networks = tuple[Labelled, ...]
VERSION = 1
"""Of the rules; a change of it changes results."""


def network_table(
    lake: Store, own: Sequence[Labelled] = (), cache: Callable[[], Path | None] = user_cache
) -> NetworkTable:
    """Return the table as it is kept (`kept_networks.py`); where it is not, it is built in about a second.

    The sources are in the order in which they are given below: GitHub goes before the clouds because it rents
    from them, and VPNs come last because their list holds data centres as a whole. What lacks a list, as that
    cannot be read, is not kept: every task says so.
    """
    contents = {name: list_content(lake, name) for name in LISTS}
    kept = KeptNetworks(lake, _digest(own, contents), cache())
    if (found := kept.find()) is not None:
        return found
    there = {name: data for name, data in contents.items() if data is not None}
    lists = {LISTS[name]: parse_list(data, lake.uri(list_key(name))) for name, data in there.items()}
    github, vpn = (read.labelled(label) if (read := lists.get(label)) else () for label in (GITHUB, VPN))
    table = _built(tuple(own), tuple(github), tuple(vpn))
    if None not in lists.values():
        kept.keep(table)
    return table


def _digest(own: Sequence[Labelled], lists: Mapping[str, bytes | None]) -> str:
    """Return the digest of all that the table is made of."""
    told = [f"format {FORMAT}, rules {VERSION}, {cloud_data_version()}", repr(BOGONS), repr(tuple(own))]
    told += [f"{name} {data and hashlib.sha256(data).hexdigest()}" for name, data in sorted(lists.items())]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


@lru_cache(maxsize=1)
def _built(own: _Networks, github: _Networks, vpn: _Networks) -> NetworkTable:
    with _garbage_stays():
        regional, bare = cloud_networks()
        return NetworkTable([own, list(bogons()), github, regional, bare, vpn])


@contextmanager
def _garbage_stays() -> Iterator[None]:
    """Let Python not look for garbage meanwhile.

    It would look at all networks each time that there are some more of them, which doubles the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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
