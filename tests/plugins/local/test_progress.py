"""What a person sees of the runs: parameters in, progress, figures and errors out."""

import argparse
import re
from functools import partial
from io import StringIO

import pytest
from rich.console import Console

from s3logs_airflow.local import progress, report
from s3logs_airflow.local.__main__ import main, parse_days
from s3logs_airflow.local.console import harmless, say
from s3logs_airflow.local.errors import AirflowError
from s3logs_airflow.local.figures import Figures, bar, days_table, human_bytes, read_tsv, show
from s3logs_airflow.local.progress import Snapshot, changes, follow, render
from s3logs_airflow.local.rest import RestClient
from s3logs_airflow.local.runs import Runs
from s3logs_airflow.local.steps import Step
from tests.support.fake_rest import DAG, PASSWORD, USER, fake_airflow

STAGES = ("reduce", "bin", "map")


def console(width=100, **more):
    return Console(file=StringIO(), width=width, highlight=False, **more)


def printed(target):
    return target.file.getvalue()


def steps_of(days, state="success", **others):
    """All steps of a run; `others` are states of `discover`, `publish`, `complete`."""
    around = [Step(task, "", others.get(task, state)) for task in ("discover", "publish", "complete")]
    inner = [Step(f"day.{stage}", day, state, i) for i, day in enumerate(days) for stage in STAGES]
    return around + inner


@pytest.mark.parametrize(
    ("text", "conf"),
    [
        ("2024-06-01:2024-06-07", {"first_day": "2024-06-01", "last_day": "2024-06-07"}),
        ("2024-06-01:", {"first_day": "2024-06-01"}),
        (":2024-06-07", {"last_day": "2024-06-07"}),
        ("2024-06-03", {"days": ["2024-06-03"]}),
        ("2024-06-03, 2024-06-01,2024-06-03,", {"days": ["2024-06-01", "2024-06-03"]}),
    ],
)
def test_days_become_the_parameters_of_the_run(text, conf):
    assert parse_days(text) == conf


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2024-06-31", "'2024-06-31' is no date"),
        ("yesterday", "'yesterday' is no date"),
        (":", "at least one end"),
        (",", "at least one day"),
        ("2024-06-02:2024-06-01", "2024-06-02 is after 2024-06-01"),
        ("2024-06-01:2024-06-02:2024-06-03", "is no date"),
    ],
)
def test_days_that_make_no_sense_are_refused_at_once(text, message, capsys):
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        parse_days(text)
    with pytest.raises(SystemExit) as caught:
        main(["run", "--days", text])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_without_a_terminal_there_is_a_line_for_each_change_in_the_order_of_the_work():
    before = Snapshot({"r": "running"}, {"r": [Step("discover", "", "running")]})
    steps = [
        Step("publish", "", "running"),
        Step("day.bin", "2024-06-02", "queued", 1),
        Step("day.reduce", "2024-06-02", "success", 1),
        Step("day.reduce", "2024-06-01", "failed", 0),
        Step("discover", "", "success"),
    ]
    now = Snapshot({"r": "running"}, {"r": steps})
    assert [line.split() for line in changes(before, now)] == [
        ["discover", "done"],
        ["2024-06-01", "reduce", "FAILED"],
        ["2024-06-02", "reduce", "done"],
        ["publish", "running"],
    ]
    assert changes(now, now) == []


def test_the_next_attempt_of_a_step_is_news_and_a_backfills_runs_are_told_apart_by_their_day():
    first = Snapshot({"r": "running"}, {"r": [Step("publish", "", "success", -1, 1)]})
    second = Snapshot({"r": "running"}, {"r": [Step("publish", "", "success", -1, 2)]}, {"r": "2024-06-02"})
    assert [line.split() for line in changes(first, second)] == [["2024-06-02", "publish", "done"]]


def test_the_live_view_never_hides_what_failed_or_works():
    days = [f"2024-06-{n:02}" for n in range(1, 31)]
    steps = steps_of(days)
    broken = {("day.bin", "2024-06-17"): "failed", ("day.map", "2024-06-29"): "running"}
    steps = [Step(s.task, s.day, broken.get((s.task, s.day), s.state), s.index) for s in steps]
    target = console()
    target.print(render(Snapshot({"r": "running"}, {"r": steps}), height=14, seconds=61.4))
    text = printed(target)
    assert len(text.splitlines()) <= 14
    assert "2024-06-17  done        FAILED      done" in text
    assert "2024-06-29  done        done        running" in text
    assert "… and 25 more days, 25 of them done" in text
    assert "92 of 93 steps, 61 s" in text


def test_taking_addresses_away_is_shown_only_where_it_is_done():
    def snapshot(state):
        return Snapshot({"r": "running"}, {"r": [Step("publish", "", "success"), Step("retain", "", state)]})

    def shown(state):
        target = console()
        target.print(render(snapshot(state), height=24, seconds=0))
        return "retain" in printed(target), [line.split() for line in changes(snapshot(""), snapshot(state))]

    assert shown("skipped") == (False, [["retain", "skipped"]])  # it may have been told that it runs
    assert shown("running") == (True, [["retain", "running"]])
    assert shown("failed") == (True, [["retain", "FAILED"]])


def test_before_anything_is_known_there_is_a_view_too():
    target = console()
    target.print(render(Snapshot({"r": "queued"}, {"r": []}), height=24, seconds=0))
    assert "discover" in printed(target)


at_once = partial(follow, wait=lambda _: None)


@pytest.fixture
def fake():
    with fake_airflow() as (server, url):
        server.runs = Runs(RestClient(url, USER, PASSWORD))
        yield server


def test_a_run_is_followed_to_its_end(fake):
    fake.run("r", "queued", [])
    days = ["2024-06-01"]
    scenes = iter(
        [
            ("running", [("discover", -1, "running"), ("day.reduce", -1, None)]),
            ("running", [("discover", -1, "success"), ("day.reduce", 0, "running")]),
            ("failed", [("discover", -1, "success"), ("day.reduce", 0, "failed")]),
        ]
    )

    def check():
        scene = next(scenes, None)
        if scene:
            fake.run("r", *scene, days=days)

    target = console()
    end = at_once(fake.runs, ["r"], target, check)
    assert (end.ended, end.succeeded) == (True, False)
    assert [(run, step.stage, step.day) for run, step in end.failed()] == [("r", "reduce", "2024-06-01")]
    assert [line.split()[-1] for line in printed(target).splitlines()] == [
        "running",
        "done",
        "running",
        "FAILED",
    ]


def test_of_a_run_that_was_cleared_only_the_news_are_told(fake):
    done, broken = ("day.reduce", 0, "success"), ("day.bin", 0, "failed")
    fake.run("r", "failed", [done, broken], days=["2024-06-01"])
    before = progress.look(fake.runs, ["r"])
    scenes = iter([("queued", "failed", 1), ("running", "running", 2), ("success", "success", 2)])

    def check():
        state, step, tries = next(scenes)
        fake.run("r", state, [done, ("day.bin", 0, step, tries)], days=["2024-06-01"])

    target = console()
    at_once(fake.runs, ["r"], target, check, before)
    assert [line.split()[1:] for line in printed(target).splitlines()] == [
        ["bin", "running"],
        ["bin", "done"],
    ]


def test_runs_that_ended_are_not_asked_for_again_and_waiting_ones_not_for_their_steps(fake):
    for name, state in (("a", "success"), ("b", "queued")):
        fake.run(name, state, [("publish", -1, "success")], partition_key=f"day of {name}")
    first = progress.look(fake.runs, ["a", "b"])
    fake.asked.clear()
    second = progress.look(fake.runs, ["a", "b"], first)
    assert [path for _, path, _, _ in fake.asked] == [f"{DAG}/dagRuns/b"]
    assert second.own_days == {"a": "day of a", "b": "day of b"}
    assert [step.state for step in second.all_steps()] == ["success"]


def test_a_component_that_ends_ends_the_waiting(fake):
    fake.run("r", "running", [])

    def check():
        raise AirflowError("Airflow's scheduler ended unexpectedly")

    with pytest.raises(AirflowError):
        at_once(fake.runs, ["r"], console(), check)


DAYS_TSV = (
    b"log_day\tobjects\tlines\trecords\trejections\texact_duplicates\treduced_rows\tbytes_sent\tstate\n"
    b"2024-06-01\t10\t1200\t1199\t1\t0\t800\t123456789\tcomplete\n"
    b"2024-06-02\t\t\t\t\t\t\t\tincomplete\n"
)
USAGE_TSV = (
    b"dataset\tbytes_sent\tnumber_of_requests\tnumber_of_downloads\n"
    b"[bold]\x1b[31m000003\t2000000\t1240\t1000\nunassociated\t10\t<50\t<50\n"
)


def figures(days=DAYS_TSV):
    return Figures("/lake", read_tsv(days), read_tsv(USAGE_TSV), [])


def test_the_figures_are_readable_and_say_where_the_files_are():
    target = console()
    show(figures(), target)
    text = printed(target)
    assert re.search(r"2024-06-01 +10 +1,200 +1 +800 +123\.5 MB +complete", text)
    assert "incomplete" in text
    assert "1,240      1,000  2.0 MB  ████" in text
    assert "unassociated" in text
    assert "<50" in text
    assert "Everything is in /lake/" in text
    assert "Usage by day" not in text


def test_a_name_out_of_a_catalog_can_neither_style_nor_steer_the_terminal():
    target = console(force_terminal=True, color_system=None)
    show(figures(), target)
    assert r"[bold]\x1b[31m000003" in printed(target)
    assert "\x1b[31m" not in printed(target)
    assert harmless("ü\x07\x1b]0;x\r\nline") == "ü\\x07\\x1b]0;x\\r\nline"


def test_long_tables_show_their_most_interesting_end():
    counts = dict.fromkeys(("bytes_sent", "number_of_requests", "number_of_downloads"), "1")
    rows = [{"date": f"d{n:03}", **counts} for n in range(99)]
    target = console()
    show(Figures("/lake", [], rows, rows), target)
    text = printed(target)
    assert "(the first 31 of 99)" in text
    assert "(the newest 31 of 99)" in text
    assert "d000" in text
    assert "d098" in text


def test_what_did_not_count_of_a_day_is_shown_in_80_columns():
    day = {
        "log_day": "2024-06-01",
        **{"objects": "48120", "unreadable": "11", "foreign": "12", "lines": "4559", "rejections": "13"},
        **{"filtered": "14", "reduced_rows": "3129", "bytes_sent": "256000000000"},
        **{"state": "partial", "reason": "upgrade"},
    }
    target = console(width=80)
    target.print(days_table([day]))
    lines = printed(target).splitlines()
    shown = next(line.split() for line in lines if line.startswith("2024-06-01"))
    assert shown[:9] == ["2024-06-01", "48,120", "11", "12", "4,559", "13", "14", "3,129", "256.0"]
    assert "partial" in printed(target)
    assert "upgrade" in printed(target)
    assert max(map(len, lines)) <= 80


def test_no_figures_yet_is_said():
    target = console()
    show(Figures("/lake", [], [], []), target)
    assert printed(target) == "There are no figures in /lake yet.\n"


def test_only_days_that_are_all_complete_count_as_done():
    assert not figures().complete
    assert [day["log_day"] for day in figures().unfinished] == ["2024-06-02"]
    assert figures(DAYS_TSV.rsplit(b"\n", 2)[0] + b"\n").complete
    assert not Figures("/lake", [], [], []).complete


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0", "0 B"),
        ("999", "999 B"),
        ("1000", "1.0 kB"),
        ("999949", "999.9 kB"),
        ("999960", "1.0 MB"),
        ("1234567890123", "1.2 TB"),
        ("9" * 19, "10000.0 PB"),
        ("<50", "<50"),
        ("", ""),
    ],
)
def test_bytes_for_people(text, shown):
    assert human_bytes(text) == shown


def test_bars_share_the_width_and_little_is_not_nothing():
    assert (bar(100, 100), bar(50, 100), bar(1, 10**9), bar(0, 100), bar(0, 0)) == (
        "█" * 20,
        "█" * 10,
        "▏",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("status_tsv", "complete"),
    [(DAYS_TSV, False), (DAYS_TSV.replace(b"incomplete", b"complete"), True), (None, False)],
)
def test_the_report_says_what_is_not_complete_why_and_what_to_type(
    fake, tmp_path, monkeypatch, status_tsv, complete
):
    if status_tsv:
        (tmp_path / "status").mkdir()
        (tmp_path / "status/log_days.tsv").write_bytes(status_tsv)
    for name in ("S3LOGS_LAKE", "AIRFLOW__LOGGING__LOGGING_LEVEL"):
        monkeypatch.setenv(name, "")  # given back after the test: the report sets them
    fake.answers[f"GET {DAG}/dagRuns"] = fake.pages("dag_runs", [])
    log = [
        {"event": "x", "error_detail": [{"exc_type": "UnreadableObjectError", "exc_value": "bad \x1b gzip"}]}
    ]
    fake.answers[f"GET {DAG}/dagRuns/r/taskInstances/day.bin/logs/3"] = {"content": log}
    summary = {"outcome": "computed", "warnings": ["No record has this operation.", "0 of 2 keys \x1b"]}
    xcom = f"GET {DAG}/dagRuns/r/taskInstances/publish/xcomEntries/return_value"
    fake.answers[xcom] = {"value": summary}
    snapshot = Snapshot({"r": "failed"}, {"r": [Step("day.bin", "2024-06-02", "failed", 0, 3)]})
    target = console()
    assert report.report(target, fake.runs, snapshot, {"S3LOGS_LAKE": str(tmp_path)}, {}) is complete
    text = printed(target)
    assert "2024-06-02 bin failed: UnreadableObjectError: bad \\x1b gzip" in text
    assert "make retry DAY=2024-06-02" in text
    assert ("Not complete: 2024-06-02 (incomplete)" in text) is (status_tsv == DAYS_TSV)
    assert text.splitlines()[-3:] == ["No record has this operation.", "", "0 of 2 keys \\x1b"]
    asked = {path: query for _, path, query, _ in fake.asked}
    assert asked[f"{DAG}/dagRuns/r/taskInstances/day.bin/logs/3"] == {
        "map_index": ["0"],
        "full_content": ["true"],
    }


def test_a_lake_that_cannot_be_read_is_an_error_but_not_the_end_of_the_report(fake, tmp_path, monkeypatch):
    for name in ("S3LOGS_LAKE", "AIRFLOW__LOGGING__LOGGING_LEVEL"):
        monkeypatch.setenv(name, "")
    fake.answers[f"GET {DAG}/dagRuns"] = fake.pages("dag_runs", [])
    target = console()
    assert not report.report(target, fake.runs, Snapshot({}, {}), {"S3LOGS_LAKE": "ftp://lake"}, {})
    assert "cannot be read" in printed(target)


def test_paths_are_not_broken_into_lines():
    target = console(width=20)
    say(target, "/a/very/long/path/that/is/to/be/copied [not a style]")
    assert printed(target) == "/a/very/long/path/that/is/to/be/copied [not a style]\n"
