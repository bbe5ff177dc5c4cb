"""What stays between two starts of a local Airflow (lock, login, port), its environment, and its end."""

import contextlib
import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from s3logs_airflow.local import environment
from s3logs_airflow.local.airflow_process import LocalAirflow, end_leftovers
from s3logs_airflow.local.errors import AirflowError, AlreadyRunningError, LocalError
from s3logs_airflow.local.home import HOST, Home, Instance, free_port
from s3logs_airflow.local.processes import birth, end_groups
from tests.support.paths import PROJECT
from tests.support.processes import started

HOLD = """
import sys
from pathlib import Path
from s3logs_airflow.local.home import Home, Instance
home = Home(Path(sys.argv[1]))
with home.hold():
    home.remember(Instance(pid=4711, port=8099))
    print("held", flush=True)
    sys.stdin.read()
"""
# A process that does not end on request, with a child that has left its group and does not either.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) == 1:
    subprocess.Popen([sys.executable, __file__, "child"], start_new_session=True)
else:
    print("ready", flush=True)
time.sleep(600)
"""


# A leader that is gone at once, and leaves one in its group.
LEFT = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(600)"])
"""


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "airflow")


def test_a_second_start_is_refused_with_the_address_of_the_first(home):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "plugins")])}
    command = [sys.executable, "-c", HOLD, str(home.folder)]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert home.is_held()
        with pytest.raises(AlreadyRunningError, match=r"http://127.0.0.1:8099 \(process 4711\)"), home.hold():
            pass
        holder.kill()  # no chance to tidy up: the kernel lets go
    assert not home.is_held()
    with home.hold():
        assert home.instance().port == 8099


def test_login_and_keys_are_made_once_and_only_the_owner_may_read_them(home):
    with home.hold():
        password = home.secret("password")
        home.write_login()
    assert Home(home.folder).secret("password") == password
    assert json.loads(home.passwords.read_text()) == {"admin": password}
    assert len(password) >= 12
    for path in (home.folder, home.passwords, home.folder / "secrets.json"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_broken_note_of_the_last_start_is_no_obstacle(home):
    assert home.instance() == Instance()
    with home.hold():
        for text in ("", "{", '{"processes": 1}', '{"of": "another version", "processes": {}}'):
            (home.folder / "instance.json").write_text(text)
            assert home.instance() == Instance()
        instance = Instance(1, 8081, {"scheduler": (2, 3.5)}, {"S3LOGS_LAKE": "/lake"})
        home.remember(instance)
        assert home.instance() == instance


def test_the_preferred_port_is_taken_unless_somebody_listens_there():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        other = free_port(port)
        assert other != port
    assert free_port(other, port) == other


def test_stubborn_processes_and_those_that_left_their_group_are_ended(tmp_path):
    script = tmp_path / "stubborn.py"
    script.write_text(STUBBORN)
    with started(sys.executable, script, stdout=subprocess.PIPE) as watcher:
        assert watcher.stdout.readline() == b"ready\n"
        (leader,) = psutil.Process(watcher.pid).children()
        (child,) = leader.children()
        assert abs(birth(leader.pid) - time.time()) < 60
        end_groups([leader.pid], lambda: 0.2)
        assert watcher.wait(10) == -signal.SIGKILL
        psutil.wait_procs([child], 10)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
        end_groups([leader.pid], lambda: 0.2)  # that it is gone is no error


@pytest.fixture
def left_alone(home):
    """The id of a group without its leader, and whether somebody is in it."""
    environ = {**os.environ, "AIRFLOW_HOME": str(home.folder)}
    how = {"env": environ, "stdout": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", LEFT], **how) as leader:
        assert leader.stdout.readline() == b"ready\n"
        leader.wait()
        yield leader.pid, lambda: any(_is_in(process, leader.pid) for process in psutil.process_iter())
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGKILL)


def _is_in(process, leader):
    with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
        return os.getpgid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_a_group_whose_leader_is_gone_is_ended_by_the_next_start_if_it_is_ours(home, left_alone, tmp_path):
    leader, is_there = left_alone
    last = Instance(processes={"scheduler": (leader, time.time() - 5)})
    end_leftovers(last, tmp_path / "the home of another", lambda: 0.2)
    assert is_there()
    end_leftovers(last, home.folder, lambda: 5)
    assert not is_there()


def test_a_folder_of_somebody_else_is_no_home_and_a_file_is_none_either(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for folder, chmod, why in (
        (tmp_path / "file/home", Path.chmod, "Not a directory"),
        (tmp_path / "other", _refuse, "Operation not permitted"),
    ):
        monkeypatch.setattr(Path, "chmod", chmod)
        with pytest.raises(LocalError, match=f"{folder} cannot be the home of Airflow for this user: {why}"):
            Home(folder).is_held()


def _refuse(*_):
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_of_a_part_that_ended_the_cause_stands_last(home):
    with home.hold():
        airflow = LocalAirflow(home, {})
        (home.logs / "scheduler.log").write_text("".join(f"line {n}\n" for n in range(100)))
        airflow._processes["scheduler"] = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
        airflow._processes["scheduler"].wait()
        with pytest.raises(AirflowError) as raised:
            airflow.check()
    first, *_, line, last = str(raised.value).splitlines()
    assert first == f"The last lines of {home.logs / 'scheduler.log'}:"
    assert line == "  line 99"
    assert last == "Airflow's scheduler ended unexpectedly (exit status 3)."


def settings_for(monkeypatch, tmp_path, remembered=None, **given):
    for name in environment.INPUTS:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(f"S3LOGS_{name.upper()}", value)
    monkeypatch.chdir(tmp_path)
    from include.s3logs import settings

    monkeypatch.setitem(settings.Settings.model_config, "env_file", None)
    return environment.s3logs_settings(remembered)


def test_without_anything_given_it_is_the_sample(monkeypatch, tmp_path):
    settings = settings_for(monkeypatch, tmp_path)
    assert environment.is_sample(settings)
    assert settings["S3LOGS_LAKE"] == str(PROJECT / ".data/sample-lake")
    assert settings["S3LOGS_CATALOG"] == str(PROJECT / ".data/sample/catalog.csv")


def test_own_sources_never_go_to_the_lake_or_the_catalog_of_the_sample(monkeypatch, tmp_path):
    settings = settings_for(monkeypatch, tmp_path, sources="logs, s3://b/p/")
    assert settings == {
        "S3LOGS_SOURCES": f"{tmp_path}/logs,s3://b/p/",
        "S3LOGS_LAKE": str(PROJECT / ".data/lake"),
        "S3LOGS_CATALOG": "",
    }
    given = settings_for(monkeypatch, tmp_path, sources="/logs", lake="lake", catalog="s3://b/c.csv")
    assert (given["S3LOGS_LAKE"], given["S3LOGS_CATALOG"]) == (f"{tmp_path}/lake", "s3://b/c.csv")


@pytest.mark.parametrize(
    ("catalog", "given"),
    [("c.csv", "{}/c.csv"), ("prefix:1", "prefix:1"), ("dandi", "dandi"), ("./dandi", "{}/dandi")],
)
def test_only_a_catalog_that_is_a_file_becomes_an_absolute_path(monkeypatch, tmp_path, catalog, given):
    settings = settings_for(monkeypatch, tmp_path, sources="/logs", lake="dandi", catalog=catalog)
    assert (settings["S3LOGS_CATALOG"], settings["S3LOGS_LAKE"]) == (
        given.format(tmp_path),
        f"{tmp_path}/dandi",
    )


def test_what_the_last_start_was_given_stands_in_for_what_is_not_given(monkeypatch, tmp_path):
    last = {"S3LOGS_SOURCES": "/logs", "S3LOGS_LAKE": "/lake", "S3LOGS_CATALOG": "/c.csv"}
    assert settings_for(monkeypatch, tmp_path, last) == last
    assert settings_for(monkeypatch, tmp_path, last, lake="/other") == {**last, "S3LOGS_LAKE": "/other"}
    assert settings_for(monkeypatch, tmp_path, last, sources="/new")["S3LOGS_LAKE"] == str(
        PROJECT / ".data/lake"
    )


def test_airflow_stays_inside_its_home_whatever_the_machine_has_set(home, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://production")
    monkeypatch.setenv("AIRFLOW_HOME", "/somewhere/else")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    with home.hold():
        made = environment.airflow_environment(home, Instance(port=8099, settings={"S3LOGS_LAKE": "/lake"}))
    assert made["AIRFLOW_HOME"] == str(home.folder)
    assert made["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{home.folder}/airflow.db?timeout=60"
    assert made["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert made["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8099/execution/"
    assert float(made["AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT"]) >= 30
    assert made["S3LOGS_LAKE"] == "/lake"
    assert {HOST, "localhost"} <= set(made["no_proxy"].split(","))


@pytest.mark.parametrize(
    ("given", "no_proxy"),
    [({}, "*"), ({"https_proxy": "http://p", "NO_PROXY": "x"}, "x,127.0.0.1,localhost")],
)
def test_on_macos_the_system_is_not_asked_for_proxies_after_a_fork(home, monkeypatch, given, no_proxy):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(environment.sys, "platform", "darwin")
    with home.hold():
        made = environment.airflow_environment(home, Instance())
    assert (made["no_proxy"], made["OBJC_DISABLE_INITIALIZE_FORK_SAFETY"]) == (no_proxy, "YES")


def test_airflow_knows_the_settings_that_it_is_given(home):
    from airflow.configuration import conf

    with home.hold():
        made = environment.airflow_environment(home, Instance())
    told = [*environment.FASTER, *environment.PATIENT]
    for name in told:
        section, option = name.removeprefix("AIRFLOW__").lower().split("__")
        assert conf.get(section, option, fallback=None) is not None, name
        assert name in made
