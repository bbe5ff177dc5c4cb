"""Which log days lose their addresses, when, and what is said of them."""

import logging
from datetime import date, timedelta

import pytest

from include.s3logs.days.retention import Retention, retain
from include.s3logs.days.states import OTHER_SETTINGS, RETAINED, Today, states
from include.s3logs.lake.checkpoint import checkpoint_key, load_checkpoint
from include.s3logs.lake.open_days import open_day
from include.s3logs.lake.retained import with_addresses
from include.s3logs.publishing.publish import STATUS, publish
from include.s3logs.regions import RegionSource
from include.s3logs.stores.folder import LocalStore
from tests.support.addresses_in import addresses_in
from tests.support.offline_regions import offline_regions
from tests.support.small_archive import EXACT, FIRST, SECOND, THIRD, Archive, line

DAYS = (FIRST, SECOND, THIRD)
LATER = THIRD + timedelta(days=100)
IP = "192.0.2.10"


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """Nothing here is about power cuts."""
    monkeypatch.setattr("include.s3logs.stores.folder.os.fsync", lambda _: None)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Three published log days, to copy."""
    archive = Archive(tmp_path_factory.mktemp("done"))
    for day in DAYS:
        archive.do(day, line(day=day, ip=IP), line("kelp.txt", day=day, ip="8.8.8.8"))
    publish(archive.lake, EXACT)
    return archive


@pytest.fixture
def archive(done, tmp_path):
    return done.copy(tmp_path)


def kept(archive):
    return sorted(with_addresses(archive.lake))


@pytest.mark.parametrize(
    ("keep_days", "today", "went"),
    [
        (10, THIRD + timedelta(days=8), ()),
        (10, THIRD + timedelta(days=9), (FIRST,)),
        (10, THIRD + timedelta(days=10), (FIRST, SECOND)),
        (10, THIRD + timedelta(days=11), DAYS),
        (0, THIRD, (FIRST, SECOND)),
    ],
)
def test_days_that_are_more_than_so_many_days_ago_lose_their_addresses(archive, keep_days, today, went):
    assert retain(archive.lake, offline_regions(), keep_days, today) == Retention(went)
    assert kept(archive) == [day for day in DAYS if day not in went]
    assert {date.fromisoformat(key.split("/")[1]) for key in addresses_in(archive.lake, [IP])} == set(
        kept(archive)
    )


def test_one_run_does_so_many_the_oldest_first_and_the_next_goes_on(archive):
    assert retain(archive.lake, offline_regions(), 9, LATER, most=2) == Retention((FIRST, SECOND), (THIRD,))
    assert retain(archive.lake, offline_regions(), 9, LATER, most=2) == Retention((THIRD,))
    assert retain(archive.lake, offline_regions(), 9, LATER) == Retention()


def test_regions_are_loaded_once_and_only_when_a_day_needs_them(archive):
    opened, source = [], offline_regions()
    counting = RegionSource(source.version, lambda: (opened.append(1), source.open())[1])
    retain(archive.lake, counting, 9, LATER)
    assert len(opened) == 1
    retain(archive.lake, counting, 9, LATER)
    assert len(opened) == 1


@pytest.mark.parametrize("lacking", ["open", "no figures"])
def test_days_that_are_not_finished_keep_theirs_and_are_named(archive, caplog, lacking):
    if lacking == "open":
        open_day(archive.lake, SECOND, "a run")
    else:
        archive.lake.delete([checkpoint_key("mapped", SECOND)])
    found = retain(archive.lake, offline_regions(), 9, LATER)
    assert found == Retention((FIRST, THIRD), unfinished=(SECOND,))
    assert kept(archive) == [SECOND]
    assert (
        "1 log days are older than addresses are kept, and not finished; theirs stay: 2024-06-02"
        in caplog.text
    )


@pytest.mark.parametrize("trouble", ["damaged", "lost"])
def test_a_day_that_cannot_be_done_stops_no_other_and_says_why(archive, trouble):
    rows = load_checkpoint(archive.lake, "binned", FIRST).files["rows"].key
    if trouble == "damaged":
        archive.lake.write(rows, b"something else")
    else:
        archive.lake.delete([checkpoint_key("binned", FIRST)])
    found = retain(archive.lake, offline_regions(), 9, LATER)
    assert found.days == (SECOND, THIRD)
    (problem,) = found.problems
    assert problem.startswith("2024-06-01: ")
    assert kept(archive) == [FIRST]


def test_what_killed_writers_left_beside_goes_with_them(archive):
    lake = LocalStore(archive.lake.root, public="usage/")
    left = [lake.root / f"{stage}/{FIRST}/.s3logs-tmp-0" for stage in ("reduced", "binned")]
    for path in left:
        path.write_text(IP)
    retain(lake, offline_regions(), 9, LATER)
    assert not any(path.exists() for path in left)


# What is said of them


def reasons(archive, **options):
    return [(day.log_day, day.state, day.reason) for day in states(archive.lake, **options)]


def test_the_table_of_log_days_says_so_and_the_figures_stay(archive):
    before = {key: archive.lake.read(key) for key in archive.files("usage/")}
    retain(archive.lake, offline_regions(), 10, THIRD + timedelta(days=9))
    assert not publish(archive.lake, EXACT).reused
    first, second, _ = archive.lake.read(STATUS).decode().splitlines()[1:]
    assert first.endswith("\tcomplete\tretained")
    assert second.endswith("\tcomplete\t")
    assert {key: archive.lake.read(key) for key in archive.files("usage/")} == before
    assert publish(archive.lake, EXACT).reused


def test_a_day_that_still_has_a_file_with_addresses_is_not_called_retained(archive):
    retain(archive.lake, offline_regions(), 9, LATER)
    archive.lake.write(f"reduced/{SECOND}/rows-0.parquet", b"of a killed attempt")
    assert [reason for _, _, reason in reasons(archive)] == [RETAINED, "", RETAINED]


def test_what_asks_for_something_is_said_first(archive):
    retain(archive.lake, offline_regions(), 9, LATER)
    assert {reason for _, _, reason in reasons(archive, today=Today("others"))} == {OTHER_SETTINGS}


def test_nothing_is_said_at_a_level_that_people_see_when_all_is_well(archive, caplog):
    with caplog.at_level(logging.INFO):
        retain(archive.lake, offline_regions(), 9, LATER)
    assert {record.levelno for record in caplog.records} == {logging.INFO}
    assert "2024-06-01: addresses and raw lines of this day are gone from the lake (3 files)" in caplog.text
    assert IP not in caplog.text
