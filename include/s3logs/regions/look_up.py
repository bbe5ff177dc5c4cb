"""From addresses to regions: every source in its order, and the keyed hashes that count requesters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray

from include.s3logs.regions.addresses import Addresses, network_of
from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.countries import countries_of
from include.s3logs.regions.ipinfo import Ipinfo
from include.s3logs.regions.labels import UNKNOWN
from include.s3logs.regions.networks import NOTHING, NetworkTable
from include.s3logs.regions.salt import hash_address
from include.s3logs.regions.service import AddressFile, IpService

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
    2. `cache`: what the IP service said before
    3. `address_file` and `service`: ipinfo, about the rest and about what is due again in the cache
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
        self.table, self.salt = table, salt
        self.ipinfo = Ipinfo(salt, cache, today=today, service=service, file=address_file)

    def look_up(self, addresses: Sequence[str | None]) -> list[str]:
        """Return the region of each address, in their order; None is `unknown`.

        Give each address once: what is not in a table is asked for as often as it is given. Raises
        ValueError for a text that is no address, and AccessDeniedError when the service refuses the token.
        """
        parsed = Addresses.parse(addresses)
        codes = self.table.find(parsed)
        labels = self.table.labels[codes]
        given = np.fromiter((key is not None for key in parsed.packed), np.bool_, len(parsed.packed))
        left = np.flatnonzero(given & (codes == NOTHING))
        for source in (self._by_ipinfo, countries_of):
            if not len(left):
                break  # so that no source is loaded for nothing
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
        return [None if key is None else hash_address(self.salt, key) for key in packed]

    def networks(self, addresses: Sequence[str | None]) -> list[bytes | None]:
        """Return the keyed hash (16 bytes) of the network of each address (`network_of`); None of None."""
        keyed = cache(lambda network: hash_address(self.salt, network))
        packed = Addresses.parse(addresses).packed
        return [None if key is None else keyed(network_of(key)) for key in packed]

    def _by_ipinfo(self, parsed: Addresses, at: _Positions) -> list[str | None]:
        chosen = (parsed.packed[position] for position in at.tolist())
        return self.ipinfo.places([key for key in chosen if key is not None])
