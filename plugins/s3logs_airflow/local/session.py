"""An Airflow for one command: started by it and stopped with it, or found running."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from s3logs_airflow.local.airflow_process import LocalAirflow, running_airflow
from s3logs_airflow.local.checks import check_before_start
from s3logs_airflow.local.console import say
from s3logs_airflow.local.environment import SAMPLE, airflow_environment, is_sample, s3logs_settings
from s3logs_airflow.local.errors import AlreadyRunningError
from s3logs_airflow.local.home import USER, Home
from s3logs_airflow.local.progress import Snapshot, follow, look
from s3logs_airflow.local.report import report
from s3logs_airflow.local.rest import RestClient
from s3logs_airflow.local.runs import Runs


@dataclass(frozen=True)
class Session:
    """Airflow, and the s3logs settings it works with (none, if they are not known here)."""

    console: Console
    client: RestClient
    settings: dict[str, str]
    environment: dict[str, str]
    airflow: LocalAirflow | None = None  # when this command started it

    @property
    def runs(self) -> Runs:
        """Return the DAG's runs."""
        return Runs(self.client)

    def say(self, text: str) -> None:
        """Print the text."""
        say(self.console, text)

    def check(self) -> None:
        """Raise AirflowError when a part of Airflow has ended."""
        if self.airflow:
            self.airflow.check()

    def look(self, *runs: str) -> Snapshot:
        """Return how the runs are now."""
        return look(self.runs, runs)

    def follow(self, *runs: str, told: Snapshot | None = None) -> Snapshot:
        """Show the runs until they have ended."""
        return follow(self.runs, runs, self.console, self.check, told)

    def report(self, snapshot: Snapshot) -> bool:
        """Show figures, errors and warnings; return whether every log day is complete."""
        return report(self.console, self.runs, snapshot, self.settings, self.environment)

    @property
    def is_interactive(self) -> bool:
        """Say whether somebody is there to end the command."""
        return self.console.is_terminal and sys.stdin.isatty()

    def stay_up(self) -> None:
        """Keep Airflow up until Ctrl-C."""
        self.say(f"\nWeb UI: {self.client.url} ({_login(self.console)})\nIt stays up until Ctrl-C.")
        try:
            while True:
                self.check()
                time.sleep(1)
        except KeyboardInterrupt:
            self.say("")


@contextmanager
def started(
    console: Console, settings: Callable[[Home], dict[str, str]], *, checked: bool = True
) -> Iterator[Session]:
    """Start Airflow with these settings, and stop it however the block ends.

    Settings that a run would stumble over are refused before that; who only wants to look may have them.
    """
    home = Home.of_checkout()
    if home.is_held():
        raise AlreadyRunningError(home.running_message())
    chosen = settings(home)
    _announce(console, chosen)
    if checked:
        check_before_start(home, chosen)
    before = time.monotonic()
    with running_airflow(home, chosen, lambda text: say(console, f"{text} …")) as airflow:
        seconds = time.monotonic() - before
        say(console, f"Airflow is up after {seconds:.0f} s: {airflow.instance.url} ({_login(console)})\n")
        try:
            yield Session(console, airflow.client, chosen, airflow.environment, airflow)
        finally:
            say(console, "Stopping Airflow …")


@contextmanager
def found_or_started(console: Console) -> Iterator[Session]:
    """Yield the Airflow that runs, else one started for this command with what it was last given."""
    home = Home.of_checkout()
    if home.folder.exists() and home.is_held():
        instance = home.instance()
        client = RestClient(instance.url, USER, home.secret("password"))
        yield Session(console, client, instance.settings, airflow_environment(home, instance))
    else:
        with started(console, last_settings) as session:
            yield session


def last_settings(home: Home) -> dict[str, str]:
    """Return the settings that are given, else those of the last start."""
    return s3logs_settings(home.instance().settings)


def _login(console: Console) -> str:
    home = Home.of_checkout()
    if console.is_terminal:
        return f"login {USER} / {home.secret('password')}"
    return f"the login is in {home.passwords}"  # what is written may be read by others


def _announce(console: Console, settings: dict[str, str]) -> None:
    """Say what is read and written; make the sample if that is it."""
    if is_sample(settings):
        from include.s3logs.sample import write_sample

        say(console, f"Reading the sample logs in {SAMPLE} (yours: make run SOURCE=…)")
        write_sample(SAMPLE)
    else:
        say(console, f"Reading {settings['S3LOGS_SOURCES']}")
    say(console, f"Writing {settings['S3LOGS_LAKE']}")
