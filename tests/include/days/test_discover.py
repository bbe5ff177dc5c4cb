"""Discover: which log days a run does, in which order, and which it leaves to the next one."""

import logging
import os
from datetime import date, timedelta

import pytest

from include.s3logs.catalogs.claims import EmptyCatalog
from include.s3logs.days.discover import Request, discover
from include.s3logs.days.stale import ASKED_AGAIN
from include.s3logs.errors import SettingsError
from include.s3logs.lake.checkpoint import checkpoint_key
from include.s3logs.lake.open_days import open_days
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.regions import UNDETERMINED
from include.s3logs.settings import Settings
from include.s3logs.stages.retention import retain_day
from include.s3logs.stores.folder import LocalStore
from tests.support.offline_regions import offline_regions
from tests.support.one_day import TOKEN, bin_day, map_day, reduce_day

TODAY = date(2024, 6, 20)
LINE = (
    b"owner reef [01/Jun/2024:10:00:00 +0000] 192.0.2.10 - R1 REST.GET.OBJECT a.txt "
    b'"GET /x HTTP/1.1" 200 - 100 500 9 8 "-" "curl/8" -\n'
)


def june(*numbers):
    return [date(2024, 6, number) for number in numbers]


def settings(**values):
    return Settings(_env_file=None, **values)


class World:
    """A lake and one source, both folders; days are numbers in June 2024."""

    def __init__(self, folder):
        self.lake = LocalStore(folder / "lake")
        self.stores = {"reef": LocalStore(folder / "reef")}

    def deliver(self, *numbers, name="A", content=LINE):
        for day in june(*numbers):
            self.stores["reef"].write(f"logs/{day}-11-00-00-{name}", content)

    def remove(self, *numbers, name="A"):
        self.stores["reef"].delete([f"logs/{day}-11-00-00-{name}" for day in june(*numbers)])

    def do(self, *days, regions=None, **values):
        """Do all stages of these days, as the run would."""
        for day in days:
            listing = find_log_objects(self.stores, day, day)
            reduced = reduce_day(self.lake, self.stores, day, listing, settings(**values))
            map_day(
                self.lake,
                bin_day(self.lake, reduced.checkpoint).checkpoint,
                EmptyCatalog(),
                regions or offline_regions(),
            )

    def delivered_and_done(self, *numbers):
        self.deliver(*numbers)
        self.do(*june(*numbers))

    def plan(self, request, *, catalog=None, limit=1000, force=False, asked_again=ASKED_AGAIN, **values):
        found = catalog or EmptyCatalog()
        given = (self.lake, self.stores, settings(**values), found, request)
        return discover(*given, limit=limit, force=force, token=TOKEN, asked_again=asked_again)

    def open_days(self):
        return sorted(open_days(self.lake))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def own(number, **values):
    return Request(own_day=date(2024, 6, number), **values)


def days(*numbers):
    return own(19, days=tuple(june(*numbers)))


def span(first, last):
    first_day, last_day = (number and date(2024, 6, number) for number in (first, last))
    return own(19, first_day=first_day, last_day=last_day)


# Requests that make no sense


@pytest.mark.parametrize("request_", [own(20), days(1, 20), span(1, 20), span(20, None), span(None, 5)])
def test_requests_up_to_today_are_fine(request_):
    request_.check(TODAY)


@pytest.mark.parametrize(
    "request_", [own(21), days(1, 21, 2), span(1, 21), span(21, None), span(None, 21)], ids=str
)
def test_a_day_in_the_future_is_refused_by_name(request_):
    with pytest.raises(SettingsError, match=r"2024-06-21 lies in the future.*2024-06-20"):
        request_.check(TODAY)


@pytest.mark.parametrize("ends", [{"first_day": date(2024, 6, 1)}, {"last_day": date(2024, 6, 1)}], ids=str)
def test_days_and_a_range_together_are_refused(ends):
    with pytest.raises(SettingsError, match=r"`days` or a range.*not both"):
        own(19, days=(date(2024, 6, 1),), **ends).check(TODAY)


def test_a_range_that_ends_before_it_begins_is_refused_with_both_days():
    with pytest.raises(SettingsError, match="first_day 2024-06-05 is after last_day 2024-06-04"):
        span(5, 4).check(TODAY)


def test_a_range_of_one_day_is_fine():
    span(5, 5).check(TODAY)


# The window


@pytest.mark.parametrize(
    ("request_", "settling", "window"),
    [
        (own(19), 10, june(9, 19)),
        (own(19), 0, june(19, 19)),
        (own(19, only_own_day=True), 10, june(19, 19)),
        (days(7, 3, 5), 10, june(3, 7)),
        (span(3, 7), 10, june(3, 7)),
        (span(3, None), 10, [date(2024, 6, 3), None]),
        (span(None, 7), 10, [None, date(2024, 6, 7)]),
        (own(3), 10, [date(2024, 5, 24), date(2024, 6, 3)]),
    ],
)
def test_the_window_that_is_listed(request_, settling, window):
    assert list(request_.window(settling)) == window


# A daily run


def test_the_own_day_is_always_done_also_when_it_is_up_to_date(world):
    world.delivered_and_done(19)
    assert world.plan(own(19)).days == june(19)


def test_the_own_day_is_done_also_when_it_has_no_log_objects_and_says_so(world, caplog):
    with caplog.at_level(logging.WARNING):
        assert world.plan(own(19)).days == june(19)
    assert "No log objects for 2024-06-19" in caplog.text


def test_new_late_and_grown_days_of_the_settling_window_are_done_oldest_first_and_no_others(world):
    world.delivered_and_done(12, 13, 14, 15, 19)
    world.deliver(16)  # new
    world.deliver(14, name="LATE")
    world.deliver(13, content=LINE + LINE.replace(b"R1", b"R2"))  # grown
    assert world.plan(own(19)).days == june(13, 14, 16, 19)


def test_days_before_the_settling_window_and_after_the_own_day_wait(world):
    world.deliver(8, 9, 19, 20)
    assert world.plan(own(19), settling_days=10).days == june(9, 19)
    assert world.plan(own(19), settling_days=0).days == june(19)
    assert world.plan(own(19), settling_days=11).days == june(8, 9, 19)


def test_a_backfill_run_does_its_own_day_alone(world):
    world.deliver(17, 18, 19)
    assert world.plan(own(18, only_own_day=True)).days == june(18)


def test_a_setting_that_changes_the_result_makes_the_days_of_the_window_stale(world):
    world.delivered_and_done(17, 18, 19)
    assert world.plan(own(19), mask_below=7).days == june(19)
    assert world.plan(own(19), operations="REST.HEAD.OBJECT").days == june(17, 18, 19)


def test_a_day_that_is_marked_open_or_whose_checkpoint_is_gone_is_done_again(world):
    world.delivered_and_done(15, 16, 17, 19)
    world.lake.write("open/2024-06-15", b"")
    world.lake.delete([checkpoint_key("mapped", date(2024, 6, 17))])
    assert world.plan(own(19)).days == june(15, 17, 19)


def test_a_day_some_of_whose_log_objects_vanished_is_looked_at_again(world):
    world.deliver(16, name="B")
    world.delivered_and_done(16, 19)
    world.remove(16, name="B")
    assert world.plan(own(19)).days == june(16, 19)


def test_a_day_all_of_whose_log_objects_vanished_is_left_alone(world):
    world.delivered_and_done(16, 19)
    world.remove(16)
    assert world.plan(own(19)).days == june(19)
    assert world.open_days() == []


# Named days and ranges


def test_named_days_are_done_oldest_first_once_each_and_no_others(world):
    world.delivered_and_done(3, 4, 5)
    assert world.plan(days(5, 3, 5, 2)).days == june(2, 3, 5)


def test_a_range_does_every_day_that_has_log_objects(world):
    world.deliver(2, 3, 5, 7, 9)
    world.do(*june(3))
    assert world.plan(span(3, 7)).days == june(3, 5, 7)
    assert world.plan(span(5, None)).days == june(5, 7, 9)
    assert world.plan(span(None, 3)).days == june(2, 3)


def test_a_range_in_which_nothing_is_found_is_an_error_that_names_sources_days_and_what_is_there(world):
    world.stores["s3://kelp/logs"] = LocalStore(world.stores["reef"].root.parent / "kelp")
    world.stores["reef"].write("photos/cat.jpg", b"")
    with pytest.raises(SettingsError) as error:
        world.plan(span(3, 7))
    message = str(error.value)
    assert "from 2024-06-03 to 2024-06-07 in reef, s3://kelp/logs." in message
    assert f"1 other objects are there, such as {world.stores['reef'].uri('photos/cat.jpg')}." in message
    assert "S3LOGS_SOURCES" in message


def test_an_open_range_in_which_nothing_is_found_says_from_when_to_when(world):
    world.deliver(9)
    with pytest.raises(SettingsError, match="from the beginning to 2024-06-07"):
        world.plan(span(None, 7))
    with pytest.raises(SettingsError, match="from 2024-06-10 to now"):
        world.plan(span(10, None))


def test_named_days_without_log_objects_are_done_and_no_error(world):
    assert world.plan(days(3, 4)).days == june(3, 4)


# More days than one run may do


def test_the_oldest_days_are_done_first_and_the_others_left_over(world):
    world.deliver(1, 2, 3, 4, 5)
    plan = world.plan(span(1, 5), limit=2)
    assert (plan.days, plan.left_over) == (june(1, 2), june(3, 4, 5))


def test_as_many_days_as_one_run_may_do_are_all_done(world):
    world.deliver(1, 2, 3)
    world.do(*june(2))
    plan = world.plan(span(1, 3), limit=3)
    assert (plan.days, plan.left_over) == (june(1, 2, 3), [])


def test_when_there_are_too_many_those_that_are_up_to_date_are_passed_over(world):
    world.deliver(1, 2, 3, 4, 5)
    world.do(*june(1, 3))
    plan = world.plan(span(1, 5), limit=2)
    assert (plan.days, plan.left_over) == (june(2, 4), june(5))


def test_a_daily_run_over_the_limit_passes_over_its_own_day_only_when_that_is_up_to_date(world):
    world.deliver(17, 18)
    world.delivered_and_done(19)
    plan = world.plan(own(19), limit=2)
    assert (plan.days, plan.left_over) == (june(17, 18), [])
    world.deliver(19, name="LATE")
    plan = world.plan(own(19), limit=2)
    assert (plan.days, plan.left_over) == (june(17, 18), june(19))


@pytest.mark.parametrize(
    "request_", [span(1, 7), days(1, 2, 3, 4, 5, 6, 7), own(7)], ids=["range", "days", "daily"]
)
def test_repeated_runs_get_through_all_days(world, request_):
    world.deliver(1, 2, 3, 4, 5, 6, 7)
    done = []
    for _ in range(4):
        plan = world.plan(request_, limit=2)
        world.do(*plan.days)
        done += plan.days
    assert done[:7] == june(1, 2, 3, 4, 5, 6, 7)
    assert plan.left_over == []


def test_repeated_runs_get_through_named_days_also_when_some_have_no_log_objects(world):
    world.deliver(3, 5)
    done = []
    for _ in range(3):
        plan = world.plan(days(1, 2, 3, 4, 5), limit=2)
        world.do(*plan.days)
        done += plan.days
    assert done[:5] == june(1, 2, 3, 4, 5)


def test_what_is_left_over_is_told(world, caplog):
    world.deliver(1, 2, 3)
    with caplog.at_level(logging.WARNING):
        world.plan(span(1, 3), limit=1)
    assert "2 days from 2024-06-02 on wait for the next run" in caplog.text


# Regions that could not be asked for


NO_QUOTA = offline_regions(labels={"192.0.2.10": UNDETERMINED})


@pytest.fixture
def asked_in_vain(world):
    """Days long before the settling window that were mapped without an answer, but for one."""
    world.deliver(1, 2, 3, 4)
    world.do(*june(1, 2, 4), regions=NO_QUOTA)
    world.do(*june(3))
    return world


def mapped_ago(world, seconds):
    """Make days' checkpoints so much older: {day: seconds}."""
    for number, age in seconds.items():
        path = world.lake.root / checkpoint_key("mapped", june(number)[0])
        os.utime(path, (path.stat().st_mtime - age,) * 2)


def test_a_daily_run_does_days_of_any_age_with_undetermined_regions_until_these_are_known(asked_in_vain):
    assert asked_in_vain.plan(own(19)).days == june(1, 2, 4, 19)
    assert asked_in_vain.open_days() == ["2024-06-01", "2024-06-02", "2024-06-04", "2024-06-19"]
    asked_in_vain.do(*june(1, 2))  # also without a service: what else knows the address has answered then
    assert asked_in_vain.plan(own(19)).days == june(4, 19)


def test_undetermined_days_of_which_no_log_object_is_left_are_done(asked_in_vain):
    asked_in_vain.remove(1, 2, 3, 4)
    asked_in_vain.deliver(15)
    asked_in_vain.do(*june(15), regions=NO_QUOTA)
    asked_in_vain.remove(15)
    assert asked_in_vain.plan(own(19)).days == june(1, 2, 4, 15, 19)
    asked_in_vain.do(*june(1, 2, 4, 15))
    assert asked_in_vain.plan(own(19)).days == june(19)


def test_undetermined_days_wait_for_all_others_and_each_has_its_turn_although_nobody_answers(asked_in_vain):
    asked_in_vain.deliver(18)
    mapped_ago(asked_in_vain, {1: 10, 2: 30, 4: 20})
    plan = asked_in_vain.plan(own(19), limit=3)
    assert (plan.days, plan.left_over) == (june(2, 18, 19), june(1, 4))
    asked_in_vain.do(*plan.days, regions=NO_QUOTA)
    asked_in_vain.do(*june(18))
    plan = asked_in_vain.plan(own(19), limit=2)  # the own day is up to date and passed over
    assert (plan.days, plan.left_over) == (june(1, 4), june(2))


@pytest.mark.parametrize(
    ("request_", "planned"),
    [
        (days(1, 3), june(1, 3)),
        (span(2, 3), june(2, 3)),
        (own(2, only_own_day=True), june(2)),
        (own(19, other_sources=True), june(19)),
    ],
    ids=["days", "range", "backfill", "other-sources"],
)
def test_other_runs_leave_undetermined_days_alone_that_they_were_not_asked_for(
    asked_in_vain, request_, planned
):
    assert asked_in_vain.plan(request_).days == planned


def test_with_force_no_undetermined_day_is_added_whose_logs_would_be_read_again(asked_in_vain):
    assert asked_in_vain.plan(own(19), force=True).days == june(19)


def test_a_run_does_not_more_undetermined_days_than_are_worth_trying_in_vain(asked_in_vain, caplog):
    mapped_ago(asked_in_vain, {1: 10, 2: 30, 4: 20})
    with caplog.at_level(logging.INFO):
        assert asked_in_vain.plan(own(19), asked_again=2).days == june(2, 4, 19)
    assert "3 log days have undetermined regions; one run does 2 of them" in caplog.text
    asked_in_vain.do(*june(2, 4, 19), regions=NO_QUOTA)
    assert june(1)[0] in asked_in_vain.plan(own(19)).days


def test_looking_for_undetermined_days_reads_checkpoints_and_no_rows(asked_in_vain, monkeypatch):
    asked_in_vain.plan(own(19))
    asked_in_vain.lake.delete([f"open/{day}" for day in asked_in_vain.open_days()])
    asked_in_vain.plan(own(19))  # no day is at work: that the catalog was checked is noted
    read, found = asked_in_vain.lake.read, []
    monkeypatch.setattr(asked_in_vain.lake, "read", lambda key, etag=None: (found.append(key), read(key))[1])
    asked_in_vain.plan(own(19))
    assert {key for key in found if not key.startswith("catalog/")} == {
        *(checkpoint_key("mapped", day) for day in june(1, 2, 3, 4, 19)),
        *(checkpoint_key("binned", day) for day in june(1, 2, 4)),  # are their addresses still there?
    }


def test_undetermined_days_whose_addresses_went_are_not_asked_for_again(asked_in_vain):
    for day in june(1, 2):
        retain_day(asked_in_vain.lake, day, NO_QUOTA, TODAY)
    assert asked_in_vain.plan(own(19)).days == june(4, 19)
    assert asked_in_vain.plan(own(3)).work.get(june(2)[0]) is None


# Force


def test_with_force_days_that_are_up_to_date_are_not_passed_over(world):
    world.delivered_and_done(1, 2, 3)
    plan = world.plan(span(1, 3), limit=2, force=True)
    assert (plan.days, plan.left_over) == (june(1, 2), june(3))


def test_force_adds_no_unchanged_day_of_the_settling_window(world):
    world.delivered_and_done(17, 18, 19)
    assert world.plan(own(19), force=True).days == june(19)


# Open days


def test_the_days_with_work_to_do_are_marked_open_and_those_left_over_or_up_to_date_are_not(world):
    world.deliver(1, 2, 3, 4)
    world.do(*june(2))
    world.plan(span(1, 4), limit=4)
    assert world.open_days() == ["2024-06-01", "2024-06-03", "2024-06-04"]


def test_the_days_left_over_are_not_marked_open(world):
    world.deliver(1, 2, 3)
    world.plan(span(1, 3), limit=2)
    assert world.open_days() == ["2024-06-01", "2024-06-02"]


def test_a_day_without_log_objects_is_marked_open_until_it_has_figures(world):
    world.plan(own(19))
    assert world.open_days() == ["2024-06-19"]
    world.do(*june(19))
    world.plan(own(19))
    assert world.open_days() == []


def test_changed_days_that_were_not_asked_for_are_not_marked_open(world):
    world.deliver(1, 2, 3)
    world.plan(days(1, 3))
    assert world.open_days() == ["2024-06-01", "2024-06-03"]


def test_a_day_stays_marked_until_all_its_stages_are_done(world):
    world.deliver(1)
    world.plan(days(1))
    world.do(*june(1))
    assert world.open_days() == []


def test_years_of_days_are_planned_in_the_order_of_the_calendar(world):
    all_days = [date(2023, 12, 30) + timedelta(days=n) for n in range(4)]
    for day in all_days:
        world.stores["reef"].write(f"{day}-11-00-00-A", LINE)
    request = Request(own_day=date(2024, 6, 19), first_day=date(2023, 1, 1), last_day=date(2024, 6, 1))
    assert world.plan(request).days == all_days
