"""A process killed at any write to the lake: the next attempt gives the same bytes, nothing twice or lost."""

import hashlib
import os
import signal
import sys

import pytest

from include.s3logs.lake.open_days import open_days
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from tests.support import processes
from tests.support.paths import PROJECT

DAY = "2024-06-02"
# reduce: open, rows, objects, quarantine, foreign, checkpoint; bin: open, rows, keys, checkpoint;
# map: open, rows, six totals, requesters, checkpoint
WRITES_OF_THE_STAGES = 20
SURVIVES = 10_000


@pytest.fixture(autouse=True)
def temporary_files(tmp_path_factory, monkeypatch):
    """Who is killed leaves them behind."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("temporary")))


def run(sample, lake_uri, nth, **env):
    command = [sys.executable, "-m", "tests.support.crashing_run", sample, lake_uri, DAY, nth]
    env = {**os.environ, "PYTHONPATH": f".{os.pathsep}plugins", **env}
    return processes.run(*command, cwd=PROJECT, env=env)


def outputs(lake):
    """The digests of all files that count: those that checkpoints name, and those that are published."""
    from datetime import date

    from include.s3logs.lake.checkpoint import load_checkpoint, read_output

    found = {}
    for stage in ("reduced", "binned", "mapped"):
        checkpoint = load_checkpoint(lake, stage, date.fromisoformat(DAY))
        found[stage] = checkpoint.fingerprint, dict(checkpoint.counts)
        for role in checkpoint.files:
            found[stage, role] = hashlib.sha256(read_output(lake, checkpoint, role)).hexdigest()
    for info in lake.list():
        if info.key.startswith(("usage/", "status/")):
            found[info.key] = hashlib.sha256(lake.read(info.key)).hexdigest()
    return found


@pytest.fixture(scope="module")
def undisturbed(sample_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    finished = run(sample_folder, str(folder), SURVIVES)
    assert finished.returncode == 0, finished.stderr
    return outputs(LocalStore(folder)), int(finished.stdout)


def test_the_matrix_covers_every_write_of_the_stages(undisturbed):
    _, writes = undisturbed
    assert writes > WRITES_OF_THE_STAGES


# Dying before each single write, though not by a signal, is tested beside the stages.
STAND_FOR_ALL = (2, 8, 14, "last")
EVERY = [*range(1, WRITES_OF_THE_STAGES + 1), 30, "last"]


@pytest.mark.parametrize(
    "nth", [nth if nth in STAND_FOR_ALL else pytest.param(nth, marks=pytest.mark.slow) for nth in EVERY]
)
def test_killed_at_a_write_in_a_folder(undisturbed, sample_folder, tmp_path, nth):
    expected, writes = undisturbed
    killed = run(sample_folder, str(tmp_path), writes if nth == "last" else nth)
    assert killed.returncode == -signal.SIGKILL
    assert run(sample_folder, str(tmp_path), SURVIVES).returncode == 0
    lake = LocalStore(tmp_path)
    assert outputs(lake) == expected
    assert open_days(lake) == set()


@pytest.mark.parametrize(
    "nth", [pytest.param(2, marks=pytest.mark.slow), 8, pytest.param(13, marks=pytest.mark.slow)]
)
def test_killed_at_a_write_to_s3(undisturbed, sample_folder, s3, bucket, nth):
    expected, _ = undisturbed
    env = {"AIRFLOW_CONN_AWS_DEFAULT": s3.connection()}
    uri = f"s3://{bucket}/lake/"
    assert run(sample_folder, uri, nth, **env).returncode == -signal.SIGKILL
    finished = run(sample_folder, uri, SURVIVES, **env)
    assert finished.returncode == 0, finished.stderr
    assert outputs(S3Store(s3.client, bucket, "lake/")) == expected
