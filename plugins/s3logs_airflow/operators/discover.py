"""Find the log days that a run has to do."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.configuration import conf
from airflow.sdk import BaseOperator, Context

from include.s3logs.errors import SettingsError
from s3logs_airflow.operators.errors import told
from s3logs_airflow.operators.parameters import is_forced, refuse_unknown, token_of

if TYPE_CHECKING:
    from include.s3logs.days.discover import Request

PARAMETERS = frozenset({"days", "first_day", "last_day", "force", "sources"})
LEFT_OVER = "left_over"
LISTINGS = "listings"
CATALOG = "catalog"


class DiscoverOperator(BaseOperator):
    """Finds the log days that a run has to do. Returns them (list of YYYY-MM-DD, oldest first).

    - A run with `days` or a range in its parameters does those.
    - A backfill run does exactly its own day, the day of its partition key.
    - Any other run does its own day (yesterday, when it has none) and every day of the settling window
      whose set of log objects changed since its figures were made. Without `force` it also does finished
      days, however old, of whose keys the catalog says something else now, or some of whose regions could
      not be asked for.

    A catalog behind an API is fetched first, as far as it changed; XCom `catalog` says what came of it, and
    whether the last good one is used (`outcome` is `kept`, with the `error`).

    What was listed of each day is carried to its tasks as a file in the lake; XCom `listings` has the key,
    size and digest of each, and how many log objects are in it. Days beyond Airflow's mapping limit are left
    to the next run; XCom `left_over` lists them.
    """

    ui_color = "#fef9c3"

    @told
    def execute(self, context: Context) -> list[str]:
        """Check settings and parameters before any work, then list the sources."""
        from include.s3logs.days.discover import discover
        from s3logs_airflow.connections.deployment import connection_faults, open_deployment

        deployment = open_deployment()
        request = self._request(context)
        given = context["params"].get("sources") or ()
        deployment.check(given, others=connection_faults(deployment.settings))
        sources = deployment.sources(given)
        if report := deployment.refresh_catalog():
            context["ti"].xcom_push(key=CATALOG, value=report)
        plan = discover(
            deployment.lake,
            sources,
            deployment.settings,
            deployment.catalog(),  # a bad one is refused now, not after an hour of reducing
            request,
            limit=conf.getint("core", "max_map_length"),
            force=is_forced(context),
            token=token_of(context),
            salt=deployment.salt_name(),
        )
        context["ti"].xcom_push(
            key=LISTINGS, value={str(day): asdict(carried) for day, carried in plan.listings.items()}
        )
        context["ti"].xcom_push(key=LEFT_OVER, value=[str(day) for day in plan.left_over])
        return [str(day) for day in plan.days]

    def _request(self, context: Context) -> Request:
        """Return what the run is asked to do; SettingsError for parameters that make no sense."""
        from include.s3logs.days.discover import Request

        params, run = context["params"], context["dag_run"]
        refuse_unknown(context, PARAMETERS)
        today = datetime.now(UTC).date()
        own_day = _day("partition_key", run.partition_key) if run.partition_key else today - timedelta(days=1)
        request = Request(
            own_day=own_day,
            days=tuple(_day("days", value) for value in params.get("days") or ()),
            first_day=_day("first_day", params["first_day"]) if params.get("first_day") else None,
            last_day=_day("last_day", params["last_day"]) if params.get("last_day") else None,
            only_own_day=run.run_type == "backfill",
            other_sources=bool(params.get("sources")),
        )
        request.check(today)
        return request


def _day(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{name} {value!r} is no date; write it as 2024-06-01.") from error
