"""The deployment of some settings, with the secrets that Airflow's connections hold."""

from __future__ import annotations

from typing import Any

from include.s3logs.deployment import Access, Deployment, token_from_environment
from include.s3logs.settings import Settings, load_settings


def open_deployment(settings: Settings | None = None) -> Deployment:
    """Return the deployment of the settings (of this process, if none are given); nothing is opened yet."""
    found = settings or load_settings()
    return Deployment(
        found,
        Access(
            s3=lambda: _s3_client(found.aws_conn_id),
            ipinfo_token=lambda: token_from_environment() or _token_of_connection(found.ipinfo_conn_id),
        ),
    )


def _s3_client(aws_conn_id: str) -> tuple[Any, Any]:
    """Return a client and its session's credentials; None for these where only boto3 knows how to connect."""
    # Airflow and boto3 are imported only where S3 is used: a local deployment starts faster without.
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    from include.s3logs.connections.s3 import CONFIG, checked, is_plain, mask_logs

    mask_logs()
    hook = S3Hook(aws_conn_id=aws_conn_id)
    made = hook.get_client_type(config=hook.config.merge(CONFIG))
    client = checked(made, f"the Airflow connection {aws_conn_id}")
    plain = is_plain(client, hook.verify)
    return client, hook.get_session().get_credentials() if plain else None


def _token_of_connection(conn_id: str) -> str:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return str(BaseHook.get_connection(conn_id).password or "")
    except AirflowNotFoundException:
        return ""
