"""Take addresses out of the lake that may be kept no longer."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from include.s3logs.errors import KeptAddressesError
from s3logs_airflow.operators.errors import told


class RetainOperator(BaseOperator):
    """Takes addresses and raw lines out of the lake that are older than `S3LOGS_KEEP_ADDRESSES_DAYS` allows.

    Skipped when they are kept for ever. Returns of which log days they went, which days wait for the next
    run, and which keep them because they are not finished.
    """

    ui_color = "#e2e8f0"

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Do some finished days, the oldest first; KeptAddressesError says why those of others stay."""
        from include.s3logs.days.retention import retain
        from include.s3logs.settings import require
        from s3logs_airflow.connections.deployment import open_deployment

        started = time.monotonic()
        deployment = open_deployment()
        keep_days = deployment.settings.keep_addresses_days
        if keep_days is None:
            raise AirflowSkipException("S3LOGS_KEEP_ADDRESSES_DAYS is not set: addresses are kept for ever.")
        require(deployment.settings, "lake")
        today = datetime.now(UTC).date()
        retained = retain(deployment.lake, deployment.regions(), keep_days, today)
        if retained.problems:
            raise KeptAddressesError(
                "Addresses are kept longer than S3LOGS_KEEP_ADDRESSES_DAYS says:\n"
                + "\n".join(retained.problems)
            )
        return {
            "retained": [str(day) for day in retained.days],
            "left_over": [str(day) for day in retained.left_over],
            "unfinished": [str(day) for day in retained.unfinished],
            "seconds": round(time.monotonic() - started, 3),
        }
