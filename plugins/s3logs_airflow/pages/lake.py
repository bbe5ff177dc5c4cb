"""Pages of the web UI that show files of the lake: checkpoints, quarantine, the state of the log days.

Each asks for a right: who may see the DAG's task instances sees checkpoints and states; only who may change
them sees the quarantine, raw lines with IP addresses. No page is larger than a bound, in memory or as an
answer, whatever the size of its file.
"""

from __future__ import annotations

from datetime import date

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from include.s3logs.errors import NotFoundError, S3LogsError
from include.s3logs.lake.checkpoint import checkpoint_key, copy_output, load_checkpoint
from include.s3logs.lake.stages import REDUCED, names
from include.s3logs.publishing.publish import STATUS
from include.s3logs.stores.store import Store
from include.s3logs.tables.temporary import temporary_folder
from s3logs_airflow.connections.deployment import open_deployment
from s3logs_airflow.pages.guard import Guard

DAG_ID = "s3_access_logs"
LIMIT = 1 << 20
"""The most bytes of a file that a page shows."""
_TEXT = "text/plain; charset=utf-8"


def create_app(limit: int = LIMIT) -> Guard:
    """Return the application; its pages show `limit` bytes of a file at most."""
    pages = _Pages(limit)
    may_see = requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE, param_dag_id=DAG_ID)
    may_change = requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE, param_dag_id=DAG_ID)
    # Airflow answers for its own API; pages that describe this one would need no login.
    app = FastAPI(
        title="s3logs", dependencies=[Depends(may_see)], docs_url=None, redoc_url=None, openapi_url=None
    )
    app.add_api_route("/days", pages.log_days)
    app.add_api_route("/days/{day}/quarantine", pages.quarantine, dependencies=[Depends(may_change)])
    app.add_api_route("/days/{day}/{stage}/checkpoint", pages.checkpoint)
    app.add_exception_handler(S3LogsError, _told)
    return Guard(app)


class _Pages:
    """What each address answers."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def log_days(self) -> Response:
        """Show the state of every log day."""
        return self._file(STATUS, _TEXT)

    def checkpoint(self, day: date, stage: str) -> Response:
        """Show the checkpoint of one stage of one log day."""
        if stage not in names():
            raise HTTPException(404, f"There is no stage {stage!r}; there are {', '.join(names())}.")
        return self._file(checkpoint_key(stage, day), "application/json")

    def quarantine(self, day: date) -> Response:
        """Show the lines of a log day that have no valid reading, one JSON object a line."""
        lake = _lake()
        reduced = load_checkpoint(lake, REDUCED.name, day)
        if reduced is None:
            raise HTTPException(404, f"Log day {day} has not been reduced yet.")
        if reduced.retained:
            told = f"Log day {day} was retained on {reduced.retained}: its raw lines went with its addresses."
            return Response(f"{told}\n", media_type=_TEXT)
        file = reduced.files["quarantine"]
        if not file.size:
            return Response(f"No line of log day {day} was rejected.\n", media_type=_TEXT)
        if file.size > self._limit:
            # Comparing its digest would take reading all of it, for each request.
            beginning = _beginning(lake, file.key, file.size, self._limit)
            return Response(f"{beginning}What is shown was not verified.\n", media_type=_TEXT)
        with temporary_folder() as folder:
            copy = copy_output(lake, reduced, "quarantine", folder / "quarantine")
            return Response(copy.read_bytes(), media_type=_TEXT)

    def _file(self, key: str, media_type: str) -> Response:
        lake = _lake()
        found = lake.find(key)
        if found is None:
            raise HTTPException(404, f"{key} is not in the lake (yet).")
        if found.size > self._limit:
            return Response(_beginning(lake, key, found.size, self._limit), media_type=_TEXT)
        return Response(b"".join(lake.read_pieces(key, found.size, found.etag)), media_type=media_type)


def _beginning(lake: Store, key: str, size: int, limit: int) -> str:
    """Return the first whole lines of a file, `limit` bytes at most, and one that says what is missing."""
    whole, _, _ = lake.read_range(key, 0, limit).rpartition(b"\n")
    left = size - len(whole)
    return f"{whole.decode('utf-8', 'replace')}\n… and {left:,} bytes more, of {size:,}: {lake.uri(key)}\n"


def _lake() -> Store:
    return open_deployment().lake


def _told(request: Request, error: Exception) -> JSONResponse:
    """Return the answer for a lake that is not there or cannot be read."""
    return JSONResponse({"detail": str(error)}, 404 if isinstance(error, NotFoundError) else 503)
