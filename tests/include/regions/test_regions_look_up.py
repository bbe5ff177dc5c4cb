"""The look-up as a whole: which source answers, what is asked, what is kept, what happens on an outage."""

import logging
from datetime import date, timedelta
from ipaddress import ip_address

import pytest

from include.s3logs.errors import AccessDeniedError, IpQuotaUsedUpError, IpServiceUnavailableError
from include.s3logs.regions import Regions
from include.s3logs.regions.cache import RegionCache, merge_cache
from include.s3logs.regions.networks import Labelled, NetworkTable, read_network
from include.s3logs.stores.folder import LocalStore

DAY = date(2026, 6, 1)
SALT = b"the salt of this test"
HOME, ABROAD, NOWHERE, SIX = "84.0.0.1", "85.0.0.1", "86.0.0.1", "2a02:8100::1"


class Service:
    """Knows `places`; `failures` are raised instead of the first answers, one each."""

    batch_size = 2

    def __init__(self, places, failures=()):
        self.places, self.failures, self.asked = places, list(failures), []

    def details(self, addresses):
        failure = self.failures.pop(0) if self.failures else None
        if failure:
            raise failure
        self.asked += addresses
        answers = {}
        for address in addresses:
            country, region = self.places.get(address, (None, None))
            answers[address] = {"ip": address, "country": country, "region": region}
        return answers


class File:
    def __init__(self, records):
        self.records = records

    def get(self, address):
        return self.records.get(str(address))


@pytest.fixture
def lake(tmp_path):
    return LocalStore(tmp_path)


def regions(lake, service=None, *, today=DAY, salt=SALT, file=None):
    source = [("10.0.0.0/8", "bogon"), ("52.0.0.0/8", "AWS/us-east-1")]
    table = NetworkTable([[Labelled(read_network(text), label) for text, label in source]])
    return Regions(table, salt, RegionCache(lake), today=today, service=service, address_file=file)


PLACES = {HOME: ("DE", "Bavaria"), ABROAD: ("US", "California"), SIX: ("FR", None)}


def test_without_a_service_there_are_countries_and_nothing_is_written(lake, tmp_path):
    asked = ["8.8.8.8", None, "10.1.1.1", "52.1.1.1", "::ffff:8.8.8.8", SIX, "240.0.0.1", "::ffff:52.0.0.1"]
    assert regions(lake).look_up(asked) == [
        *("US", "unknown", "bogon", "AWS/us-east-1"),
        *("US", "DE", "unknown", "AWS/us-east-1"),
    ]
    assert regions(lake).look_up([]) == []
    assert regions(lake).look_up([None]) == ["unknown"]
    assert list(tmp_path.rglob("*")) == []


def test_the_service_is_asked_once_and_only_about_what_nothing_else_knows(lake):
    service = Service(PLACES)
    asked = [HOME, "10.1.1.1", ABROAD, None, "52.1.1.1", NOWHERE, SIX]
    expected = ["DE/Bavaria", "bogon", "US/California", "unknown", "AWS/us-east-1", "SE", "FR"]
    first = regions(lake, service).look_up(asked)
    assert first[5] == regions(LocalStore(lake.root / "other")).look_up([NOWHERE])[0]  # its country, at least
    expected[5] = first[5]
    assert first == expected
    assert service.asked == [HOME, ABROAD, NOWHERE, SIX]
    assert regions(lake, service).look_up(asked) == expected
    merge_cache(lake, DAY)
    assert regions(lake, service).look_up(asked) == expected
    assert service.asked == [HOME, ABROAD, NOWHERE, SIX]  # what it does not know is kept, too


def test_one_object_asks_once_however_an_address_is_written(lake):
    service = Service(PLACES)
    same = regions(lake, service)
    assert same.look_up([HOME, f"::ffff:{HOME}"]) == ["DE/Bavaria"] * 2
    assert same.look_up([HOME]) == ["DE/Bavaria"]
    assert service.asked == [HOME]


def test_without_the_service_the_cache_still_answers_however_old(lake):
    regions(lake, Service(PLACES)).look_up([HOME])
    assert regions(lake, today=DAY + timedelta(days=300)).look_up([HOME, "8.8.8.8"]) == ["DE/Bavaria", "US"]


def test_with_another_salt_nothing_is_found(lake):
    service = Service(PLACES)
    regions(lake, service).look_up([HOME])
    regions(lake, service, salt=b"another salt of a test").look_up([HOME])
    assert service.asked == [HOME, HOME]


# The database file


FILE = File({HOME: {"country_code": "AT", "region": "Tyrol"}, SIX: {"country": "BE"}, ABROAD: {}})


def test_the_file_goes_before_the_service_and_what_it_knows_is_neither_asked_nor_kept(lake):
    service = Service(PLACES)
    asked = [HOME, SIX, ABROAD]
    assert regions(lake, service, file=FILE).look_up(asked) == ["AT/Tyrol", "BE", "US/California"]
    assert service.asked == [ABROAD]
    assert RegionCache(lake).entries["region"].to_pylist() == ["US/California"]
    assert regions(lake, file=FILE).look_up([HOME, "8.8.8.8"]) == ["AT/Tyrol", "US"]


def test_the_cache_goes_before_the_file_until_an_entry_is_due(lake, caplog):
    regions(lake, Service(PLACES)).look_up([HOME, ABROAD, SIX])
    assert regions(lake, file=FILE).look_up([HOME, ABROAD, SIX]) == ["DE/Bavaria", "US/California", "FR"]
    later, service = DAY + timedelta(days=90), Service({ABROAD: ("US", "Oregon")})
    with caplog.at_level(logging.INFO):
        found = regions(lake, service, file=FILE, today=later).look_up([HOME, ABROAD, SIX])
    assert found == ["AT/Tyrol", "US/Oregon", "BE"]
    assert service.asked == [ABROAD]
    for change in ("DE/Bavaria → AT/Tyrol", "US/California → US/Oregon", "FR → BE"):
        assert f"Region changed: {change} (1 addresses)" in caplog.text
    assert not any(address in caplog.text for address in (HOME, ABROAD, SIX))
    # That was kept: it is the cache that says it now, and no change any more.
    caplog.clear()
    assert regions(lake, today=later).look_up([HOME, ABROAD, SIX]) == found
    assert regions(lake, service, file=FILE, today=later).look_up([HOME, ABROAD, SIX]) == found
    assert service.asked == [ABROAD]
    assert "Region changed" not in caplog.text


def test_the_file_is_asked_about_what_the_service_does_not_know(lake, caplog):
    service = Service({})
    with caplog.at_level(logging.INFO):
        country = regions(lake, service).look_up([HOME])
        assert country == regions(LocalStore(lake.root / "other")).look_up([HOME])
        assert regions(lake, service, file=FILE).look_up([HOME]) == ["AT/Tyrol"]
    assert service.asked == [HOME]
    assert "Region changed" not in caplog.text  # nothing that was kept did


def test_where_only_a_file_can_be_asked_what_it_does_not_know_is_unknown(lake):
    regions(lake, Service(PLACES)).look_up([ABROAD])
    later = DAY + timedelta(days=90)
    country = regions(LocalStore(lake.root / "other")).look_up([ABROAD])
    assert regions(lake, file=FILE, today=later).look_up([ABROAD]) == country != ["US/California"]
    assert RegionCache(lake).entries["region"].to_pylist() == ["unknown"]


# Outages


def test_a_used_up_quota_is_undetermined_not_cached_and_healed_later(lake, caplog):
    service = Service(PLACES, [None, IpQuotaUsedUpError("no more")])
    asked = [HOME, NOWHERE, ABROAD, SIX, "10.0.0.1", None]
    assert regions(lake, service).look_up(asked)[:1] == ["DE/Bavaria"]
    assert regions(lake, Service({}, [IpQuotaUsedUpError("no more")])).look_up(asked) == [
        *("DE/Bavaria", regions(lake).look_up([NOWHERE])[0]),
        *("undetermined", "undetermined"),
        *("bogon", "unknown"),
    ]
    assert "not asked any more: no more" in caplog.text
    healed = regions(lake, Service(PLACES)).look_up(asked)
    assert healed[2:4] == ["US/California", "FR"]
    assert "undetermined" not in RegionCache(lake).entries["region"].to_pylist()


def test_a_hiccup_costs_one_batch_and_three_in_a_row_end_the_asking(lake):
    down = IpServiceUnavailableError("down")
    hiccup = Service(PLACES, [down])
    assert regions(lake, hiccup).look_up([NOWHERE, "86.0.0.2", HOME, ABROAD])[2:] == [
        "DE/Bavaria",
        "US/California",
    ]
    dead = Service(PLACES, [down] * 9)
    asked = [f"87.0.0.{n}" for n in range(20)]
    assert regions(lake, dead).look_up(asked) == ["undetermined"] * 20
    assert len(dead.failures) == 6


def test_a_refused_token_fails_because_it_does_not_heal(lake):
    with pytest.raises(AccessDeniedError, match="token"):
        regions(lake, Service(PLACES, [AccessDeniedError("token")])).look_up([HOME])


@pytest.mark.parametrize(
    "answer", [{}, {HOME: "what?"}, {HOME: {"error": "x", "ip": HOME}}, {HOME: {"country": "DE"}}]
)
def test_what_is_no_answer_is_undetermined_and_not_kept(lake, answer):
    service = Service({})
    service.details = lambda addresses: answer
    assert regions(lake, service).look_up([HOME]) == ["undetermined"]
    assert RegionCache(lake).entries.num_rows == 0


# The refresh


def test_what_is_due_is_asked_again_and_a_change_is_logged_without_the_address(lake, caplog):
    regions(lake, Service(PLACES)).look_up([HOME, ABROAD])
    later = DAY + timedelta(days=90)  # by then each slice was due once
    moved = Service({HOME: ("AT", "Tyrol"), ABROAD: PLACES[ABROAD]})
    with caplog.at_level(logging.INFO):
        assert regions(lake, moved, today=later).look_up([HOME, ABROAD]) == ["AT/Tyrol", "US/California"]
    assert sorted(moved.asked) == sorted([HOME, ABROAD])
    assert "Region changed: DE/Bavaria → AT/Tyrol (1 addresses)" in caplog.text
    assert "US/California →" not in caplog.text
    assert HOME not in caplog.text
    assert regions(lake, moved, today=later).look_up([HOME]) == ["AT/Tyrol"]
    assert len(moved.asked) == 2


def test_each_day_only_the_slice_of_that_day_is_asked_again(lake):
    addresses = [str(ip_address("90.0.0.0") + n) for n in range(900)]
    service = Service(dict.fromkeys(addresses, ("NL", None)))
    service.batch_size = 1000
    regions(lake, service).look_up(addresses)
    service.asked.clear()
    counts = []
    for n in range(1, 91):
        regions(lake, service, today=DAY + timedelta(days=n)).look_up(addresses)
        counts.append(len(service.asked))
        service.asked.clear()
    assert sum(counts) == 900
    assert max(counts) < 40


def test_a_due_entry_keeps_its_region_when_nobody_can_be_asked(lake):
    regions(lake, Service(PLACES)).look_up([HOME])
    later = DAY + timedelta(days=90)
    down = Service(PLACES, [IpQuotaUsedUpError("no more")])
    assert regions(lake, down, today=later).look_up([HOME]) == ["DE/Bavaria"]


# Hashes


def test_hashes_count_requesters(lake):
    found = regions(lake).hashes(
        [HOME, f"::ffff:{HOME}", ABROAD, SIX, SIX.replace("::", ":0:0:0:0:0:"), None]
    )
    assert found[0] == found[1]
    assert found[3] == found[4]
    assert len({found[0], found[2], found[3]}) == 3
    assert found[5] is None
    assert all(len(key) == 16 for key in found[:5])
    assert regions(lake, salt=b"another salt of a test").hashes([HOME])[0] != found[0]
    assert found[0].hex() == "ec0ad67db33f77b557842f84fd933ca8"


def test_no_address_and_no_salt_is_in_any_byte_of_the_lake(lake, tmp_path):
    service = Service({**PLACES, NOWHERE: ("SE", None)})
    asked = [HOME, ABROAD, NOWHERE, SIX, "52.0.0.1", "8.8.8.8"]
    regions(lake, service).look_up(asked)
    merge_cache(lake, DAY)
    regions(lake, service, today=DAY + timedelta(days=90)).look_up(asked)
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert content
    for text in asked:
        assert text.encode() not in content
        assert ip_address(text).packed not in content
        assert ip_address(text).packed.hex().encode() not in content
    assert SALT not in content
