"""The networks of GitHub and of VPN providers: lists that are fetched and kept in the lake with their date.

    regions/lists/github.json, regions/lists/vpn.json

Only the DAG s3_ip_regions fetches; the tasks of the days read what is in the lake, so an outage stops nobody.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from include.s3logs.errors import NotFoundError, S3LogsError
from include.s3logs.lake.pointer import CHECKSUM, check_checksum, checksum
from include.s3logs.regions.labels import GITHUB, VPN
from include.s3logs.regions.networks import Labelled, read_network
from include.s3logs.secrets import shown
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)

Fetch = Callable[[str], bytes]
"""Returns the content at an address; what it raises shows no secret of the address."""
FOLDER = "regions/lists"
LISTS = {"github": GITHUB, "vpn": VPN}
"""Label of each list."""
OFF = "none"
"""Instead of a list's address: it is not fetched."""
_WIDEST = 8  # bits


@dataclass(frozen=True, slots=True)
class AddressList:
    """Networks as text, where they come from, and the UTC day (YYYY-MM-DD) on which they were fetched."""

    networks: tuple[str, ...]
    source: str
    fetched: str

    def labelled(self, label: str) -> list[Labelled]:
        """Return the networks with this label."""
        return [Labelled(read_network(network), label) for network in self.networks]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How a refresh went: networks now in the lake, their day, and why it is not today's, if so."""

    networks: int
    fetched: str | None
    problem: str | None


def refresh_list(lake: Store, name: str, url: str, fetch: Fetch, today: date) -> Refreshed:
    """Fetch the list and keep it; if that fails the one in the lake stays, and `problem` says why."""
    try:
        networks = read_networks(fetch(url))
    except S3LogsError as error:
        return _stale(lake, name, str(error))
    except (ValueError, RecursionError) as error:  # the latter when brackets are nested without end
        return _stale(lake, name, f"{shown(url)} holds no list of networks: {error}")
    kept: dict[str, Any] = {"fetched": str(today), "networks": networks, "source": shown(url)}
    kept[CHECKSUM] = checksum(kept)
    lake.write(list_key(name), json.dumps(kept, indent=1, sort_keys=True).encode() + b"\n")
    return Refreshed(len(networks), str(today), None)


def load_list(lake: Store, name: str) -> AddressList | None:
    """Return the list in the lake, or None when there is none that can be read."""
    data = list_content(lake, name)
    return None if data is None else parse_list(data, lake.uri(list_key(name)))


def list_content(lake: Store, name: str) -> bytes | None:
    """Return what the lake has of the list, whether or not that can be read; None when there is nothing."""
    try:
        return lake.read(list_key(name))
    except NotFoundError:
        return None


def parse_list(data: bytes, where: str) -> AddressList | None:
    """Return the list; None, with a warning that names where it is, when this is none."""
    try:
        kept = json.loads(data)
        check_checksum(kept)  # lists of earlier releases have none
        return AddressList(_checked(kept["networks"]), kept["source"], kept["fetched"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s is no list of networks (%s) and is left out.", where, error)
        return None


def read_networks(data: bytes) -> list[str]:
    """Return the networks in the file, sorted: JSON whose lists hold them, or one network a line.

    GitHub's JSON has lists of other things, too; a list counts when all of it is networks. ValueError when
    there is nothing that is a network, or a line that is something else.
    """
    text = data.decode("utf-8")
    if text.lstrip().startswith("{"):
        content = json.loads(text)
        found = {network for values in content.values() for network in _all_networks(values)}
    else:
        lines = (line.partition("#")[0].strip() for line in text.splitlines())
        found = set(_checked([line for line in lines if line]))
    if not found:
        raise ValueError("there is not one network in it")
    return sorted(found)


def _all_networks(values: object) -> tuple[str, ...]:
    try:
        return _checked(values)
    except (ValueError, TypeError):
        return ()


def _checked(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{type(values).__name__} instead of a list")
    return tuple(_networks(values))


def _networks(values: list[object]) -> Iterator[str]:
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{type(value).__name__} instead of a network")
        # A list that claims half the internet is broken: it would take everything for a VPN.
        if read_network(value).bits < _WIDEST:
            raise ValueError(f"{value} is too wide for a network of one provider")
        yield value


def _stale(lake: Store, name: str, problem: str) -> Refreshed:
    kept = load_list(lake, name)
    if kept is None:
        log.warning("There is no list %s, so its label is not given: %s", name, problem)
        return Refreshed(0, None, problem)
    log.warning("The list %s stays as it was on %s: %s", name, kept.fetched, problem)
    return Refreshed(len(kept.networks), kept.fetched, problem)


def list_key(name: str) -> str:
    """Return the key of a list in the lake."""
    return f"{FOLDER}/{name}.json"
