"""What state a log day is in, why, and what a run makes of that."""

from datetime import date, timedelta

import pytest

from include.s3logs.days.judgement import judge
from include.s3logs.days.states import Today, states
from include.s3logs.lake.checkpoint import checkpoint_key
from include.s3logs.pipeline import run
from include.s3logs.stages.reduce import settings_digest
from tests.support.small_archive import FIRST, SECOND, THIRD, line
from tests.support.small_world import SmallWorld

CORRUPT = b"\x1f\x8bno gzip"


@pytest.fixture
def world(tmp_path):
    return SmallWorld(tmp_path)


def table(world):
    header, *rows = (
        row.split("\t") for row in world.lake.read("status/log_days.tsv").decode().split("\n")[:-1]
    )
    return [dict(zip(header, row, strict=True)) for row in rows]


def told(world, *names):
    return [tuple(row[name] for name in names) for row in table(world)]


def test_states_by_what_the_lake_holds(world):
    world.deliver(FIRST, line(), name="A")
    world.deliver(FIRST, CORRUPT, name="B")
    world.deliver(THIRD, line(day=THIRD), b"this is no record\n", b"nor this\n")
    report = run(world.settings.model_copy(update={"on_unreadable": "skip"}), days=[FIRST, SECOND, THIRD])
    assert told(world, "log_day", "objects", "unreadable", "state") == [
        ("2024-06-01", "2", "1", "partial"),
        ("2024-06-02", "0", "0", "empty"),
        ("2024-06-03", "", "", "incomplete"),
    ]
    assert report.judgement.failures == ["Not complete: 2024-06-01 (partial), 2024-06-03 (incomplete)."]


def test_partial_days_fail_the_run_unless_they_are_accepted(world):
    world.deliver(FIRST, line(), name="A")
    world.deliver(FIRST, CORRUPT, name="B")
    skip = world.settings.model_copy(update={"on_unreadable": "skip"})
    report = run(skip)
    assert (report.exit_status, report.days[0].error) == (1, "")
    accepted = run(skip.model_copy(update={"partial": "accept"}))
    assert accepted.exit_status == 0
    assert accepted.judgement.warnings == [
        "Accepted without their unreadable log objects: 2024-06-01 (partial)."
    ]


def test_what_was_filtered_and_what_is_foreign_is_counted(world):
    world.deliver(FIRST, line(), line(status=404), line().replace(b"GET.OBJECT", b"HEAD.OBJECT"))
    world.source.write("2024-06-01-11-00-00-README.md", b"")
    run(world.settings, days=[FIRST])
    assert told(world, "objects", "foreign", "records", "filtered", "reduced_rows", "state", "reason") == [
        ("1", "1", "3", "2", "1", "complete", "")
    ]


def test_days_that_were_made_with_other_settings_keep_their_state_and_say_so(world):
    for day in (FIRST, SECOND):
        world.deliver(day, line(day=day), line(day=day, ip="198.51.100.7"))
    run(world.settings)
    other = world.settings.model_copy(update={"excluded_ips": ("198.51.100.7",)})
    report = run(other, days=[SECOND])
    assert told(world, "log_day", "reduced_rows", "state", "reason") == [
        ("2024-06-01", "2", "complete", "other settings"),
        ("2024-06-02", "1", "complete", ""),
    ]
    assert report.exit_status == 0
    (warning,) = report.judgement.warnings
    assert warning.startswith("1 log days were made with other settings than today's; a run of 2024-06-01")
    assert run(other).judgement.warnings == []


def test_figures_that_are_lost_are_said_and_made_again(world):
    for day in (FIRST, SECOND):
        world.deliver(day, line(day=day))
    run(world.settings)
    before = world.files("usage/")
    world.lake.delete([checkpoint_key("mapped", FIRST)])
    report = run(world.settings, days=[SECOND])
    assert report.judgement.failures == ["Not complete: 2024-06-01 (incomplete, figures lost)."]
    assert run(world.settings).exit_status == 0
    assert world.files("usage/") == before


def test_no_logs_any_more_is_a_warning_after_three_days_and_a_failure_if_they_are_expected(world):
    world.deliver(FIRST, line())
    days = [FIRST + timedelta(days=n) for n in range(4)]
    assert run(world.settings, days=days[:3]).judgement.warnings == []
    (warning,) = run(world.settings, days=days).judgement.warnings
    assert warning.startswith("No log objects since 2024-06-02: 3 log days in a row.")
    expecting = world.settings.model_copy(update={"expect_logs": 4})
    assert run(expecting, days=days).exit_status == 0
    report = run(world.settings.model_copy(update={"expect_logs": 3}), days=days)
    assert report.exit_status == 1
    assert report.judgement.failures == [warning]
    world.deliver(days[3], line(day=days[3]))
    assert run(expecting, days=days).judgement.warnings == []


def test_a_lake_that_never_saw_logs_says_nothing_of_silence(world):
    assert run(world.settings, days=[date(2024, 6, n) for n in range(1, 6)]).judgement.warnings == []


def test_days_of_other_runs_are_warnings_and_fail_nothing(world):
    world.deliver(FIRST, line())
    world.deliver(SECOND, b"this is no record\n")
    run(world.settings)
    days = states(world.lake, today=Today(settings_digest(world.settings)))
    judgement = judge(days, world.settings, [str(FIRST)])
    assert judgement.failures == []
    assert judgement.warnings == ["Not complete, and not of this run: 2024-06-02 (incomplete)."]
