from datetime import date

import pytest

from include.s3logs.lake.open_days import claim_day, close_day, notes, open_day, open_days, take_over
from include.s3logs.stores.folder import LocalStore

DAY = date(2024, 6, 1)


@pytest.fixture
def lake(tmp_path):
    return LocalStore(tmp_path)


def test_a_day_is_open_from_before_the_work_until_its_run_closes_it(lake):
    assert open_days(lake) == set()
    open_day(lake, DAY, "one")
    open_day(lake, DAY, "one")  # its next try
    assert open_days(lake) == {"2024-06-01"}
    close_day(lake, DAY, "one")
    close_day(lake, DAY, "one")
    assert open_days(lake) == set()


def test_a_run_does_not_close_what_another_found_of_the_day_meanwhile(lake):
    claim_day(lake, DAY, "one")
    claim_day(lake, DAY, "two")  # which has seen more log objects
    open_day(lake, DAY, "one")  # goes on, and does not know
    close_day(lake, DAY, "one")
    assert open_days(lake) == {"2024-06-01"}
    close_day(lake, DAY, "two")
    assert open_days(lake) == set()


def test_a_run_does_not_claim_what_another_found_since_it_listed(lake):
    claim_day(lake, DAY, "dead")
    before = notes(lake)
    claim_day(lake, DAY, "two")  # which has seen more log objects
    claim_day(lake, DAY, "one", over=before[str(DAY)])
    close_day(lake, DAY, "one")
    assert lake.read(f"open/{DAY}") == b"two"
    claim_day(lake, DAY, "one", over=notes(lake)[str(DAY)])
    close_day(lake, DAY, "one")
    assert open_days(lake) == set()


def test_a_run_takes_over_what_one_that_died_left(lake):
    open_day(lake, DAY, "dead")
    take_over(lake, DAY, "one")
    close_day(lake, DAY, "one")
    assert open_days(lake) == set()


def test_taking_over_opens_no_day(lake):
    take_over(lake, DAY, "one")
    assert open_days(lake) == set()


def test_the_note_of_an_earlier_release_says_no_run_and_is_taken_over_by_any(lake):
    lake.write(f"open/{DAY}", b"")
    close_day(lake, DAY, "one")
    assert open_days(lake) == {"2024-06-01"}
    take_over(lake, DAY, "one")
    close_day(lake, DAY, "one")
    assert open_days(lake) == set()


def test_names_that_are_no_days_are_none_of_ours(lake):
    lake.write("open/README", b"")
    assert open_days(lake) == set()
