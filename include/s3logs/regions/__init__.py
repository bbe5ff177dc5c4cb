"""From where: requester IP → region, without keeping an address.

| module | answers |
|---|---|
| `look_up.py` | `Regions`: the sources in their order, and the hashes of requesters |
| `addresses.py`, `networks.py` | many addresses as numbers; networks as intervals that are searched |
| `own_table.py`, `bogons.py`, `lists.py`, `clouds.py` | where networks come from |
| `service.py`, `cache.py` | asking the IP service or a file; what was said, by keyed hash |
| `ipinfo.py`, `refresh.py` | cache, file and service as one source; asking again about what is due |
| `rebuild.py` | the cache made anew of what is whole of it |
| `countries.py` | countries by embedded databases |
| `tables.py`, `kept_networks.py` | all networks as one table; as a file for later tasks |
| `salt.py` | the secret key of the hashes |
| `places.py`, `labels.py` | a region's country and coordinates; the labels that are no place |
"""

from include.s3logs.addresses import address_of
from include.s3logs.regions.labels import BOGON, GITHUB, UNDETERMINED, UNKNOWN, VPN
from include.s3logs.regions.look_up import Regions, RegionSource
from include.s3logs.regions.places import coordinates_of, country_of

__all__ = [
    "BOGON",
    "GITHUB",
    "UNDETERMINED",
    "UNKNOWN",
    "VPN",
    "RegionSource",
    "Regions",
    "address_of",
    "coordinates_of",
    "country_of",
]
