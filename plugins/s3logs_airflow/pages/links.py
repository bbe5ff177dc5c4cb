"""Buttons on a task in the web UI: to its checkpoint, its quarantine, the published figures.

They lead to the pages of `lake.py`, because a browser can open neither a folder of the server nor an
`s3://` address.
"""

from __future__ import annotations

from typing import Any

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink

PREFIX = "/s3logs"


def _page(path: str) -> str:
    return f"{conf.get('api', 'base_url', fallback='').rstrip('/')}{PREFIX}{path}"


class CheckpointLink(BaseOperatorLink):
    """To the checkpoint of the stage and log day."""

    name = "Checkpoint"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the page's address."""
        return _page(f"/days/{operator.day}/{operator.stage}/checkpoint")


class QuarantineLink(BaseOperatorLink):
    """To the rejected lines of the log day."""

    name = "Quarantine"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the page's address; nothing, and there is no button, when no line was rejected."""
        return _page(f"/days/{operator.day}/quarantine") if operator.rejected else ""


class LogDaysLink(BaseOperatorLink):
    """To the state of all log days."""

    name = "Log days"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the page's address."""
        return _page("/days")
