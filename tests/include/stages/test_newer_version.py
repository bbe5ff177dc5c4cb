"""A newer version of a stage: finished days of all times are computed again, or stay, and are never lost."""

import os
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from include.s3logs.catalogs.manifest import ManifestCatalog
from include.s3logs.days.discover import Request, discover
from include.s3logs.days.stale import UPGRADE
from include.s3logs.lake.checkpoint import checkpoint_key, load_checkpoint, read_output
from include.s3logs.pipeline import run
from tests.support import newer_version
from tests.support.small_archive import FIRST, SECOND, line
from tests.support.small_world import SmallWorld

NOW = datetime(2026, 1, 2, tzinfo=UTC)
STAGES = ["reduced", "binned", "mapped"]


@pytest.fixture
def world(tmp_path):
    """Two log days, published."""
    world = SmallWorld(tmp_path)
    for day in (FIRST, SECOND):
        world.deliver(day, line(day=day), line(key="kelp.txt", day=day, ip="192.0.2.11"), name="A")
        world.deliver(day, line(day=day, sent=7), name="B")
    assert run(world.settings).exit_status == 0
    return world


@pytest.fixture
def raise_version(monkeypatch):
    return partial(newer_version.raise_version, monkeypatch)


def expire(world, day=FIRST):
    world.source.delete([info.key for info in world.source.list(str(day))])


def usage(world):
    return world.files("usage/")


def status(world):
    rows = [row.split("\t") for row in world.lake.read("status/log_days.tsv").decode().splitlines()[1:]]
    return {row[0]: (row[-2], row[-1]) for row in rows}


def all_days(world):
    return run(world.settings, days=[FIRST, SECOND], now=NOW)


def daily(world, limit=100):
    """What a daily run, long after, does."""
    own_day = NOW.date() - timedelta(days=1)
    catalog = ManifestCatalog((world.folder / "catalog.csv").read_bytes(), "catalog.csv")
    request, stores = Request(own_day=own_day), {str(world.source.root): world.source}
    return discover(world.lake, stores, world.settings, catalog, request, limit=limit, token="daily")


@pytest.mark.parametrize("name", STAGES)
def test_a_daily_run_opens_finished_days_of_all_times(world, raise_version, name):
    assert daily(world).work.get(FIRST) is None
    raise_version(name)
    plan = daily(world)
    assert {day: plan.work[day] for day in (FIRST, SECOND)} == dict.fromkeys((FIRST, SECOND), UPGRADE)


def test_no_more_than_a_run_maps_the_longest_ago_mapped_first(world, raise_version):
    run(world.settings, days=[FIRST], force=True)
    raise_version("mapped")
    plan = daily(world, limit=2)
    assert (SECOND in plan.days, plan.left_over) == (True, [FIRST])


def test_a_run_of_everything_does_days_whose_logs_are_gone_too(world, raise_version):
    expire(world)
    raise_version("mapped")
    report = run(world.settings)
    assert [day.day for day in report.days] == [FIRST, SECOND]
    assert report.exit_status == 0


@pytest.mark.parametrize("name", STAGES)
def test_days_are_outdated_and_the_publication_stays_until_all_are_done(world, raise_version, name):
    before = usage(world)
    raise_version(name)
    first = run(world.settings, days=[FIRST], now=NOW)
    assert usage(world) == before
    assert status(world) == {str(FIRST): ("complete", ""), str(SECOND): ("outdated", "upgrade")}
    assert "1 log days, 2024-06-02 to 2024-06-02, wait to be computed by newer rules" in " ".join(
        first.judgement.warnings
    )
    second = run(world.settings, days=[SECOND], now=NOW)
    assert second.exit_status == 0
    assert status(world) == {str(FIRST): ("complete", ""), str(SECOND): ("complete", "")}
    assert usage(world) == before  # the rules of a test are the same


def test_figures_that_do_change_appear_when_all_days_are_done(world, raise_version):
    before = usage(world)
    world.deliver(FIRST, line(sent=1), name="LATE")
    raise_version("reduced")
    run(world.settings, days=[FIRST], now=NOW)
    assert usage(world) == before
    run(world.settings, days=[SECOND], now=NOW)
    assert usage(world) != before


@pytest.mark.parametrize("gone", ["all", "one"])
@pytest.mark.parametrize("name", STAGES)
def test_where_logs_are_gone_a_day_stays_by_older_rules_and_counts(world, raise_version, name, gone):
    before = usage(world)
    if gone == "all":
        expire(world)
    else:
        world.source.delete([f"{FIRST}-11-00-00-A"])
    raise_version(name)
    report = all_days(world)
    assert [day.error for day in report.days] == ["", ""]
    assert usage(world) == before
    # Bin and map read what the stage before left, and that is there.
    reason = "older rules" if name == "reduced" else ""
    assert status(world) == {str(FIRST): ("complete", reason), str(SECOND): ("complete", "")}
    assert report.exit_status == 0
    again = all_days(world)
    assert {outcome for day in again.days for outcome in day.outcomes.values()} == {"reused"}
    assert daily(world).work.get(FIRST) is None


@pytest.mark.parametrize("logs", ["there", "gone"])
@pytest.mark.parametrize("name", STAGES)
def test_where_addresses_went_a_day_is_computed_from_what_is_left_or_stays(world, raise_version, name, logs):
    before = usage(world)
    run(world.settings.model_copy(update={"keep_addresses_days": 30}), now=NOW)
    if logs == "gone":
        expire(world)
    new = raise_version(name)
    raise_version(name, upgrades={new.version - 1: None, new.version: None})  # for rows that are not there
    report = all_days(world)
    assert [day.error for day in report.days] == ["", ""]
    assert usage(world) == before
    stays = name == "binned" or (name == "reduced" and logs == "gone")
    anew = name == "reduced" and logs == "there"
    assert status(world)[str(FIRST)] == ("complete", "older rules" if stays else "" if anew else "retained")
    again = all_days(world)
    assert {outcome for day in again.days for outcome in day.outcomes.values()} == {"reused"}
    assert daily(world).work.get(FIRST) is None


@pytest.mark.parametrize(
    ("name", "lost", "reason"),
    [
        ("binned", ["reduced"], "older rules"),
        ("mapped", ["reduced", "binned"], "older rules"),
        ("mapped", ["binned"], ""),
        ("mapped", ["reduced"], ""),
    ],
)
@pytest.mark.parametrize("what", ["checkpoint", "rows"])
def test_where_what_a_stage_reads_is_gone_its_result_stays(world, raise_version, name, lost, reason, what):
    before = usage(world)
    expire(world)
    for stage in lost:
        rows = load_checkpoint(world.lake, stage, FIRST).files["rows"].key
        world.lake.delete([checkpoint_key(stage, FIRST) if what == "checkpoint" else rows])
    raise_version(name)
    report = all_days(world)
    assert [day.error for day in report.days] == ["", ""]
    assert usage(world) == before
    assert status(world)[str(FIRST)] == ("complete", reason)
    assert daily(world).work.get(FIRST) != UPGRADE


def test_a_day_whose_reduced_rows_and_logs_are_gone_stays_when_reduce_is_newer(world, raise_version):
    before = usage(world)
    expire(world)
    world.lake.delete([info.key for info in world.lake.list(f"reduced/{FIRST}/")])
    raise_version("reduced")
    assert [day.error for day in all_days(world).days] == ["", ""]
    assert usage(world) == before
    assert status(world)[str(FIRST)] == ("complete", "older rules")
    assert daily(world).work.get(FIRST) is None


def test_a_stage_upgrades_its_old_rows_where_the_logs_are_gone(world, raise_version):
    def doubled(attempt, earlier):
        rows = pq.read_table(BytesIO(read_output(world.lake, earlier, "rows")))
        at = rows.column_names.index("bytes_sent")
        more = pc.multiply(rows["bytes_sent"], 2)
        sink = BytesIO()
        pq.write_table(rows.set_column(at, rows.schema.field(at), more), sink)
        attempt.write("rows", "parquet", sink.getvalue())
        return {**earlier.counts, "bytes_sent": 2 * earlier.counts["bytes_sent"]}

    expire(world)
    expire(world, SECOND)
    before = load_checkpoint(world.lake, "mapped", FIRST).counts["bytes_sent"]
    raise_version("reduced", upgrades={1: doubled})
    assert all_days(world).exit_status == 0
    assert load_checkpoint(world.lake, "mapped", FIRST).counts["bytes_sent"] == 2 * before
    assert status(world) == {str(FIRST): ("complete", ""), str(SECOND): ("complete", "")}
    again = all_days(world)
    assert {outcome for day in again.days for outcome in day.outcomes.values()} == {"reused"}


def test_a_day_that_is_kept_is_opened_by_the_version_after(world, raise_version):
    expire(world)
    raise_version("reduced")
    all_days(world)
    raise_version("reduced")
    assert daily(world).work[FIRST] == UPGRADE
    assert [day.error for day in all_days(world).days] == ["", ""]
    assert status(world)[str(FIRST)] == ("complete", "older rules")


def test_kept_days_are_computed_when_their_logs_are_back(world, raise_version):
    logs = {info.key: world.source.read(info.key) for info in world.source.list(str(FIRST))}
    times = {key: (world.source.root / key).stat() for key in logs}
    expire(world)
    raise_version("reduced")
    all_days(world)
    for key, content in logs.items():
        world.source.write(key, content)
        os.utime(world.source.root / key, ns=(times[key].st_atime_ns, times[key].st_mtime_ns))
    report = all_days(world)
    assert report.days[0].outcomes["reduce"] == "computed"
    assert status(world)[str(FIRST)] == ("complete", "")
