"""Start Airflow's processes on this machine, wait until they are ready, and never leave one behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

from s3logs_airflow.local.environment import airflow_environment
from s3logs_airflow.local.errors import AirflowError, RestError
from s3logs_airflow.local.home import CHECKOUT, USER, Home, Instance, free_port
from s3logs_airflow.local.processes import birth, end_groups, has_member
from s3logs_airflow.local.rest import RestClient, path
from s3logs_airflow.local.runs import DAG_ID

# No triggerer: nothing here defers. No log server: the logs are files of this machine, so no port is opened.
COMPONENTS = {
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "api-server": ("api-server",),
}
START_SECONDS = 300  # far more than a start takes; a slow disk full of fresh files is no error
POLL_SECONDS = 0.1
GRACE_SECONDS = 5.0  # a task does not end on request; what it had begun is done again by the next run
LOG_LINES = 15


class LocalAirflow:
    """The processes of one Airflow, each the head of its own group, so that a Ctrl-C does not hit them."""

    def __init__(self, home: Home, settings: dict[str, str]) -> None:
        last = home.instance()
        end_leftovers(last, home.folder)
        self.home = home
        self.instance = replace(last, pid=os.getpid(), port=free_port(last.port, 8080), settings=settings)
        self.environment = airflow_environment(home, self.instance)
        self.client = RestClient(self.instance.url, USER, home.secret("password"))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started = datetime.now(UTC)
        self._grace = GRACE_SECONDS

    def start(self, say: Callable[[str], None]) -> None:
        """Start everything and return when the DAG can be run."""
        self.home.write_login()
        self._migrate(say)
        say("Starting Airflow")
        for name, arguments in COMPONENTS.items():
            self._launch(name, *arguments)
        born = {name: (process.pid, birth(process.pid)) for name, process in self._processes.items()}
        self.instance = replace(self.instance, processes=born)
        self.home.remember(self.instance)
        deadline = time.monotonic() + START_SECONDS
        while missing := self._missing():
            self.check()
            if time.monotonic() > deadline:
                raise AirflowError(
                    f"Airflow is not ready after {START_SECONDS} s: no {missing}. See {self.home.logs}."
                )
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raise AirflowError when one of the processes has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise AirflowError(
                    f"The last lines of {self._log(name)}:\n{_tail(self._log(name))}\n"
                    f"Airflow's {name} ended unexpectedly (exit status {process.returncode})."
                )

    def stop(self) -> None:
        """End all processes and their children; whoever asks a second time does not want to wait."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._hurry)
        end_groups([process.pid for process in self._processes.values()], lambda: self._grace)
        for process in self._processes.values():
            process.wait()

    def _hurry(self, *_: object) -> None:
        self._grace = 0

    def _launch(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with self._log(name).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "airflow", *arguments],
                cwd=CHECKOUT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes[name] = process
        return process

    def _migrate(self, say: Callable[[str], None]) -> None:
        """Make or upgrade the database, only when it is missing or of another Airflow."""
        stamp, now = self.home.folder / "database_version", version("apache-airflow-core")
        if self.home.database.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == now:
            return
        say("Preparing Airflow's database (only at the first start)")
        status = self._launch("migration", "db", "migrate").wait()
        self._processes.clear()
        if status:
            raise AirflowError(
                f"The last lines of {self._log('migration')}:\n{_tail(self._log('migration'))}\n"
                "Airflow's database could not be prepared, most likely for what they say. "
                f"`rm -r {self.home.folder}` starts afresh, without the history of runs."
            )
        stamp.write_text(now, encoding="utf-8")

    def _missing(self) -> str:
        """Return what is not ready yet, if anything."""
        try:
            health = self.client.once("/api/v2/monitor/health")
        except RestError:
            return "web server"
        for part in ("scheduler", "dag_processor"):
            # A heartbeat from before this start says nothing.
            if not self._is_new(health[part].get(f"latest_{part}_heartbeat")):
                return part
        try:
            if self._is_new(self.client.get(path("dags", DAG_ID))["last_parsed_time"]):
                return ""
        except RestError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
        self._refuse_broken_dag()
        return f"DAG {DAG_ID}"

    def _refuse_broken_dag(self) -> None:
        """Do not wait for a DAG file that cannot be imported."""
        for error in self.client.get(path("importErrors"))["import_errors"]:
            if self._is_new(error["timestamp"]) and Path(error["filename"]).stem == DAG_ID:
                raise AirflowError(f"{error['filename']} cannot be imported:\n{error['stack_trace']}")

    def _is_new(self, moment: str | None) -> bool:
        return bool(moment) and datetime.fromisoformat(str(moment)) >= self._started

    def _log(self, name: str) -> Path:
        return self.home.logs / f"{name}.log"


@contextmanager
def running_airflow(
    home: Home, settings: dict[str, str], say: Callable[[str], None]
) -> Iterator[LocalAirflow]:
    """Start Airflow, and stop it however the block ends."""
    with home.hold():
        airflow = LocalAirflow(home, settings)
        try:
            airflow.start(say)
            yield airflow
        finally:
            airflow.stop()


def end_leftovers(last: Instance, home: Path, grace: Callable[[], float] = lambda: GRACE_SECONDS) -> None:
    """End what an earlier start could not end because it was killed itself.

    A group may live on without its leader; then its members tell by their environment that they are ours.
    """
    left = [(pid, born) for pid, born in last.processes.values() if born]
    alive = [pid for pid, born in left if abs(birth(pid) - born) < 1]
    led = [pid for pid, _ in left if not birth(pid) and has_member(pid, {"AIRFLOW_HOME": str(home)})]
    end_groups([*alive, *led], grace)


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"  {line}" for line in lines[-LOG_LINES:])
