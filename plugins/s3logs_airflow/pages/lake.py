"""Pages of the web UI that show files of the lake: checkpoints, quarantine, the state of the log days.

Quarantine holds raw lines with IP addresses, so every page asks for the right to see task instances.
"""

from __future__ import annotations

from datetime import date

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Response

from include.s3logs.errors import NotFoundError, S3LogsError
from include.s3logs.lake.checkpoint import checkpoint_key, load_checkpoint, read_output
from include.s3logs.lake.stages import REDUCED, names
from include.s3logs.publishing.publish import STATUS
from include.s3logs.stores.store import Store
from s3logs_airflow.connections.deployment import open_deployment

DAG_ID = "s3_access_logs"
_TEXT = "text/plain; charset=utf-8"


def create_app() -> FastAPI:
    """Return the application; all its routes need read access to the DAG's task instances."""
    may_see = requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE, param_dag_id=DAG_ID)
    app = FastAPI(title="s3logs", dependencies=[Depends(may_see)])
    app.add_api_route("/days", log_days)
    app.add_api_route("/days/{day}/quarantine", quarantine)
    app.add_api_route("/days/{day}/{stage}/checkpoint", checkpoint)
    return app


def log_days() -> Response:
    """Show the state of every log day."""
    return _file(STATUS, _TEXT)


def checkpoint(day: date, stage: str) -> Response:
    """Show the checkpoint of one stage of one log day."""
    if stage not in names():
        raise HTTPException(404, f"There is no stage {stage!r}; there are {', '.join(names())}.")
    return _file(checkpoint_key(stage, day), "application/json")


def quarantine(day: date) -> Response:
    """Show the lines of a log day that have no valid reading, one JSON object a line."""
    lake = _lake()
    reduced = load_checkpoint(lake, REDUCED.name, day)
    if reduced is None:
        raise HTTPException(404, f"Log day {day} has not been reduced yet.")
    lines = read_output(lake, reduced, "quarantine")
    return Response(lines or f"No line of log day {day} was rejected.\n", media_type=_TEXT)


def _file(key: str, media_type: str) -> Response:
    try:
        return Response(_lake().read(key), media_type=media_type)
    except NotFoundError as error:
        raise HTTPException(404, f"{key} is not in the lake (yet).") from error


def _lake() -> Store:
    try:
        return open_deployment().lake
    except S3LogsError as error:
        raise HTTPException(503, str(error)) from error
