"""What can be known to be wrong before Airflow is started: all of it is told at once."""

from __future__ import annotations

import getpass
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from s3logs_airflow.local.environment import given_connections
from s3logs_airflow.local.home import Home

if TYPE_CHECKING:
    from include.s3logs.settings import Settings

_CHOSEN = ("sources", "lake", "catalog")
_DEFAULT_POOL = "default_pool"


def check_before_start(home: Home, chosen: Mapping[str, str]) -> None:
    """Raise SettingsError for settings, of those chosen and others, that a run would stumble over."""
    from include.s3logs.deployment import Deployment, access_from_environment
    from include.s3logs.settings import read_limits, read_settings

    settings = read_settings(**{name: chosen[f"S3LOGS_{name.upper()}"] for name in _CHOSEN})
    limits = read_limits()
    faults = [
        *_user_faults(),
        *limits.faults,
        *_pool_faults(home, limits.pool),
        *_connection_faults(home, settings),
    ]
    Deployment(settings, access_from_environment()).check(offline=True, others=faults)


def _user_faults() -> list[str]:
    """Airflow does not start for a user without a name, and says so in a log only."""
    try:
        getpass.getuser()
    except (KeyError, OSError):  # which of them depends on the version of Python
        return [f"This user (number {os.getuid()}) has no name, and Airflow needs one: set USER to any."]
    return []


def _pool_faults(home: Home, pool: str) -> list[str]:
    """Tasks of a pool that is not there wait for ever, and only the scheduler's log says so."""
    if pool == _DEFAULT_POOL or pool in _known(home, "SELECT pool FROM slot_pool"):
        return []
    return [
        f"S3LOGS_POOL={pool} is no pool of this Airflow: its tasks would wait for ever. Make it in the web "
        "UI (`make web`; Admin, Pools) or leave it at default_pool."
    ]


def _connection_faults(home: Home, settings: Settings) -> list[str]:
    usual = type(settings).model_fields["aws_conn_id"].default
    conn_id = settings.aws_conn_id
    uses_s3 = any(at.startswith("s3://") for at in (*settings.sources, settings.lake, settings.catalog))
    if conn_id == usual or not uses_s3 or "AIRFLOW__SECRETS__BACKEND" in os.environ:
        return []
    if conn_id.upper() in given_connections() or conn_id in _known(home, "SELECT conn_id FROM connection"):
        return []
    return [f"S3LOGS_AWS_CONN_ID={conn_id} is no connection: set AIRFLOW_CONN_{conn_id.upper()}."]


def _known(home: Home, query: str) -> set[str]:
    """Return names in the database of the local Airflow, as it was when it last ran; none before that."""
    if not home.database.exists():
        return set()
    with closing(sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)) as database:
        try:
            return {str(name) for (name,) in database.execute(query)}
        except sqlite3.DatabaseError:  # a start that broke off left it without tables
            return set()
