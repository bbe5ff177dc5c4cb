"""The environment of a local Airflow: its own settings, and those of s3logs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from include.s3logs.settings.catalog_choice import MANIFEST, choose
from s3logs_airflow.local.home import CHECKOUT, HOST, USER, Home, Instance

SAMPLE = CHECKOUT / ".data" / "sample"
SAMPLE_LAKE = CHECKOUT / ".data" / "sample-lake"
LAKE = CHECKOUT / ".data" / "lake"
SECRETS = ("IP_HASH_SALT", "IPINFO_CREDENTIALS")
INPUTS = ("S3LOGS_SOURCES", "S3LOGS_LAKE", "S3LOGS_CATALOG")

# What Airflow would otherwise wait for without need, each with what it gained: 27 short tasks, two cores.
FASTER = {
    # A task's supervisor may miss that the task ended and then sleeps this long (default 5 s): 19 s -> 14 s.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # The pause between two looks for work (default 1 s): 14 s -> 10 s, at 7 % of one core when idle.
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # Looking up the full name of the machine can take seconds on a laptop; the short name is enough here.
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
}

# A task's first words to a busy API server may take longer than the usual 5 s. If it did hear them,
# saying them again is refused, the try is lost, and the next one waits for its retry delay.
PATIENT = {
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "8",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "10",
}

# A worker that is killed with its task says nothing. What waits for that task, as publications do for each
# other, waits until these have passed (default 300 s each). One heartbeat may take as long as PATIENT allows.
WATCHFUL = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "90",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "60",
}


def airflow_environment(home: Home, instance: Instance) -> dict[str, str]:
    """Return the environment of every Airflow process of the instance."""
    inherited = dict(os.environ)
    settings = {
        "AIRFLOW_HOME": str(home.folder),
        "AIRFLOW_CONFIG": str(home.folder / "airflow.cfg"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.database}?timeout=60",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__DAGS_FOLDER": inherited.get("AIRFLOW__CORE__DAGS_FOLDER", str(CHECKOUT / "dags")),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(CHECKOUT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # With more tasks at once SQLite answers "database is locked".
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": home.secret("fernet"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.passwords),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{instance.url}/execution/",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(instance.port),
        "AIRFLOW__API__BASE_URL": instance.url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__MAXIMUM_PAGE_LIMIT": "1000",
        "AIRFLOW__API__SECRET_KEY": home.secret("api"),
        "AIRFLOW__API_AUTH__JWT_SECRET": home.secret("jwt"),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.logs),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "PYTHONPATH": _path_list(str(CHECKOUT), str(CHECKOUT / "plugins"), inherited.get("PYTHONPATH", "")),
        **FASTER,
        **PATIENT,
        **WATCHFUL,
        **instance.settings,
    }
    return {**_credentials(), **inherited, **_without_proxy(inherited), **settings}


def use_connections_of(home: Home) -> None:
    """Let this process see the connections of `.env` and of the local Airflow, unless it has another one."""
    own = {**_credentials(), **os.environ}
    if "AIRFLOW_HOME" not in own and home.database.exists():
        local = airflow_environment(home, home.instance())
        own |= {name: value for name, value in local.items() if not name.startswith("S3LOGS_")}
        own["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
    os.environ.update(own)


def given_connections() -> set[str]:
    """Return the names, in capitals, of the connections that the environment and `.env` hold."""
    start = "AIRFLOW_CONN_"
    return {name.removeprefix(start) for name in {**_credentials(), **os.environ} if name.startswith(start)}


def s3logs_settings(remembered: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return where the log objects, the lake and the catalog are, folders as absolute paths.

    What the environment or `.env` says comes first, then what was `remembered` of the last start, then
    the sample. Given sources with no lake go to `.data/lake`.
    """
    from include.s3logs.settings import load_settings

    given = load_settings()
    if not given.sources and remembered:
        return {**remembered, **_chosen({"S3LOGS_LAKE": given.lake, "S3LOGS_CATALOG": given.catalog})}
    if given.sources:
        chosen = {"S3LOGS_SOURCES": ",".join(_absolute(source) for source in given.sources)}
        defaults = {"S3LOGS_LAKE": str(LAKE), "S3LOGS_CATALOG": ""}
    else:
        chosen = {"S3LOGS_SOURCES": str(SAMPLE / "logs")}
        defaults = {"S3LOGS_LAKE": str(SAMPLE_LAKE), "S3LOGS_CATALOG": str(SAMPLE / "catalog.csv")}
    return {**defaults, **chosen, **_chosen({"S3LOGS_LAKE": given.lake, "S3LOGS_CATALOG": given.catalog})}


def is_sample(settings: Mapping[str, str]) -> bool:
    """Say whether the log objects are those of the sample."""
    return settings["S3LOGS_SOURCES"] == str(SAMPLE / "logs")


def _credentials() -> dict[str, str]:
    """Return the secrets that `.env` holds beside the settings, which s3logs reads there itself."""
    from dotenv import dotenv_values

    found = dotenv_values(CHECKOUT / ".env")
    return {
        name: value
        for name, value in found.items()
        if value and (name.startswith(("AIRFLOW_CONN_", "AWS_")) or name in SECRETS)
    }


def _chosen(given: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value if name == "S3LOGS_CATALOG" and choose(value).kind != MANIFEST else _absolute(value)
        for name, value in given.items()
        if value
    }


def _absolute(address: str) -> str:
    """Return a folder as absolute path (Airflow's processes run elsewhere), an address as it is."""
    if "://" in address:
        return address
    return str(Path(address.removeprefix("file:")).expanduser().absolute())


def _path_list(*paths: str) -> str:
    return os.pathsep.join(dict.fromkeys(path for path in paths if path))


def _without_proxy(inherited: Mapping[str, str]) -> dict[str, str]:
    """Keep what is meant for this machine off any proxy, and macOS from crashing forked tasks."""
    proxies = any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in inherited)
    exceptions = inherited.get("no_proxy") or inherited.get("NO_PROXY") or ""
    local = ",".join(filter(None, [exceptions, HOST, "localhost"]))
    if sys.platform != "darwin":
        return {"no_proxy": local, "NO_PROXY": local}
    # Asking macOS for its proxies is not safe after a fork; an explicit proxy is not asked for.
    value = local if proxies else "*"
    return {"no_proxy": value, "NO_PROXY": value, "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"}
