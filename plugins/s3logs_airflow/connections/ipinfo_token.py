"""Where the token of the IP service comes from."""

from __future__ import annotations

import os

from include.s3logs.settings import Settings

VARIABLE = "IPINFO_CREDENTIALS"


def ipinfo_token(settings: Settings) -> str:
    """Return the token in IPINFO_CREDENTIALS, else that of the connection, else an empty text."""
    return os.environ.get(VARIABLE, "").strip() or _token_of_connection(settings.ipinfo_conn_id)


def _token_of_connection(conn_id: str) -> str:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return str(BaseHook.get_connection(conn_id).password or "")
    except AirflowNotFoundException:
        return ""
