"""What the DAG s3_logging_audit does: look at all buckets, switch logging on where asked, report."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from include.s3logs.errors import PermanentError
from include.s3logs.settings import Settings, require
from s3logs_airflow.operators.errors import told
from s3logs_airflow.operators.parameters import refuse_unknown

PARAMETERS = frozenset({"switch_on", "dry_run", "replace"})


class LoggingAuditOperator(BaseOperator):
    """Says of every bucket where it logs to and what is wrong, and switches logging on where it is asked to.

    Returns the counts of each finding, the addresses of table and JSON, and what became of the buckets in
    `switch_on`. Findings fail nothing; a bucket that was to be switched on and was not, does, after all else.
    A deployment without S3 has nothing to look at: the task is skipped and says so.
    """

    ui_color = "#fae8ff"

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Check settings and parameters before any question."""
        from include.s3logs.logging_audit.ask import NoConnectionError, look_at
        from include.s3logs.logging_audit.findings import findings
        from include.s3logs.logging_audit.report import DATA, TABLE, as_json, counts, write_report
        from include.s3logs.logging_audit.switch_on import switch_on
        from include.s3logs.logging_audit.table import as_table
        from include.s3logs.logging_audit.wishes import parse_wishes
        from s3logs_airflow.connections.deployment import open_deployment
        from s3logs_airflow.connections.s3_account import open_account

        deployment = open_deployment()
        settings = deployment.settings
        require(settings, "lake")
        refuse_unknown(context, PARAMETERS)
        params = context["params"]
        wishes = parse_wishes(params.get("switch_on") or ())
        dry_run = params.get("dry_run", True) is not False
        api = open_account(settings.aws_conn_id)
        try:
            account = look_at(api)
        except NoConnectionError as error:
            if wishes or _uses_s3(settings):
                raise
            reason = f"There is nothing to audit, as sources and lake are folders. {error}"
            self.log.warning("%s", reason)  # Airflow logs it, too, where nobody looks
            raise AirflowSkipException(reason) from error
        outcomes = switch_on(api, account, wishes, dry_run=dry_run, replacing=bool(params.get("replace")))
        if any(outcome.changed for outcome in outcomes):
            account = look_at(api)
        found = findings(account, settings.settling_days)
        table = as_table(account, found)
        lake = deployment.lake
        changed = write_report(lake, table, as_json(account, found))
        for line in table.splitlines():
            self.log.info("%s", line)
        for outcome in outcomes:
            self.log.info("switch_on: %s: %s. %s", outcome.bucket, outcome.outcome, outcome.message)
        summary = {
            "outcome": "computed" if changed else "reused",
            "buckets": len(account.buckets),
            "counts": counts(found),
            "table": lake.uri(TABLE),
            "json": lake.uri(DATA),
            "switch_on": {outcome.bucket: f"{outcome.outcome}: {outcome.message}" for outcome in outcomes},
        }
        denied = [outcome for outcome in outcomes if outcome.is_denied]
        if denied and not dry_run:
            context["ti"].xcom_push(key="return_value", value=summary)  # what was done is done
            raise PermanentError(
                "Not switched on: "
                + " ".join(f"{one.bucket} ({one.outcome}): {one.message}" for one in denied)
            )
        return summary


def _uses_s3(settings: Settings) -> bool:
    return any(
        address.startswith("s3://") for address in (*settings.sources, settings.lake, settings.catalog)
    )
