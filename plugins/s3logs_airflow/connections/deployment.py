"""The deployment of some settings, with the secrets that Airflow's connections hold."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from include.s3logs.deployment import Access, Deployment, token_from_environment
from include.s3logs.errors import SettingsError
from include.s3logs.settings import Settings, load_settings

if TYPE_CHECKING:
    from airflow.sdk import Connection


_ONE_MACHINE = "LocalExecutor"
_IN_A_POD = "AIRFLOW_IS_K8S_EXECUTOR_POD"  # there the setting of the executor may say another one


def open_deployment(settings: Settings | None = None) -> Deployment:
    """Return the deployment of the settings (of this process, if none are given); nothing is opened yet."""
    found = settings or load_settings()
    return Deployment(
        found,
        Access(
            s3=lambda: _s3_client(found.aws_conn_id),
            ipinfo_token=lambda: token_from_environment() or _token_of_connection(found.ipinfo_conn_id),
            several_workers=has_several_workers,
        ),
    )


def has_several_workers() -> bool:
    """Tell whether tasks may run anywhere else than beside the scheduler."""
    from airflow.configuration import conf

    if os.environ.get(_IN_A_POD):
        return True
    given = re.split("[,;]", conf.get("core", "executor"))  # each perhaps team=alias:module.Executor
    return any(re.split("[=:.]", executor)[-1].strip() != _ONE_MACHINE for executor in given)


def connection_faults(settings: Settings) -> list[str]:
    """Return what is wrong with the connections that the settings name, and that a run would ask for."""
    uses_s3 = any(at.startswith("s3://") for at in (*settings.sources, settings.lake, settings.catalog))
    faults = []
    for name in ["aws_conn_id"] * uses_s3 + ["ipinfo_conn_id"] * (not token_from_environment()):
        try:
            expect_connection(name, getattr(settings, name))
        except SettingsError as error:
            faults.append(str(error))
    return faults


def _s3_client(aws_conn_id: str) -> tuple[Any, Any]:
    """Return a client and its session's credentials; None for these where only boto3 knows how to connect."""
    # Airflow and boto3 are imported only where S3 is used: a local deployment starts faster without.
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    from include.s3logs.connections.s3 import CONFIG, checked, is_plain, mask_logs

    mask_logs()
    expect_connection("aws_conn_id", aws_conn_id)
    hook = S3Hook(aws_conn_id=aws_conn_id)
    made = hook.get_client_type(config=hook.config.merge(CONFIG))
    client = checked(made, f"the Airflow connection {aws_conn_id}")
    plain = is_plain(client, hook.verify)
    return client, hook.get_session().get_credentials() if plain else None


def _token_of_connection(conn_id: str) -> str:
    connection = expect_connection("ipinfo_conn_id", conn_id)
    return str(connection.password or "") if connection else ""


def expect_connection(setting: str, conn_id: str) -> Connection | None:
    """Return the connection that a setting names; None if that is the default one and not there.

    Without a default one the environment says how S3 is reached, and nobody is asked about addresses.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        if conn_id == Settings.model_fields[setting].default:
            return None
        raise SettingsError(f"S3LOGS_{setting.upper()}={conn_id} is no connection of this Airflow.") from None
