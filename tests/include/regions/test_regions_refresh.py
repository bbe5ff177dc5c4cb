"""The refresh of the region cache: who is asked about what, what outages and crashes leave to later runs."""

import logging
from datetime import date, timedelta
from ipaddress import ip_address

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.s3logs.errors import (
    AccessDeniedError,
    CorruptLakeError,
    IpQuotaUsedUpError,
    IpServiceUnavailableError,
)
from include.s3logs.lake.checkpoint import checkpoint_key
from include.s3logs.regions import Regions
from include.s3logs.regions.addresses import pack
from include.s3logs.regions.cache import RegionCache, merge_cache
from include.s3logs.regions.ipinfo import Ipinfo
from include.s3logs.regions.networks import Labelled, NetworkTable, read_network
from include.s3logs.regions.refresh import SPAN_DAYS, Refreshed, refresh_cache, requesters
from include.s3logs.regions.salt import hash_address
from include.s3logs.stages.retention import retain_day
from include.s3logs.stores.folder import LocalStore
from tests.support import binned_days
from tests.support.binned_days import bin_rows
from tests.support.offline_regions import offline_regions
from tests.support.small_archive import Archive, line

TODAY = date(2026, 6, 1)
LONG_AGO = TODAY - timedelta(days=90)  # whatever was checked then is due
SALT = b"the salt of this test"
HOME, ABROAD, SIX = "84.0.0.1", "85.0.0.1", "2a02:8100::1"
PLACES = {HOME: ("AT", "Tyrol"), ABROAD: ("US", "California"), SIX: ("FR", None)}


class Service:
    """Knows `places`; instead of its answers to some requests, by their numbers, it raises `failures`."""

    def __init__(self, places=PLACES, failures=(), batch_size=1000):
        self.places, self.failures, self.batch_size = places, dict(failures), batch_size
        self.batches = []

    @property
    def asked(self):
        return [address for batch in self.batches for address in batch]

    def details(self, addresses):
        self.batches.append(addresses)
        if len(self.batches) - 1 in self.failures:
            raise self.failures[len(self.batches) - 1]
        answers = {}
        for address in addresses:
            country, region = self.places.get(address, (None, None))
            answers[address] = {"ip": address, "country": country, "region": region}
        return answers


class Lake(LocalStore):
    """Notes what is read of it."""

    def __init__(self, root):
        super().__init__(root)
        self.reads, self.ranges = [], {}

    def read(self, key, etag=None):
        self.reads.append(key)
        return super().read(key, etag)

    def read_range(self, key, start, length):
        self.ranges[key] = self.ranges.get(key, 0) + length
        return super().read_range(key, start, length)


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def regions(lake, service=None, *, today=TODAY, file=None, own=()):
    table = NetworkTable([[Labelled(read_network(text), label) for text, label in own]])
    return Regions(table, SALT, RegionCache(lake), today=today, service=service, address_file=file)


def again(lake, service=None, **more):
    return refresh_cache(lake, regions(lake, service, **more))


def digest(ip):
    return hash_address(SALT, pack(ip))


def remember(lake, labels, checked=LONG_AGO):
    """What the service said on some day."""
    binned_days.remember(lake, SALT, labels, checked)


def label(lake, ip):
    return RegionCache(lake).find([digest(ip)], TODAY)[0][0]


def ago(days):
    return TODAY - timedelta(days=days)


# What is asked


def test_what_is_due_is_asked_anew_by_the_addresses_of_a_day_that_was_binned_for_real(tmp_path, caplog):
    archive, day = Archive(tmp_path), ago(2)
    content = [line(ip=ip, day=day) for ip in (HOME, ABROAD, ABROAD, SIX, "86.0.0.1")]
    archive.do(day, *content)
    remember(archive.lake, {HOME: "DE/Bavaria", ABROAD: "US/California", "87.0.0.1": "NL"})
    remember(archive.lake, {SIX: "BE"}, checked=TODAY)  # not due
    service = Service()
    with caplog.at_level(logging.INFO):
        counts = again(archive.lake, service)
    assert counts == Refreshed(due=3, found=2, not_found=1, asked=2, answered=2, changed=1, undetermined=0)
    assert sorted(service.asked) == [HOME, ABROAD]
    assert label(archive.lake, HOME) == "AT/Tyrol"
    assert [label(archive.lake, ip) for ip in (SIX, "86.0.0.1", "87.0.0.1")] == ["BE", None, "NL"]
    assert "Region changed: DE/Bavaria → AT/Tyrol (1 addresses)" in caplog.text
    assert "California →" not in caplog.text
    assert not any(ip in caplog.text for ip in (HOME, ABROAD, SIX))

    # The second time there is nothing left to ask, also of what became one file.
    for _ in range(2):
        assert again(archive.lake, service) == Refreshed(due=1, not_found=1)
        merge_cache(archive.lake, TODAY)
    assert len(service.batches) == 1
    # The day tasks look it up without asking either.
    assert regions(archive.lake, service).look_up([HOME, ABROAD]) == ["AT/Tyrol", "US/California"]
    assert len(service.batches) == 1


def test_nothing_of_an_address_stays_in_the_lake(lake):
    bin_rows(lake, ago(1), [HOME, SIX])
    private = {path: path.read_bytes() for path in lake.root.rglob("*") if path.is_file()}
    remember(lake, {HOME: "DE", SIX: "BE"})
    again(lake, Service())
    left = [path for path in lake.root.rglob("*") if path.is_file() and path not in private]
    content = b"".join(path.read_bytes() for path in left)
    assert len(left) == 2
    for ip in (HOME, SIX):
        assert digest(ip) in content
        assert ip.encode() not in content
        assert ip_address(ip).packed not in content
    assert all(path.read_bytes() == before for path, before in private.items())


def test_what_a_source_before_the_cache_knows_by_now_is_nobodys_business(lake):
    bin_rows(lake, ago(1), [HOME, ABROAD])
    remember(lake, {HOME: "DE", ABROAD: "US"})
    service = Service()
    counts = again(lake, service, own=[("84.0.0.0/16", "Campus")])
    assert (counts.due, counts.found, counts.not_found) == (2, 1, 1)
    assert service.asked == [ABROAD]


def test_the_file_is_asked_before_the_service_and_kept_because_that_renews_the_entry(lake):
    class File:
        def get(self, address):
            return {"country_code": "NL"} if str(address) == HOME else None

    bin_rows(lake, ago(1), [HOME, ABROAD])
    remember(lake, {HOME: "DE", ABROAD: "US"})
    service = Service()
    counts = again(lake, service, file=File())
    assert counts == Refreshed(due=2, found=2, asked=2, answered=2, changed=2)
    assert service.asked == [ABROAD]
    assert [label(lake, ip) for ip in (HOME, ABROAD)] == ["NL", "US/California"]
    assert again(lake, service, file=File()) == Refreshed()


def test_with_a_file_alone_nothing_is_left_due(lake):
    class File:
        def get(self, address):
            return {"country_code": "NL"} if str(address) == HOME else None

    bin_rows(lake, ago(1), [HOME, ABROAD])
    remember(lake, {HOME: "DE", ABROAD: "US"})
    assert again(lake, file=File()) == Refreshed(due=2, found=2, asked=2, answered=2, changed=2)
    assert [label(lake, ip) for ip in (HOME, ABROAD)] == ["NL", "unknown"]
    assert again(lake, file=File()) == Refreshed()


# Which days are read, and how much of them


def test_the_newest_days_are_read_first_and_none_when_all_are_found(lake):
    for days, ip in ((0, "86.0.0.1"), (3, HOME), (4, ABROAD), (5, SIX)):
        bin_rows(lake, ago(days), [ip])
    remember(lake, {HOME: "DE", ABROAD: "US"})
    lake.reads.clear()
    assert again(lake, Service()).answered == 2
    tried = [key for key in lake.reads if key.startswith("binned/")]
    assert tried == [f"binned/{ago(days)}/_checkpoint.json" for days in range(5)]
    assert len(lake.ranges) == 3
    lake.reads.clear()
    again(lake, Service())  # nothing is due any more
    assert not [key for key in lake.reads if key.startswith("binned/")]


def test_days_whose_addresses_went_are_passed_over(tmp_path):
    archive = Archive(tmp_path)
    days = [TODAY - timedelta(days=ago) for ago in (1, 2)]
    for day, ip in zip(days, (HOME, ABROAD), strict=True):
        archive.do(day, line(day=day, ip=ip))
    assert list(requesters(archive.lake, TODAY)) == [[HOME], [ABROAD]]
    retain_day(archive.lake, days[0], offline_regions(), TODAY)
    assert list(requesters(archive.lake, TODAY)) == [[ABROAD]]


def test_the_span_ends_after_its_last_day(lake):
    bin_rows(lake, ago(SPAN_DAYS - 1), [HOME])
    bin_rows(lake, ago(SPAN_DAYS), [ABROAD])
    bin_rows(lake, ago(-1), [ABROAD])
    remember(lake, {HOME: "DE", ABROAD: "US"})
    assert again(lake, Service()) == Refreshed(
        due=2, found=1, not_found=1, asked=1, answered=1, changed=1, undetermined=0
    )
    assert label(lake, ABROAD) == "US"


def test_an_entry_that_is_not_found_stays_due_until_a_day_task_meets_it_or_it_is_a_year_old(lake):
    remember(lake, {HOME: "DE", ABROAD: "US"})
    assert again(lake, Service()) == Refreshed(due=2, not_found=2)
    assert regions(lake, Service()).look_up([HOME]) == ["AT/Tyrol"]
    assert again(lake, Service()) == Refreshed(due=1, not_found=1)
    merge_cache(lake, LONG_AGO + timedelta(days=366))
    assert again(lake, Service()) == Refreshed()


def test_of_a_day_only_the_addresses_are_read_each_of_them_given_once(lake):
    addresses = [f"84.{n // 3000}.{n // 7000}.{n % 50}" for n in range(40_000)] + [None] * 10
    binned = bin_rows(lake, ago(1), addresses, row_group_size=3000)
    lake.reads.clear()
    (found,) = requesters(lake, TODAY)
    assert sorted(found) == sorted({ip for ip in addresses if ip})
    rows = binned.files["rows"]
    assert rows.key not in lake.reads
    assert lake.ranges[rows.key] < rows.size / 3


@pytest.mark.parametrize("damage", ["gone", "short", "garbage", "other columns"])
def test_rows_that_cannot_be_read_are_named_and_nobody_is_asked(lake, damage):
    bin_rows(lake, ago(1), [HOME])
    rows = bin_rows(lake, ago(2), [ABROAD]).files["rows"]
    path = lake.root / rows.key
    if damage == "gone":
        path.unlink()
    elif damage == "other columns":
        pq.write_table(pa.table({"n": list(range(1000))}), path)
        path.write_bytes(path.read_bytes()[-rows.size :].rjust(rows.size, b"\0"))
    else:
        path.write_bytes(bytes(rows.size // 2 if damage == "short" else rows.size))
    remember(lake, {HOME: "DE", ABROAD: "US"})
    service = Service()
    with pytest.raises(CorruptLakeError, match=f"{rows.key} does not .*make verify REPAIR=1"):
        again(lake, service)
    assert service.asked == []


# When the service does not answer


MANY = [f"84.0.0.{n}" for n in range(10)]


@pytest.fixture
def many(lake):
    bin_rows(lake, ago(1), MANY)
    remember(lake, dict.fromkeys(MANY, "DE"))
    return Service(dict.fromkeys(MANY, ("DE", None)), batch_size=2)


def test_a_used_up_quota_leaves_the_rest_to_the_next_day(lake, many, caplog):
    many.failures = {2: IpQuotaUsedUpError("no more")}
    assert again(lake, many) == Refreshed(due=10, found=10, asked=6, answered=4, undetermined=6)
    assert "not asked any more: no more" in caplog.text
    assert len(many.batches) == 3
    assert [label(lake, ip) for ip in MANY] == ["DE"] * 10
    answered = many.asked[:4]
    many.batches, many.failures = [], {}
    assert again(lake, many, today=TODAY + timedelta(days=1)).undetermined == 0
    assert set(MANY) - set(answered) <= set(many.asked)
    # Of what was answered a slice may be due on the next day, and no more than that.
    slices = {ip: int.from_bytes(digest(ip)[:2]) % 90 for ip in answered}
    due = {ip for ip, slice_ in slices.items() if (TODAY.toordinal() + 1) % 90 == slice_}
    assert set(many.asked) & set(answered) == due


def test_a_hiccup_costs_a_batch_and_an_outage_ends_the_asking(lake, many):
    down = IpServiceUnavailableError("slow down")
    many.failures = {1: down}
    assert again(lake, many) == Refreshed(due=10, found=10, asked=10, answered=8, undetermined=2)
    skipped = many.batches[1]
    many.batches, many.failures = [], {0: down, 1: down, 2: down}
    assert again(lake, many) == Refreshed(due=2, found=2, asked=2, answered=0, undetermined=2)
    many.batches, many.failures = [], {}
    assert again(lake, many) == Refreshed(due=2, found=2, asked=2, answered=2)
    assert sorted(many.asked) == sorted(skipped)


def test_three_failures_in_a_row_end_the_asking(lake, many):
    many.failures = dict.fromkeys(range(5), IpServiceUnavailableError("down"))
    assert again(lake, many) == Refreshed(due=10, found=10, asked=6, answered=0, undetermined=10)
    assert len(many.batches) == 3


def test_a_refused_token_fails_because_it_does_not_heal(lake, many):
    many.failures = {0: AccessDeniedError("token")}
    with pytest.raises(AccessDeniedError, match="token"):
        again(lake, many)


def test_after_a_crash_only_what_is_left_is_asked(lake, many):
    saving = regions(lake, many)
    saving.ipinfo = Ipinfo(SALT, RegionCache(lake), today=TODAY, service=many, save_every=1)

    class KilledError(BaseException):
        pass

    many.failures = {3: KilledError()}
    with pytest.raises(KilledError):
        refresh_cache(lake, saving)
    answered = many.asked[:6]
    many.batches, many.failures = [], {}
    assert again(lake, many) == Refreshed(due=4, found=4, asked=4, answered=4)
    assert set(many.asked) == set(MANY) - set(answered)


# Beside day tasks


def test_day_tasks_that_learn_and_a_merge_meanwhile_lose_nothing(lake, many):
    details = many.details

    def meanwhile(addresses):
        """A day task asks about one of these and a new address, and somebody merges."""
        day_task = Service({addresses[0]: ("NL", None), "90.0.0.1": ("SE", None)})
        RegionCache(lake).add([digest(addresses[0])], ["NL"], TODAY)
        regions(lake, day_task).look_up(["90.0.0.1"])
        merge_cache(lake, TODAY)
        return details(addresses)

    many.details = meanwhile
    assert again(lake, many).answered == 10
    assert RegionCache(lake).entries.num_rows == 11
    assert label(lake, "90.0.0.1") == "SE"
    assert RegionCache(lake).due(TODAY) == {}


def test_a_day_that_is_binned_anew_meanwhile_is_read_by_its_checkpoint_of_then(lake):
    class Meanwhile(LocalStore):
        """The day is binned anew when its checkpoint was read."""

        def read(self, key, etag=None):
            content = super().read(key, etag)
            if key == checkpoint_key("binned", ago(1)):
                bin_rows(lake, ago(1), [ABROAD])
            return content

    bin_rows(lake, ago(1), [HOME])
    remember(lake, {HOME: "DE", ABROAD: "US"})
    service = Service()
    assert again(Meanwhile(lake.root), service).found == 1
    assert service.asked == [HOME]
