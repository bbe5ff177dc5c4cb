"""A live Airflow, as `make web` starts it: scheduler, DAG processor and API server as real processes.

Its task processes are killed in the middle of each stage; a failed day is retried alone; a range is
backfilled both ways; the pages behind the buttons are read with and without a login.
"""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from include.s3logs.stores.folder import LocalStore
from s3logs_airflow.local.home import USER, Home
from s3logs_airflow.local.rest import RestClient
from s3logs_airflow.local.runs import Runs
from tests.support import processes
from tests.support.paths import PROJECT

DAYS = ["2024-06-01", "2024-06-02", "2024-06-03"]
KILLS = ["reduced/2024-06-01/", "binned/2024-06-02/", "mapped/2024-06-03/"]
RUN_SECONDS, STOP_SECONDS = 240, 60

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc to kill a task in mid-write"),
]


class Live:
    """The running Airflow, the files it works on, and commands against it."""

    def __init__(self, folder, sample):
        self.sample, self.lake = sample, folder / "lake"
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.home = Home(folder / "airflow")
        self.env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([".", "plugins", str(PROJECT / "tests/support/kill_once")]),
            "S3LOGS_AIRFLOW_HOME": str(self.home.folder),
            "S3LOGS_SOURCES": str(sample / "logs"),
            "S3LOGS_LAKE": str(self.lake),
            "S3LOGS_CATALOG": str(sample / "catalog.csv"),
            "S3LOGS_RETRIES": "2",
            "S3LOGS_RETRY_SECONDS": "1",
            "KILL_ONCE_AT": ":".join(KILLS),
            "KILL_ONCE_NOTES": str(self.notes),
        }
        for name in ("AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"):
            self.env.pop(name, None)

    def started(self):
        """Start Airflow; it stops, as on request, when the block is left or there is no run any more."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        command = [sys.executable, "-m", "s3logs_airflow.local", "web"]
        return processes.started(*command, grace=STOP_SECONDS, cwd=PROJECT, env=self.env, **pipes)

    def command(self, *arguments):
        """Run a command; return its exit status and what it said."""
        command = [sys.executable, "-m", "s3logs_airflow.local", *arguments]
        done = processes.run(*command, cwd=PROJECT, env=self.env)
        return done.returncode, done.stdout + done.stderr

    @property
    def client(self):
        return RestClient(self.home.instance().url, USER, self.home.secret("password"))

    @property
    def runs(self):
        return Runs(self.client)

    def finished(self, run):
        """Wait for the end of a run and return its state and {(stage, day): step}."""
        deadline = time.monotonic() + RUN_SECONDS
        while self.runs.states([run])[run] in ("queued", "running"):
            assert time.monotonic() < deadline, self.runs.steps(run)
            time.sleep(0.3)  # a poll interval
        runs = self.runs
        return runs.states([run])[run], {(step.stage, step.day): step for step in runs.steps(run)}

    def days(self):
        lines = (self.lake / "status/log_days.tsv").read_text().splitlines()
        return {row.split("\t")[0]: row.split("\t")[-2] for row in lines[1:]}

    def usage(self):
        store = LocalStore(self.lake)
        return {info.key: store.read(info.key) for info in store.list("usage/")}

    def page(self, path, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{self.home.instance().url}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@pytest.fixture(scope="module")
def live(sample_folder, tmp_path_factory):
    import shutil

    folder = tmp_path_factory.mktemp("live")
    sample = folder / "sample"
    shutil.copytree(
        sample_folder,
        sample,
        ignore=lambda _, names: [n for n in names if re.search(r"2024-06-0[4-7]-", n)],
    )
    live = Live(folder, sample)
    with live.started() as process:
        output = ""
        for line in process.stdout:  # ends with the process, or with the line that it is up
            output += line
            if "It stays up" in line:
                break
        assert process.poll() is None, output
        yield live


@pytest.fixture(scope="module")
def undisturbed(sample_folder, tmp_path_factory):
    """What the three days give without Airflow and without kills."""
    from datetime import date

    from include.s3logs.catalogs.manifest import ManifestCatalog
    from include.s3logs.logs.sources import find_log_objects
    from include.s3logs.publishing.masking import Masking
    from include.s3logs.publishing.publish import publish
    from include.s3logs.settings import Settings
    from s3logs_airflow.connections.deployment import open_deployment
    from tests.support.one_day import bin_day, map_day, reduce_day

    lake = LocalStore(tmp_path_factory.mktemp("undisturbed"))
    stores = {"logs": LocalStore(sample_folder / "logs")}
    catalog = ManifestCatalog((sample_folder / "catalog.csv").read_bytes(), "catalog.csv")
    regions = open_deployment(Settings(_env_file=None, lake=str(lake.root))).regions()  # as the tasks do
    for day in map(date.fromisoformat, DAYS):
        reduced = reduce_day(lake, stores, day, find_log_objects(stores, day, day), Settings(_env_file=None))
        map_day(lake, bin_day(lake, reduced.checkpoint).checkpoint, catalog, regions)
    publish(lake, Masking(50, 20))
    return {info.key: lake.read(info.key) for info in lake.list("usage/")}


def test_tasks_killed_in_the_middle_of_each_stage_are_retried_to_the_same_bytes(live, undisturbed):
    state, steps = live.finished(live.runs.trigger({"last_day": "2024-06-30"}, "kills"))
    assert {note.name for note in live.notes.iterdir()} == {place.replace("/", "_") for place in KILLS}
    assert state == "success"
    killed = [("reduce", DAYS[0]), ("bin", DAYS[1]), ("map", DAYS[2])]
    assert {step: steps[step].tries for step in killed} == dict.fromkeys(killed, 2)
    assert live.days() == dict.fromkeys(DAYS, "complete")
    assert live.usage() == undisturbed


def test_a_failed_day_is_retried_alone_by_one_command(live, undisturbed):
    victim = next(path for path in sorted((live.sample / "logs/reef").iterdir()) if "2024-06-02" in path.name)
    good = victim.read_bytes()
    victim.write_bytes(b"\x1f\x8bno gzip at all")
    run = live.runs.trigger({"last_day": "2024-06-30"}, "a corrupt object")
    state, steps = live.finished(run)
    assert state == "failed"
    assert (steps["reduce", DAYS[1]].state, steps["reduce", DAYS[1]].tries) == ("failed", 1)
    assert steps["publish", ""].state == "success"
    assert live.days() == {DAYS[0]: "complete", DAYS[1]: "outdated", DAYS[2]: "complete"}
    assert victim.name in live.runs.error(run, steps["reduce", DAYS[1]])

    victim.write_bytes(good)
    status, output = live.command("retry", DAYS[1])
    assert status == 0, output
    state, again = live.finished(run)
    assert state == "success"
    assert live.days() == dict.fromkeys(DAYS, "complete")
    assert live.usage() == undisturbed
    assert [again[stage, DAYS[0]].tries for stage in ("reduce", "bin", "map")] == [1, 1, 1]
    assert (again["reduce", DAYS[1]].tries, again["publish", ""].tries) == (2, 2)


def test_unknown_parameters_and_impossible_dates_are_refused(live):
    for conf in ({"dayz": ["2024-06-01"]}, {"days": ["2999-01-01"]}, {"days": DAYS, "last_day": DAYS[0]}):
        run = live.runs.trigger(conf, "refused")
        state, steps = live.finished(run)
        assert (state, steps["discover", ""].state, steps["discover", ""].tries) == ("failed", "failed", 1)
        assert steps["publish", ""].state == "skipped"
    assert live.days() == dict.fromkeys(DAYS, "complete")


@pytest.mark.parametrize(
    ("order", "reprocess"),
    [
        pytest.param((), "none", marks=pytest.mark.slow),
        (("--backwards",), "completed"),
        pytest.param((), "failed", marks=pytest.mark.slow),
    ],
)
def test_a_backfill_does_exactly_its_days(live, undisturbed, order, reprocess):
    status, output = live.command("backfill", DAYS[0], DAYS[2], *order, "--reprocess", reprocess)
    assert status == 0, output
    assert live.days() == dict.fromkeys(DAYS, "complete")  # and none of a run that nobody asked for
    assert live.usage() == undisturbed
    if reprocess != "failed":  # nothing failed, so there is nothing to do
        found = live.client.pages(
            "/api/v2/dags/s3_access_logs/dagRuns", "dag_runs", run_type="backfill", order_by="-id"
        )
        newest = [run for run, _ in zip(found, DAYS, strict=False)]
        assert {run["partition_key"] for run in newest} == set(DAYS)
        for run in newest:
            assert live.runs.days(run["dag_run_id"]) == [run["partition_key"]]


def test_the_buttons_of_a_task_lead_to_pages_that_need_a_login(live):
    run = next(iter(live.client.pages("/api/v2/dags/s3_access_logs/dagRuns", "dag_runs", run_type="manual")))
    task = f"/api/v2/dags/s3_access_logs/dagRuns/{run['dag_run_id']}/taskInstances/day.reduce"
    links = live.client.get(f"{task}/links", map_index=0)["extra_links"]
    assert set(links) == {"Checkpoint", "Quarantine"}
    client = live.client
    client.get("/api/v2/dags")
    token = client._token
    for name, needle in (("Checkpoint", b'"fingerprint"'), ("Quarantine", b'"reason"')):
        path = links[name].removeprefix(live.home.instance().url)
        assert live.page(path)[0] in (401, 403)
        status, body = live.page(path, token)
        assert (status, needle in body) == (200, True)
    assert live.page("/s3logs/days", token)[0] == 200
    assert live.page("/s3logs/days/2020-01-01/quarantine", token)[0] == 404
    assert live.page("/s3logs/days/..%2f..%2fetc/reduced/checkpoint", token)[0] in (404, 422)
