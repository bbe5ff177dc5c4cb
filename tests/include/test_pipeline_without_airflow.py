"""`pipeline.run` and `python -m include.s3logs`: the whole of a run, without Airflow."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from include.s3logs.__main__ import main
from include.s3logs.days.retention import Retention
from include.s3logs.errors import SettingsError
from include.s3logs.lake.stages import names
from include.s3logs.pipeline import DayRange, run
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from tests.support.addresses_in import addresses_in
from tests.support.paths import PROJECT
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY
from tests.support.small_archive import FIRST, SECOND, THIRD, line
from tests.support.small_world import SmallWorld

GARBAGE = b"this is no record\n"


@pytest.fixture
def world(tmp_path):
    world = SmallWorld(tmp_path)
    for day in (FIRST, SECOND):
        world.deliver(day, line(day=day), line(key="kelp.txt", day=day))
    return world


@pytest.fixture
def in_environment(world, settings_env):
    """The world's settings, as the command finds them."""
    settings_env(sources=world.source.root, lake=world.lake.root, catalog=world.folder / "catalog.csv")
    return world


def test_every_day_that_is_found_is_done_and_published(world):
    told = []
    report = run(world.settings, progress=told.append)
    assert report.exit_status == 0
    assert [day.day for day in report.days] == [FIRST, SECOND]
    assert told == report.days
    assert report.days[0].outcomes == {"reduce": "computed", "bin": "computed", "map": "computed"}
    assert report.days[0].counts["reduced_rows"] == 2
    assert [day.state for day in report.published.days] == ["complete", "complete"]
    assert report.published.totals["total_number_of_requests"] == 4


def test_a_second_run_reuses_everything_and_touches_nothing(world):
    run(world.settings)
    before = {info.key: info for info in world.lake.list()}
    again = run(world.settings)
    after = {info.key: info for info in world.lake.list()}
    assert again.exit_status == 0
    assert again.published.reused
    assert {outcome for day in again.days for outcome in day.outcomes.values()} == {"reused"}
    new = [after.pop(key) for key in after.keys() - before.keys()]
    assert after == before
    assert {info.key.partition("/")[0] for info in new} == {"listings"}  # what the run has seen
    assert {outcome for day in run(world.settings, force=True).days for outcome in day.outcomes.values()} == {
        "computed"
    }


def test_a_day_that_fails_stops_no_other_and_is_mended_by_the_next_run(world):
    world.deliver(FIRST, GARBAGE * 9, name="BAD")
    report = run(world.settings)
    assert report.exit_status == 1
    assert report.days[0].error.startswith("reduce: 9 of 11 lines of log day 2024-06-01")
    assert str(report.days[0]).startswith("2024-06-01  FAILED: reduce: 9 of 11 lines")
    assert [(day.log_day, day.state) for day in report.published.days] == [
        ("2024-06-01", "incomplete"),
        ("2024-06-02", "complete"),
    ]
    world.source.delete([f"{FIRST}-11-00-00-BAD"])
    assert run(world.settings).exit_status == 0


def test_days_are_named_or_a_range(world):
    world.deliver(THIRD, line(day=THIRD))
    assert [day.day for day in run(world.settings, days=[SECOND]).days] == [SECOND]
    assert [day.day for day in run(world.settings, days=DayRange(first=SECOND)).days] == [SECOND, THIRD]
    assert [day.day for day in run(world.settings, days=DayRange(last=FIRST)).days] == [FIRST]


def test_nothing_is_begun_with_settings_or_days_that_make_no_sense(world, tmp_path):
    now = datetime(2024, 6, 2, tzinfo=UTC)
    with pytest.raises(SettingsError, match="2024-06-03 lies in the future"):
        run(world.settings, days=[THIRD], now=now)
    with pytest.raises(SettingsError, match="S3LOGS_SOURCES"):
        run(world.settings.model_copy(update={"sources": ()}))
    with pytest.raises(SettingsError, match="No log objects"):
        run(world.settings, days=DayRange(date(2020, 1, 1), date(2020, 1, 2)))
    assert world.files() == {}


def test_two_runs_at_once_on_one_lake_leave_what_one_leaves(world, tmp_path):
    for number in range(3, 9):
        day = date(2024, 6, number)
        world.deliver(day, *(line(day=day, sent=100 + n) for n in range(50)))
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: run(world.settings), range(2)))
    assert [day.error for report in reports for day in report.days] == [""] * 16
    # One that publishes while the other is still at work on a day calls that day outdated; the next does not.
    assert {day.state for report in reports for day in report.published.missing} <= {"outdated"}
    assert run(world.settings).exit_status == 0
    assert world.files("open/", "publish/_unfinished") == {}
    shared = world.files()
    world.lake = LocalStore(tmp_path / "alone")
    run(world.settings.model_copy(update={"lake": str(world.lake.root)}))
    for folder in ("usage/", "status/"):
        assert {key: shared[key] for key in shared if key.startswith(folder)} == world.files(folder)
    for stage in names():  # the loser has thrown its files away
        assert sum(key.startswith(f"{stage}/") for key in shared) == len(world.files(f"{stage}/"))


def test_buckets_are_reached_with_the_standard_environment(world, s3, bucket, monkeypatch):
    variables = {"ENDPOINT_URL": s3.endpoint, "ACCESS_KEY_ID": ACCESS_KEY, "SECRET_ACCESS_KEY": SECRET_KEY}
    for name, value in {**variables, "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    for info in world.source.list():
        s3.put(bucket, f"logs/{info.key}", world.source.read(info.key))
    update = {"sources": (f"s3://{bucket}/logs/",), "lake": f"s3://{bucket}/lake"}
    assert run(world.settings.model_copy(update=update)).exit_status == 0
    run(world.settings)
    shown = world.files("usage/", "status/")
    lake = S3Store(s3.client, bucket, "lake/")
    keys = [info.key for folder in ("usage/", "status/") for info in lake.list(folder)]
    assert {key: lake.read(key) for key in keys} == shown


def test_addresses_go_when_they_are_older_than_is_said_and_the_figures_stay(world):
    settings = world.settings.model_copy(update={"keep_addresses_days": 30})
    kept = run(settings, now=datetime(2024, 7, 1, tzinfo=UTC))
    assert kept.retained == Retention()
    before = world.files("usage/")
    report = run(settings, now=datetime(2024, 7, 2, tzinfo=UTC))
    assert (report.exit_status, report.retained) == (0, Retention((FIRST,)))
    after = run(settings, now=datetime(2024, 7, 3, tzinfo=UTC))
    assert after.retained == Retention((SECOND,))
    assert {outcome for day in after.days for outcome in day.outcomes.values()} == {"reused"}
    assert addresses_in(world.lake, ["192.0.2.10"]) == {}
    assert world.files("usage/") == before
    assert run(world.settings).retained is None


def test_addresses_that_cannot_be_taken_out_fail_the_run(world, capsys, settings_env):
    run(world.settings)
    (file,) = (info.key for info in world.lake.list(f"binned/{FIRST}/rows-"))
    world.lake.write(file, b"x" * world.lake.find(file).size)
    report = run(world.settings.model_copy(update={"keep_addresses_days": 30}))
    assert report.exit_status == 1
    assert report.retained.days == (SECOND,)
    settings_env(sources=world.source.root, lake=world.lake.root, keep_addresses_days=30)
    settings_env(catalog=world.folder / "catalog.csv")
    assert main(["run"]) == 1
    out = capsys.readouterr().out
    assert "retain  FAILED: 2024-06-01: " in out
    assert "retain      addresses of 0 log days went" in out


# The command


def test_the_command_says_a_line_for_each_day_and_ends_with_the_runs_status(in_environment, capsys):
    assert main(["run"]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("2024-06-01  reduce computed, bin computed, map computed  (")
    assert second.startswith("2024-06-02  ")
    assert last.startswith("publish     computed, ")
    in_environment.deliver(FIRST, GARBAGE * 9, name="BAD")
    assert main(["run", "--days", "2024-06-01:2024-06-01"]) == 1
    out = capsys.readouterr().out
    assert "2024-06-01  FAILED: reduce: 9 of 11 lines" in out
    assert "Not complete: 2024-06-01 (outdated)" in out


def test_discover_says_what_a_run_would_do_and_writes_nothing(in_environment, capsys):
    assert main(["discover"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2024-06-01        1 log objects  new",
        "2024-06-02        1 log objects  new",
        "2 log days, 2 with work; nothing was done.",
    ]
    assert in_environment.files() == {}
    main(["run"])
    in_environment.deliver(SECOND, line(day=SECOND, sent=7), name="LATE")
    before = in_environment.files()
    capsys.readouterr()
    assert main(["discover", "--days", "2024-06-01,2024-06-02"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2024-06-01        1 log objects  up to date",
        "2024-06-02        2 log objects  log objects or settings changed",
        "2 log days, 1 with work; nothing was done.",
    ]
    (in_environment.folder / "catalog.csv").write_text("object_key,dataset,version,asset_path\nx,x,1,x\n")
    main(["discover", "--days", "2024-06-01"])
    assert capsys.readouterr().out.startswith("2024-06-01        1 log objects  the catalog changed\n")
    assert in_environment.files() == before


def test_of_a_catalog_that_was_never_fetched_discover_says_so(in_environment, settings_env, capsys, caplog):
    settings_env(catalog="dandi:http://127.0.0.1:9/api")
    assert main(["discover"]) == 0
    assert "never fetched" in caplog.text
    assert "2 with work" in capsys.readouterr().out
    assert in_environment.files() == {}


@pytest.mark.parametrize("days", ["yesterday", ":", "2024-06-31"])
def test_days_that_are_none_are_refused_with_how_to_write_them(days, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["run", "--days", days])
    assert ended.value.code == 2
    assert "2024-06-01" in capsys.readouterr().err


def test_without_settings_the_command_names_them_and_fails(capsys):
    assert main(["run"]) == 1
    assert "S3LOGS_SOURCES and S3LOGS_LAKE must be set" in capsys.readouterr().err


def test_no_airflow_is_loaded(in_environment):
    code = (
        "import sys; from include.s3logs.__main__ import main; status = main(['run']); "
        "loaded = {name.split('.')[0] for name in sys.modules} & {'airflow', 's3logs_airflow'}; "
        "sys.exit(status or (f'loaded: {loaded}' if loaded else 0))"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
