"""Where on the map a region is: its country and its coordinates, from data that ship with packages.

| region | country | coordinates |
|---|---|---|
| `US` | itself | the country's, from `countryinfo` |
| `US/California` | its first part | the subdivision's of that name, from `iso3166-2`, else the country's |
| `AWS/us-east-2` | by `cloud_regions.csv` | its city's there, else the country's |
| `DigitalOcean/US-CA` | the data name ISO 3166-2 codes | the subdivision's, else the country's |
| all others | none | none |

`cloud_regions.csv` follows what the providers publish of their regions; the place is the city that the region
is named after or known to be near, which is as near as a map of the world needs. A region whose place is not
published has its country alone.
"""

import csv
import json
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

COORDINATES = "regions/region_coordinates.json"
"""Where the lake has the coordinates of all regions that figures can name."""
_CLOUD_REGIONS = Path(__file__).with_name("cloud_regions.csv")
_BY_SUBDIVISION = "DigitalOcean"
Coordinates = tuple[float, float]
"""Latitude and longitude in degrees, north and east positive."""


def country_of(region: str) -> str | None:
    """Return the country (ISO 3166-1 alpha-2) that a region counts for, or None when it is in none.

    A cloud's region counts for the country it is in; a service without a region (`GitHub`, `VPN`,
    `Cloudflare`, `AWS/GLOBAL`), `bogon`, `unknown` and `undetermined` count for none, as does a label of the
    deployment's own table that only looks like a country's: `HQ`, `EU`.
    """
    first, _, rest = region.partition("/")
    if first in _country_codes():
        return first
    if first == _BY_SUBDIVISION:
        country = rest.partition("-")[0]
        return country if country in _country_codes() else None
    found = _clouds().get(region)
    return found[0] if found else None


def coordinates_of(region: str) -> Coordinates | None:
    """Return where to draw a region on a map, or None when it is nowhere in particular."""
    country = country_of(region)
    if country is None:
        return None
    first, _, rest = region.partition("/")
    if first in (country, _BY_SUBDIVISION):
        narrow = _subdivisions().get((country, _plain(rest))) if rest else None
    else:
        narrow = _clouds()[region][1]
    return narrow or _countries().get(country)


def coordinates_table(regions: Iterable[str]) -> dict[str, dict[str, float] | None]:
    """Return `latitude` and `longitude` of each region, sorted; None for what is on no map."""
    table: dict[str, dict[str, float] | None] = {}
    for region in sorted(set(regions)):
        found = coordinates_of(region)
        table[region] = {"latitude": found[0], "longitude": found[1]} if found else None
    return table


def known_places() -> set[str]:
    """Return all countries and cloud regions whose place is known without asking anybody."""
    return {*_countries(), *_clouds()}


def place_data_version() -> str:
    """Return which data the coordinates come from."""
    return ", ".join(f"{package} {version(package)}" for package in ("countryinfo", "iso3166-2"))


@cache
def _clouds() -> Mapping[str, tuple[str, Coordinates | None]]:
    with _CLOUD_REGIONS.open(encoding="utf-8", newline="") as file:
        return {
            row["region"]: (
                row["country"],
                (float(row["latitude"]), float(row["longitude"])) if row["latitude"] else None,
            )
            for row in csv.DictReader(file)
        }


@cache
def _countries() -> Mapping[str, Coordinates]:
    """Return the coordinates of each country: its middle, or its capital where that is not given."""
    from countryinfo import all_countries  # noqa: PLC0415 (only coordinates need it)

    found: dict[str, Coordinates] = {}
    for country in sorted(all_countries(), key=lambda country: str(country.name())):
        pair = country.latlng() or country.capital_latlng()
        known = country.iso(2) in _country_codes()  # the package holds some that are no more
        if known and pair and all(isinstance(degrees, int | float) for degrees in pair):
            found.setdefault(country.iso(2), (float(pair[0]), float(pair[1])))
    return found


@cache
def _country_codes() -> frozenset[str]:
    """Return all codes of ISO 3166-1 alpha-2 that are in force."""
    return frozenset(_iso_3166())


@cache
def _subdivisions() -> Mapping[tuple[str, str], Coordinates]:
    """Return the coordinates of each subdivision by country and each of its names, and by its code."""
    found: dict[tuple[str, str], Coordinates] = {}
    for country, subdivisions in _iso_3166().items():
        # First the names in force: what is one subdivision's name may be another's nickname.
        for names in (_own_names, _other_names):
            for code, subdivision in subdivisions.items():
                latitude, longitude = subdivision["latLng"]
                for name in names(code, subdivision):
                    if _plain(name):
                        found.setdefault((country, _plain(name)), (float(latitude), float(longitude)))
    return found


def _iso_3166() -> dict[str, dict[str, Any]]:
    """Return all countries, also those without subdivisions, and what is known of these by their codes.

    The package is read as data: its code would load others that are not needed for that.
    """
    file = distribution("iso3166-2").locate_file("iso3166_2/iso3166-2.json")
    content: dict[str, dict[str, Any]] = json.loads(Path(str(file)).read_bytes())
    return content


def _own_names(code: str, subdivision: Mapping[str, str]) -> list[str]:
    return [code, subdivision["name"]]


def _other_names(_: str, subdivision: Mapping[str, str | None]) -> list[str]:
    """Return the names in `Bavaria (eng), Free State of Bavaria (eng)`."""
    return [name.partition("(")[0] for name in (subdivision["localOtherName"] or "").split(",")]


def _plain(name: str) -> str:
    """Return the name as it compares: without accents, case and what kind of subdivision it is."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in letters if letter.isalnum())
