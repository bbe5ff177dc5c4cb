"""Log days that were mapped with different salts: named, counted with no others, and made alike again."""

import json
from datetime import date
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from include.s3logs.days.discover import NEW, Request, look
from include.s3logs.days.discover import OTHER_SALT as OTHER
from include.s3logs.days.states import OTHER_SALT
from include.s3logs.deployment import Deployment, access_from_environment
from include.s3logs.lake.checkpoint import checkpoint_key
from include.s3logs.pipeline import DayRange, preview, run
from tests.support.small_archive import FIRST, SECOND, THIRD, line
from tests.support.small_world import SmallWorld

JULY = date(2024, 7, 1)
IPS = [f"192.0.2.{n}" for n in range(1, 4)]
OURS, THEIRS = "the salt of one worker", "the salt of another worker"


@pytest.fixture
def salt(monkeypatch):
    """Let what follows run on a worker that has this salt."""
    return lambda value: monkeypatch.setenv("IP_HASH_SALT", value)


@pytest.fixture
def world(tmp_path):
    return SmallWorld(tmp_path)


def deliver(world, *days, key="reef.txt"):
    """Three requesters on each day, the same ones."""
    for day in days:
        world.deliver(day, *(line(key, day=day, ip=ip) for ip in IPS), name=key[:4])


def reasons(world):
    header, *rows = (
        row.split("\t") for row in world.lake.read("status/log_days.tsv").decode().split("\n")[:-1]
    )
    return {row[0]: (row[header.index("state")], row[header.index("reason")]) for row in rows}


def requesters(world, name):
    """What is published of a dataset, or the archive: as text, in Parquet and in JSON."""
    folder = f"usage/{name}/requester_count"
    (row,) = pq.read_table(BytesIO(world.lake.read(f"{folder}.parquet"))).to_pylist()
    if name == "archive":
        totals = json.loads(world.lake.read("usage/archive_totals.json"))
    else:
        totals = json.loads(world.lake.read("usage/totals.json"))[name]
    return (
        world.lake.read(f"{folder}.tsv"),
        row["number_of_requesters"],
        totals["number_of_requesters"],
    )


THREE, NOTHING = (b"3\n", 3, 3), (b"\n", None, None)


def test_two_workers_with_different_salts_are_told_and_made_alike_by_a_run_of_their_days(
    world, salt, tmp_path
):
    deliver(world, FIRST, SECOND, THIRD)
    salt(THEIRS)
    assert run(world.settings, days=[FIRST, SECOND]).exit_status == 0
    assert requesters(world, "reef") == THREE

    salt(OURS)
    report = run(world.settings, days=[THIRD])
    assert report.exit_status == 1
    assert report.judgement.failures == [
        "2 log days, 2024-06-01 to 2024-06-02, were mapped with another salt than today's. Give all workers "
        "the same IP_HASH_SALT; a run of 2024-06-01 to 2024-06-02 maps them again."
    ]
    assert report.judgement.warnings == [
        "Log days were mapped with 2 salts, mixed in 2024-06: the numbers of requesters of the archive, and "
        "of datasets with requests in months of different ones, are published empty."
    ]
    assert reasons(world) == {
        "2024-06-01": ("complete", OTHER_SALT),
        "2024-06-02": ("complete", OTHER_SALT),
        "2024-06-03": ("complete", ""),
    }
    assert requesters(world, "reef") == requesters(world, "archive") == NOTHING

    assert run(world.settings, days=DayRange(FIRST, SECOND)).judgement.warnings == []
    assert requesters(world, "reef") == requesters(world, "archive") == THREE
    once = SmallWorld(tmp_path / "once")
    deliver(once, FIRST, SECOND, THIRD)
    assert run(once.settings).exit_status == 0
    assert world.files("usage/", "status/") == once.files("usage/", "status/")


def test_a_salt_that_was_lost_names_all_days_and_leaves_what_they_count_alone(world, salt):
    deliver(world, FIRST, SECOND)
    salt(THEIRS)
    run(world.settings)
    before = world.files("usage/")
    salt(OURS)
    report = run(world.settings, days=[JULY])  # without log objects, so nobody's hash is of this salt
    assert (report.exit_status, len(report.judgement.failures)) == (1, 1)
    assert report.judgement.warnings == []
    assert set(reasons(world).values()) == {("complete", OTHER_SALT), ("empty", "")}
    assert world.files("usage/") == before


def test_days_whose_addresses_are_gone_fail_nothing_and_are_left_alone(world, salt):
    deliver(world, FIRST, SECOND)
    salt(THEIRS)
    run(world.settings, days=[FIRST])
    salt(OURS)
    world.lake.delete([checkpoint_key(stage, FIRST) for stage in ("reduced", "binned")])
    world.source.delete([info.key for info in world.source.list(str(FIRST))])
    report = run(world.settings, days=DayRange(FIRST, SECOND))
    assert [day.day for day in report.days] == [SECOND]
    assert (report.exit_status, report.judgement.failures) == (0, [])
    assert report.judgement.warnings[0] == (
        "1 log days, 2024-06-01, were mapped with another salt than today's and cannot be mapped again: "
        "their rows with addresses are gone from the lake."
    )
    assert requesters(world, "reef") == NOTHING


def retained(world):
    """The settings with which addresses of so long ago are kept no longer."""
    return world.settings.model_copy(update={"keep_addresses_days": 30})


def test_days_that_kept_only_hashes_of_another_salt_fail_nothing_and_are_left_alone(world, salt):
    deliver(world, FIRST)
    salt(THEIRS)
    run(retained(world))
    deliver(world, SECOND)
    salt(OURS)
    report = run(world.settings, days=[FIRST, SECOND])
    assert report.days[0].outcomes["map"] == "reused"
    assert (report.exit_status, report.judgement.failures) == (0, [])
    assert "1 log days, 2024-06-01, were mapped with another salt" in report.judgement.warnings[0]
    assert "cannot be mapped again" in report.judgement.warnings[0]
    assert requesters(world, "reef") == NOTHING
    salt(THEIRS)
    assert run(world.settings, days=[FIRST, SECOND]).judgement.warnings == []
    assert requesters(world, "reef") == THREE


def test_days_whose_hashes_were_kept_with_the_salt_of_today_are_made_alike(world, salt):
    deliver(world, FIRST)
    salt(THEIRS)
    run(world.settings)
    salt(OURS)
    run(retained(world), days=[SECOND])
    assert "a run of 2024-06-01 maps them again" in run(world.settings, days=[SECOND]).judgement.failures[0]
    report = run(world.settings, days=[FIRST])
    assert report.days[0].outcomes["map"] == "computed"
    assert report.judgement.failures == []
    assert requesters(world, "reef") == THREE


@pytest.mark.parametrize(("days", "lost"), [([FIRST, SECOND], ()), (DayRange(FIRST, SECOND), ("reduced",))])
def test_days_are_mapped_again_although_their_log_objects_are_gone(world, salt, days, lost):
    deliver(world, FIRST, SECOND)
    salt(THEIRS)
    run(world.settings)
    before = world.files("usage/", "status/")
    world.source.delete([info.key for info in world.source.list()])
    world.lake.delete([checkpoint_key(stage, FIRST) for stage in lost])
    salt(OURS)
    report = run(world.settings, days=days)
    assert [day.outcomes["map"] for day in report.days] == ["computed", "computed"]
    assert report.exit_status == 0
    assert world.files("usage/", "status/") == before


def test_a_daily_run_maps_no_old_day_again_for_its_salt_and_force_none_without_logs(world, salt):
    deliver(world, FIRST, SECOND)
    salt(THEIRS)
    run(world.settings)
    salt(OURS)
    deployment = Deployment(world.settings, access_from_environment())

    def work(force=False, **request):
        given = (deployment.lake, deployment.sources(), world.settings, deployment.catalog())
        request = Request(own_day=THIRD, **request)
        return look(*given, request, limit=1, force=force, salt=deployment.salt_name()).work

    a_range = {"first_day": FIRST, "last_day": THIRD}
    assert work() == {THIRD: NEW}
    assert work(**a_range) == {FIRST: OTHER, SECOND: OTHER}
    assert work(days=(SECOND,)) == {SECOND: OTHER}
    assert work(**a_range, other_sources=True) == {}
    world.source.delete([info.key for info in world.source.list(str(FIRST))])
    assert work(**a_range) == {FIRST: OTHER, SECOND: OTHER}
    assert work(**a_range, force=True) == {}


def test_what_a_run_would_do_makes_no_salt(world, monkeypatch, tmp_path):
    monkeypatch.delenv("IP_HASH_SALT")
    deliver(world, FIRST)
    settings = world.settings.model_copy(update={"salt_file": str(tmp_path / "salt")})
    assert preview(settings).days == [FIRST]
    assert not (tmp_path / "salt").exists()
    run(settings)
    assert (tmp_path / "salt").exists()
