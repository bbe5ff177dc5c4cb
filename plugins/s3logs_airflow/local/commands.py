"""What each command does, from start to exit status."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rich.console import Console

from include.s3logs.secrets import shown
from s3logs_airflow.local.console import say
from s3logs_airflow.local.environment import is_sample, s3logs_settings
from s3logs_airflow.local.errors import LocalError, RestError
from s3logs_airflow.local.home import Home
from s3logs_airflow.local.progress import Snapshot
from s3logs_airflow.local.rest import RestClient
from s3logs_airflow.local.session import Session, found_or_started, last_settings, started
from s3logs_airflow.local.steps import PUBLISH

NOTE = "make run"  # by which its runs are known, in the web UI too
CLOSING_SECONDS = 60  # Airflow looks every 30 s for backfills that are done


def run(console: Console, days: Mapping[str, Any] | None) -> int:
    """Do the days (all that are found, if none are given) and show the figures; 0 if all are complete."""
    with started(console, _existing) as session:
        session.runs.unpause()
        if session.runs.abandon(NOTE):
            session.say("An earlier run was cut off; this one does its days.")
        snapshot, nothing_left = _do_all(session, days or {"last_day": str(datetime.now(UTC).date())})
        complete = session.report(snapshot)
        status = 0 if complete and nothing_left and snapshot.succeeded else 1
        if session.is_interactive:
            session.stay_up()
        else:
            session.say("\nThere is no terminal, so Airflow stops now; `make web` starts it again.")
    return status


def web(console: Console) -> int:
    """Start Airflow with what it was last given, and keep it up."""
    with started(console, last_settings, checked=False) as session:
        session.stay_up()
    return 0


def retry(console: Console, day: str) -> int:
    """Do the first failed stage of the day, and all after it, again; 0 if it gets through."""
    with found_or_started(console) as session:
        return _retry(session, day)


def retry_elsewhere(console: Console, day: str, url: str, user: str, password: str) -> int:
    """Retry the day on another Airflow; its figures are shown if S3LOGS_LAKE says where they are."""
    if not password:
        raise LocalError(f"Set S3LOGS_AIRFLOW_PASSWORD to the password of {user!r} at {shown(url)}.")
    from include.s3logs.settings import load_settings

    known = s3logs_settings() if load_settings().lake else {}
    return _retry(Session(console, RestClient(url, user, password), known, {}), day)


def backfill(console: Console, first: str, last: str, *, backwards: bool, reprocess: str) -> int:
    """Have Airflow make one run for each day and follow them; 0 if all are a success."""
    if first > last:
        raise LocalError(f"{first} is after {last}.")
    with found_or_started(console) as session:
        session.runs.unpause()
        made = _begin_backfill(session, first, last, backwards=backwards, reprocess=reprocess)
        if not made:
            session.say("Nothing to do: each of these days has a run. REPROCESS=completed makes another one.")
            return 0
        session.say(f"{len(made)} runs, one for each day")
        snapshot = session.follow(*made)
        session.report(snapshot)
        return 0 if snapshot.succeeded else 1


def status(console: Console) -> int:
    """Say whether Airflow of this checkout runs; 0 if it does."""
    home = Home.of_checkout()
    running = home.folder.exists() and home.is_held()
    say(console, home.running_message() if running else "Airflow of this checkout does not run.")
    return 0 if running else 1


def _existing(_: Home) -> dict[str, str]:
    """Return the settings of a run; a folder that is not there is refused before Airflow is started."""
    settings = s3logs_settings()
    for source in settings["S3LOGS_SOURCES"].split(","):
        if "://" not in source and not is_sample(settings) and not Path(source).is_dir():
            raise LocalError(f"The folder {source} does not exist; SOURCE names where the log objects are.")
    return settings


def _do_all(session: Session, conf: Mapping[str, Any]) -> tuple[Snapshot, bool]:
    """Trigger runs until none leaves a day over; return the last one's end, and whether none was left."""
    before: int | None = None
    note = f"{NOTE}: {session.settings['S3LOGS_SOURCES']} → {session.settings['S3LOGS_LAKE']}"
    while True:
        made = session.runs.trigger(conf, note)
        snapshot = session.follow(made)
        left = len(session.runs.left_over(made))
        if not left:
            return snapshot, True
        if before is not None and left >= before:
            session.say(f"{left} days are left over, and another run did not make them fewer.")
            return snapshot, False
        before = left
        session.say(f"{left} days are more than Airflow maps in one run: another run goes on.")


def _retry(session: Session, day: str) -> int:
    runs = session.runs
    made, step = runs.find_failed(day)
    session.say(f"{day}: {step.stage} and all after it again, in run {made}")
    runs.unpause()
    before = session.look(made)
    runs.clear(made, step)
    snapshot = session.follow(made, told=before)
    session.report(snapshot)
    mine = [s for s in snapshot.all_steps() if s.day == day or s.task == PUBLISH]
    return 0 if all(s.state == "success" for s in mine) else 1


def _begin_backfill(session: Session, first: str, last: str, *, backwards: bool, reprocess: str) -> list[str]:
    """Create the backfill; one that was interrupted goes first, as Airflow does one at a time."""
    while True:
        try:
            return session.runs.backfill(first, last, backwards=backwards, reprocess=reprocess)
        except RestError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
        earlier = session.runs.unfinished_backfill()
        if earlier:
            runs = session.runs.of_backfill(earlier)
            before = session.look(*runs)
            days = f"{earlier['from_date'][:10]} to {earlier['to_date'][:10]}"
            if not before.ended:
                session.say(f"The backfill of {days} is not done yet and goes first …")
                session.follow(*runs, told=before)
            session.say(f"Airflow is closing the backfill of {days}, which takes up to half a minute …")
            _wait_until_closed(session, earlier["id"])


def _wait_until_closed(session: Session, number: int) -> None:
    deadline = time.monotonic() + CLOSING_SECONDS
    while (open_one := session.runs.unfinished_backfill()) and open_one["id"] == number:
        session.check()
        if time.monotonic() > deadline:
            raise LocalError(f"Airflow does not close backfill {number} although its runs have ended.")
        time.sleep(1)
