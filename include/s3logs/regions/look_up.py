"""From addresses to regions: every source in its order, and the keyed hashes that count requesters."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from include.s3logs.regions.addresses import Addresses
from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.countries import countries_of
from include.s3logs.regions.labels import UNDETERMINED, UNKNOWN
from include.s3logs.regions.networks import NOTHING, NetworkTable
from include.s3logs.regions.service import AddressFile, IpService, ask, places_in
from include.s3logs.salt import hash_address

log = logging.getLogger(__name__)

_SAVE_EVERY = 10  # batches: what a killed task may have asked in vain
_LOGGED_CHANGES = 50

_Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class RegionSource:
    """Where regions come from: `open` loads all that knows them.

    `version` names the data that do not change by themselves, and the salt: a change of it changes results.
    """

    version: str
    open: Callable[[], "Regions"]


class Regions:
    """Where requesters are. Sources in their order, each asked about what those before do not know:

    1. `table`: the deployment's own networks, bogons, GitHub, clouds, VPNs (`NetworkTable`)
    2. `address_file`: an MMDB file of ipinfo, where there is one
    3. `cache`: what the service said before, and `service` itself about the rest and what is due again
    4. the countries in the embedded databases; at last `unknown`

    With a service nothing is passed on to 4 that it could not be asked: that is `undetermined`.
    """

    def __init__(
        self,
        table: NetworkTable,
        salt: bytes,
        cache: RegionCache,
        *,
        today: date,
        service: IpService | None = None,
        address_file: AddressFile | None = None,
    ) -> None:
        """Take the sources; `today` is the UTC day by which the cache's entries are due."""
        self._table, self._salt, self._cache, self._today = table, salt, cache, today
        self._service, self._address_file = service, address_file

    def look_up(self, addresses: Sequence[str | None]) -> list[str]:
        """Return the region of each address, in their order; None is `unknown`.

        Give each address once: what is not in a table is asked for as often as it is given. Raises
        ValueError for a text that is no address, and AccessDeniedError when the service refuses the token.
        """
        parsed = Addresses.parse(addresses)
        codes = self._table.find(parsed)
        labels = self._table.labels[codes]
        given = np.fromiter((key is not None for key in parsed.packed), np.bool_, len(parsed.packed))
        left = np.flatnonzero(given & (codes == NOTHING))
        for source in (self._by_file, self._by_service, self._by_country):
            found = source(parsed, left)
            labels[left] = found
            left = left[[label is None for label in found]]
        labels[left] = UNKNOWN
        labels[~given] = UNKNOWN
        regions: list[str] = labels.tolist()
        return regions

    def hashes(self, addresses: Sequence[str | None]) -> list[bytes | None]:
        """Return the keyed hash (16 bytes) of each address, the same for each way to write it; None of None.

        Equal hashes are equal requesters, as long as the salt stays the same.
        """
        packed = Addresses.parse(addresses).packed
        return [None if key is None else hash_address(self._salt, key) for key in packed]

    def _by_file(self, parsed: Addresses, at: _Positions) -> list[str | None]:
        if self._address_file is None:
            return [None] * len(at)
        return places_in(self._address_file, _packed(parsed, at))

    def _by_country(self, parsed: Addresses, at: _Positions) -> list[str | None]:
        return countries_of(parsed, at)

    def _by_service(self, parsed: Addresses, at: _Positions) -> list[str | None]:
        """Return the label by cache and service, None where the service does not know (or there is none)."""
        if self._service is None and not self._cache.entries.num_rows:
            return [None] * len(at)
        packed = _packed(parsed, at)
        hashes = [hash_address(self._salt, key) for key in packed]
        cached, due = self._cache.find(hashes, self._today)
        hash_of = {
            key: digest
            for key, digest, label, again in zip(packed, hashes, cached, due, strict=True)
            if label is None or again
        }
        answers = self._ask(hash_of)
        self._log_changes(packed, cached, answers)
        otherwise = None if self._service is None else UNDETERMINED
        labels = (answers.get(key) or label or otherwise for key, label in zip(packed, cached, strict=True))
        return [None if label == UNKNOWN else label for label in labels]

    def _ask(self, hash_of: dict[bytes, bytes]) -> dict[bytes, str]:
        """Ask the service about the keys (addresses), keep what it says in the cache and return it."""
        answers: dict[bytes, str] = {}
        if self._service is None or not hash_of:
            return answers
        batches = ask(self._service, list(hash_of))
        while some := list(islice(batches, _SAVE_EVERY)):
            new = {key: label for batch in some for key, label in batch.items()}
            self._cache.add([hash_of[key] for key in new], list(new.values()), self._today)
            answers |= new
        self._cache.reload()
        log.info("The IP service was asked about %d addresses and knew %d.", len(hash_of), len(answers))
        return answers

    def _log_changes(self, packed: list[bytes], cached: list[str | None], answers: dict[bytes, str]) -> None:
        """Log what is elsewhere than it was: labels and numbers, never an address."""
        old_and_new = (
            (label, answers[key])
            for key, label in zip(packed, cached, strict=True)
            if label is not None and key in answers
        )
        changes = Counter((old, new) for old, new in old_and_new if old != new)
        for (old, new), count in changes.most_common(_LOGGED_CHANGES):
            log.info("Region changed: %s → %s (%d addresses)", old, new, count)


def _packed(parsed: Addresses, at: _Positions) -> list[bytes]:
    chosen = (parsed.packed[position] for position in at.tolist())
    return [key for key in chosen if key is not None]
