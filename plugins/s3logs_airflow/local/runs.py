"""Runs of the DAG `s3_access_logs`, as the REST API shows and steers them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import takewhile
from typing import Any

from s3logs_airflow.local.errors import LocalError, RestError
from s3logs_airflow.local.rest import Json, RestClient, path
from s3logs_airflow.local.steps import DISCOVER, FAILED, PUBLISH, UPSTREAM_FAILED, Step, first_failed
from s3logs_airflow.local.task_log import last_error

DAG_ID = "s3_access_logs"
RESULT = "return_value"  # the XCom that holds what a task returned
WAITING = "queued"
ACTIVE = (WAITING, "running")
ASKED_ONE_BY_ONE = 4
_PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before a run is asked for again


class Runs:
    """What the commands do with the DAG's runs."""

    def __init__(self, client: RestClient, pauses: Sequence[float] = _PAUSES) -> None:
        self._client, self._pauses = client, pauses
        self._days: dict[str, list[str]] = {}
        self._own_day: dict[str, str] = {}

    def unpause(self) -> None:
        """Let the scheduler work on the DAG."""
        if self._client.get(path("dags", DAG_ID))["is_paused"]:
            self._client.patch(path("dags", DAG_ID), {"is_paused": False})

    def trigger(self, conf: Mapping[str, Any], note: str) -> str:
        """Start a run and return its id.

        While others write, SQLite may refuse, or let it wait for too long. The id is ours, so asking again
        starts no second run.
        """
        run = f"manual__{datetime.now(UTC).isoformat()}__{secrets.token_hex(4)}"
        body = {"dag_run_id": run, "logical_date": None, "conf": dict(conf), "note": note}
        for pause in self._pauses:
            try:
                return str(self._client.post(path("dags", DAG_ID, "dagRuns"), body)["dag_run_id"])
            except RestError as error:
                if error.status == HTTPStatus.CONFLICT:
                    return run
                if 0 < error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
            time.sleep(pause)
        return str(self._client.post(path("dags", DAG_ID, "dagRuns"), body)["dag_run_id"])

    def active(self) -> list[str]:
        """Return the runs that wait or work."""
        return [run["dag_run_id"] for run in self._list(state=ACTIVE)]

    def abandon(self, note: str) -> list[str]:
        """End the unfinished runs that were triggered with such a note, and return them."""
        found = self._list(state=ACTIVE, run_type="manual")
        left = [run["dag_run_id"] for run in found if (run["note"] or "").startswith(note)]
        for run in left:
            self._client.patch(path("dags", DAG_ID, "dagRuns", run), {"state": FAILED})
        return left

    def states(self, runs: Sequence[str]) -> dict[str, str]:
        """Return the state of each run."""
        if len(runs) <= ASKED_ONE_BY_ONE:
            found = [self._client.get(path("dags", DAG_ID, "dagRuns", run)) for run in runs]
        else:
            found = self._list(run_type="backfill", order_by="-id")
        self._own_day |= {run["dag_run_id"]: run["partition_key"] or "" for run in found}
        states = {run["dag_run_id"]: run["state"] for run in found}
        return {run: states[run] for run in runs}

    def own_day(self, run: str) -> str:
        """Return the day of a scheduled or backfill run, as far as it was asked for its state."""
        return self._own_day.get(run, "")

    def steps(self, run: str) -> list[Step]:
        """Return all steps of the run; those of days carry the date."""
        found = list(
            self._client.pages(path("dags", DAG_ID, "dagRuns", run, "taskInstances"), "task_instances")
        )
        mapped = any(item["map_index"] >= 0 for item in found)
        days = self.days(run) if mapped else []
        return [
            Step(
                item["task_id"], _day(item, days), item["state"] or "", item["map_index"], item["try_number"]
            )
            for item in found
            if item["map_index"] >= 0 or not item["task_id"].startswith("day.")  # not mapped out yet
        ]

    def days(self, run: str) -> list[str]:
        """Return the days that discover found, in the order of their map index."""
        if not self._days.get(run):
            self._days[run] = [str(day) for day in self._xcom(run, DISCOVER, RESULT) or ()]
        return self._days[run]

    def left_over(self, run: str) -> list[str]:
        """Return the days that were too many for this run."""
        return [str(day) for day in self._xcom(run, DISCOVER, "left_over") or ()]

    def changed_nothing(self, run: str) -> bool:
        """Say whether publish found its figures as they were."""
        return self._published(run).get("outcome") == "reused"

    def warnings(self, run: str) -> list[str]:
        """Return what else people should know of what the run left."""
        return [str(sentence) for sentence in self._published(run).get("warnings") or ()]

    def error(self, run: str, step: Step) -> str:
        """Return the last error in the step's log."""
        resource = path(
            "dags", DAG_ID, "dagRuns", run, "taskInstances", step.task, "logs", max(step.tries, 1)
        )
        try:
            log = self._client.get(resource, map_index=step.index, full_content="true")["content"]
        except RestError as error:
            return f"its log cannot be read: {error}"
        return last_error(log) or "its log holds no error; the process may have been killed"

    def find_failed(self, day: str) -> tuple[str, Step]:
        """Return the newest run in which the day failed, and its first failed step."""
        resource = path("dags", DAG_ID, "dagRuns", "~", "taskInstances")
        failed = self._client.pages(
            resource, "task_instances", state=[FAILED, UPSTREAM_FAILED], order_by="-run_after"
        )
        for run in dict.fromkeys(item["dag_run_id"] for item in failed if item["map_index"] >= 0):
            first = first_failed(step for step in self.steps(run) if step.day == day)
            if first is not None:
                return run, first
        raise LocalError(f"Nothing to retry: no run has a failed step for {day}.")

    def clear(self, run: str, step: Step) -> None:
        """Run the step and everything after it again, publish included."""
        body = {
            "dry_run": False,
            "dag_run_id": run,
            "task_ids": [[step.task, step.index]],
            "include_downstream": True,
            "only_failed": False,
        }
        self._client.post(path("dags", DAG_ID, "clearTaskInstances"), body)

    def backfill(self, first: str, last: str, *, backwards: bool, reprocess: str) -> list[str]:
        """Have Airflow make one run for each day, both ends included, and return the runs.

        RestError 409: another backfill is not done yet.
        """
        made = self._client.post(
            path("backfills"),
            {
                "dag_id": DAG_ID,
                "from_date": f"{first}T00:00:00Z",
                "to_date": f"{last}T00:00:00Z",
                "run_backwards": backwards,
                "reprocess_behavior": reprocess,
                "max_active_runs": 4,
            },
        )
        return self.of_backfill(made)

    def unfinished_backfill(self) -> Json | None:
        """Return the backfill that Airflow does not count as done."""
        query = {"dag_id": DAG_ID, "order_by": "-id"}
        found = (
            b for b in self._client.pages(path("backfills"), "backfills", **query) if not b["completed_at"]
        )
        return next(found, None)

    def of_backfill(self, backfill: Json) -> list[str]:
        """Return the runs that were made for the backfill, which names them nowhere: by type and time."""
        resource = path("dags", DAG_ID, "dagRuns")
        newest_first = self._client.pages(resource, "dag_runs", run_type="backfill", order_by="-id")
        since = datetime.fromisoformat(backfill["created_at"])
        runs = takewhile(lambda run: datetime.fromisoformat(run["queued_at"]) >= since, newest_first)
        return [run["dag_run_id"] for run in runs][::-1]

    def _list(self, **query: Any) -> list[Json]:
        return list(self._client.pages(path("dags", DAG_ID, "dagRuns"), "dag_runs", **query))

    def _published(self, run: str) -> Mapping[str, Any]:
        """Return the summary of publish; nothing when there is none."""
        summary = self._xcom(run, PUBLISH, RESULT)
        return summary if isinstance(summary, dict) else {}

    def _xcom(self, run: str, task: str, key: str) -> Any:
        resource = path("dags", DAG_ID, "dagRuns", run, "taskInstances", task, "xcomEntries", key)
        try:
            return self._client.get(resource)["value"]
        except RestError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None


def _day(item: Json, days: Sequence[str]) -> str:
    index = item["map_index"]
    if index < 0:
        return ""
    if index < len(days):
        return days[index]
    return item["rendered_map_index"] or f"#{index}"
