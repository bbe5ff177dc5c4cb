"""Every knob of s3logs in one typed object, read from `S3LOGS_…` environment variables or `.env`.

`docs/settings.md` is generated from this file by `make docs`.
Secrets are no settings: they come through Airflow connections.

| module | answers |
|---|---|
| `catalog_choice.py` | what may `S3LOGS_CATALOG` say? |
| `words.py` | has a word the form that it must have, and which known one is nearest? |
| `overlaps.py` | does the lake lie in a source, or a source in the lake? |
"""

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from dotenv import dotenv_values
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from include.s3logs.errors import SettingsError
from include.s3logs.secrets import holds_secret
from include.s3logs.settings.catalog_choice import choose
from include.s3logs.settings.words import check_operations, unknown_variables

PROJECT = Path(__file__).resolve().parents[3]
_CONFIG = SettingsConfigDict(
    env_prefix="S3LOGS_",
    env_file=PROJECT / ".env",
    env_ignore_empty=True,
    extra="ignore",
    frozen=True,
    hide_input_in_errors=True,  # `_explain` shows it, without what is secret
)
CommaSeparated = Annotated[tuple[str, ...], NoDecode]


class _Variables(BaseSettings):
    """Variables of one prefix; `faults` says of which ones the default stands in, as they make no sense."""

    model_config = _CONFIG
    _faults: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        return self._faults


_Model = TypeVar("_Model", bound=_Variables)


class Settings(_Variables):
    """What the pipeline does, and where."""

    sources: CommaSeparated = Field(
        default=(),
        description="Where the log objects are: folders or `s3://bucket/prefix`, separated by commas. "
        "Several sources make one deployment for several logged buckets.",
    )
    lake: str = Field(
        default="",
        description="The folder or `s3://bucket/prefix` that receives everything s3logs writes.",
    )
    catalog: str = Field(
        default="",
        description="What says which key belongs to which dataset: a manifest (path or `s3://…` of a CSV "
        "or Parquet file with the columns `object_key,dataset,version,asset_path`); `prefix:<N>`, when the "
        "first N segments of a key are the dataset; `dandi` or `dandi:<base address of the API>`, an archive "
        "like DANDI. Empty: all traffic is `unassociated`.",
    )
    restrict_to_datasets: CommaSeparated = Field(
        default=(),
        description="Only these datasets of the catalog, separated by commas; traffic of others is "
        "`unassociated`.",
    )
    exclude_datasets: CommaSeparated = Field(
        default=(),
        description="All datasets of the catalog but these, separated by commas; their traffic is "
        "`unassociated`. Not together with `S3LOGS_RESTRICT_TO_DATASETS`.",
    )
    dataset_limit: int = Field(
        default=0,
        ge=0,
        description="Only the first so many datasets of the catalog in order of their names, for trials; "
        "0: all.",
    )
    most_datasets: int = Field(
        default=2000,
        ge=1,
        description="How many datasets the catalog `prefix:<N>` may find: each has a folder of files of its "
        "own, and with too large an N every object becomes one. With more nothing is published. Raise it if "
        "they are datasets.",
    )
    operations: CommaSeparated = Field(
        default=("REST.GET.OBJECT",),
        min_length=1,
        description="The operations that count as traffic, as records name them, separated by commas: "
        "`REST.GET.OBJECT`, `WEBSITE.GET.OBJECT`.",
    )
    excluded_ips: CommaSeparated = Field(
        default=(),
        description="Addresses or networks (`192.0.2.7`, `2001:db8::/32`) whose requests are not counted, "
        "separated by commas: monitoring probes, the archive's own services.",
    )
    settling_days: int = Field(
        default=10,
        ge=0,
        le=365,
        description="How many past log days (days) a daily run looks back at for late log objects.",
    )
    rejection_limit: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="The share of a day's lines (0 to 1) that may be without a valid reading before the "
        "day fails. Rejected lines are kept in quarantine either way.",
    )
    on_unreadable: Literal["fail", "skip"] = Field(
        default="fail",
        description="What a log object that is corrupt, forbidden or gone does: `fail` the day, or "
        "`skip` it, noted in the quarantine.",
    )
    partial: Literal["fail", "accept"] = Field(
        default="fail",
        description="What log days of which unreadable log objects were left out (state `partial`) do: "
        "`fail` the run at its end, or be `accept`ed. Their figures are published either way.",
    )
    expect_logs: int = Field(
        default=0,
        ge=0,
        description="After so many log days in a row without any log object (days), where there were some "
        "before, runs fail. 0: three such days are a warning and nothing fails.",
    )
    keep_addresses_days: int | None = Field(
        default=None,
        ge=0,
        description="How long the lake keeps addresses and raw lines (days): of finished log days that are "
        "longer ago they go. Figures stay, and still follow the catalog; regions stay what they were; lines "
        "that could not be read are gone. Empty: for ever.",
    )
    mask_below: int = Field(
        default=50,
        ge=0,
        description="Published counts (requests, downloads) below this show as `<50`; 0 masks nothing.",
    )
    round_to: int = Field(
        default=20,
        ge=1,
        description="Published counts are rounded to the nearest multiple of this (halves to the even "
        "multiple). 1 switches rounding off.",
    )
    region_table: str = Field(
        default="",
        description="The deployment's own networks: a CSV file (path or `s3://…`) with the columns "
        "`network,region`, which goes before all other sources of regions. For an institution's networks "
        "and for sites without a way out.",
    )
    ipinfo_conn_id: str = Field(
        default="ipinfo_default",
        description="The Airflow connection whose password is the token of the IP service ipinfo; the "
        "variable `IPINFO_CREDENTIALS` goes before it. Without a token nobody is asked.",
    )
    ipinfo_api: Literal["core", "lite", "legacy"] = Field(
        default="core",
        description="What the token is for: `core` (Core and Plus plans: regions inside countries), `lite` "
        "(countries only, one request for each address) or `legacy` (plans from before these).",
    )
    ipinfo_mmdb: str = Field(
        default="",
        description="A database file of ipinfo (`.mmdb`, a path); it is asked after the cache and before the "
        "service, and no address leaves the machine for it.",
    )
    salt_file: str = Field(
        default="",
        description="The file with the secret key under which addresses are hashed, outside the lake; made "
        "if it is not there. Empty: `.s3logs/ip_hash_salt` in the project folder, or in the home folder "
        "where that may not be written; nothing is made there where tasks may run on several workers (any "
        "executor but `LocalExecutor`). The variable `IP_HASH_SALT` goes before it.",
    )
    github_list_url: str = Field(
        default="https://api.github.com/meta",
        description="Where the DAG `s3_ip_regions` fetches GitHub's networks: JSON whose lists hold them, or "
        "one a line. `none` switches it off.",
    )
    vpn_list_url: str = Field(
        default="https://raw.githubusercontent.com/X4BNet/lists_vpn/main/output/vpn/ipv4.txt",
        description="Where it fetches the networks of VPN providers, in the same forms. `none` switches it "
        "off.",
    )
    rollup_destination: str = Field(
        default="",
        description="Where the DAG `s3_log_rollup` puts roll-ups: a folder or `s3://bucket/prefix/`. Empty: "
        "beside the log objects, when there is one source. `s3_access_logs` reads what is there, too.",
    )
    rollup_level: Literal["10min", "hour", "day", "month"] = Field(
        default="day", description="How long the interval of one roll-up is."
    )
    rollup_codec: Literal["none", "gzip", "bzip2", "zstd"] = Field(
        default="zstd", description="How roll-ups are packed."
    )
    rollup_originals: Literal["keep", "delete", "tag"] = Field(
        default="keep",
        description="What becomes of log objects that are in a verified roll-up: they stay, are deleted, or "
        "get the tag `S3LOGS_ROLLUP_TAG`, for a lifecycle rule.",
    )
    rollup_tag: str = Field(
        default="s3logs=rolled-up",
        pattern=r"^[^=]{1,128}=[^=]{0,256}$",
        description="That tag, as `name=value`.",
    )
    aws_conn_id: str = Field(
        default="aws_default",
        description="The Airflow connection with the credentials and endpoint for `s3://` sources and lakes.",
    )

    @field_validator(
        *("sources", "operations", "excluded_ips", "restrict_to_datasets", "exclude_datasets"), mode="before"
    )
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    # Defined after what splits them, it comes before: a password may have commas.
    @field_validator(
        *("sources", "lake", "catalog", "region_table", "ipinfo_mmdb", "rollup_destination"), mode="before"
    )
    @classmethod
    def _holds_no_secret(cls, value: object) -> object:
        if isinstance(value, str) and holds_secret(value):
            raise ValueError(
                "write it without a user, password, key or token: logs, XComs and the lake name it. "
                "Credentials of S3 belong to the Airflow connection that S3LOGS_AWS_CONN_ID names"
            )
        return value

    @field_validator("excluded_ips")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network, strict=False)
        return value

    @field_validator("operations")
    @classmethod
    def _are_operations(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_operations(value)
        return value

    @field_validator("catalog")
    @classmethod
    def _is_a_catalog(cls, value: str) -> str:
        choose(value)
        return value

    @field_validator("exclude_datasets")
    @classmethod
    def _is_the_only_choice(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and info.data.get("restrict_to_datasets"):
            raise ValueError("not together with S3LOGS_RESTRICT_TO_DATASETS; leave one of them empty")
        return value


class DagLimits(_Variables):
    """How much runs at once; read when the DAG files are parsed."""

    pool: str = Field(
        default="default_pool",
        description="The Airflow pool whose slots the day tasks take; it must exist: tasks of one that does "
        "not wait for ever, and only the scheduler's log says so. `make run` refuses it.",
    )
    parallel_days: int = Field(
        default=4,
        ge=1,
        description="How many log days (tasks of one stage) of one run work at the same time.",
    )
    rollup_schedule: str = Field(
        default="",
        description="When the DAG `s3_log_rollup` runs by itself (cron, UTC), such as `0 3 * * *`; such runs "
        "are no dry runs. Empty: only when it is triggered.",
    )
    retries: int = Field(
        default=4,
        ge=0,
        description="How often a task is tried again after an error that can heal (throttling, outages).",
    )
    retry_seconds: int = Field(
        default=30,
        ge=1,
        description="The wait before the first retry (seconds); it doubles each time, up to ten minutes.",
    )
    task_hours: float = Field(
        default=12,
        gt=0,
        le=23,
        description="How long one try of a task may take (hours) before it is ended: longer than the largest "
        "log day needs. A run ends after 23 hours.",
    )


def load_settings() -> Settings:
    """Return the settings of this process; SettingsError names the variables that make no sense."""
    return _without_faults(read_settings())


def load_limits() -> DagLimits:
    """Return the limits of this process; SettingsError names the variables that make no sense."""
    return _without_faults(read_limits())


def read_settings(**given: str) -> Settings:
    """Return the settings of this process, some maybe `given`, with their `faults`: they are told later."""
    return _read(Settings, given)


def read_limits() -> DagLimits:
    """Return the limits of this process with their `faults`: they are told later."""
    return _read(DagLimits, {})


def faults_of_environment() -> list[str]:
    """Return what is wrong with the names of this process's `S3LOGS_…` variables and those in `.env`."""
    prefix = str(_CONFIG["env_prefix"])
    known = [f"{prefix}{name.upper()}" for model in (Settings, DagLimits) for name in model.model_fields]
    env_file = Settings.model_config["env_file"]
    in_file = dotenv_values(env_file) if isinstance(env_file, Path) else {}
    return unknown_variables(
        (name for name in (*os.environ, *in_file) if name.upper().startswith(prefix)), known
    )


def _read(model: type[_Model], given: Mapping[str, str]) -> _Model:
    values: dict[str, Any] = dict(given)
    try:
        return model(**values)
    except ValidationError as error:
        problems = error.errors()
    for problem in problems:
        name = str(problem["loc"][0])
        values[name] = model.model_fields[name].default
    read = model(**values)
    read._faults = tuple(map(_explained, problems))
    return read


def _without_faults(read: _Model) -> _Model:
    if read.faults:
        raise SettingsError("\n".join(["These settings make no sense:", *read.faults]))
    return read


def _explained(problem: Mapping[str, Any]) -> str:
    name, said = str(problem["loc"][0]).upper(), str(problem["msg"]).removeprefix("Value error, ")
    return f"S3LOGS_{name}={_shown(problem.get('input'))}: {said}"


def _shown(value: object) -> str:
    return "…" if holds_secret(str(value)) else repr(value)


def require(settings: Settings, *names: str) -> None:
    """Raise SettingsError unless each named setting has a value."""
    missing = [f"S3LOGS_{name.upper()}" for name in names if not getattr(settings, name)]
    if missing:
        raise SettingsError(
            f"{' and '.join(missing)} must be set (environment variable or .env); see docs/settings.md."
        )
