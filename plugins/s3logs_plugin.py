"""Registers s3logs with Airflow: the buttons on its tasks, the pages they lead to, when daily runs begin.

Every Airflow process imports this file, so it imports nothing heavy: the pages are loaded when the API
server gets the first request for one.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from s3logs_airflow.pages.links import PREFIX, CheckpointLink, LogDaysLink, QuarantineLink
from s3logs_airflow.schedule import DailyTimetable


class _LazyApp:
    """An ASGI application that is built on its first request."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from s3logs_airflow.pages.lake import create_app

            self._app = create_app()
        await self._app(scope, receive, send)


class S3LogsPlugin(AirflowPlugin):
    """The plugin; Airflow finds it by its base class."""

    name = "s3logs"
    timetables: ClassVar[list[Any]] = [DailyTimetable]
    operator_extra_links: ClassVar[list[Any]] = [CheckpointLink(), QuarantineLink(), LogDaysLink()]
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [
        {"app": _LazyApp(), "url_prefix": PREFIX, "name": "s3logs"}
    ]
