"""Which errors are worth another attempt, and how the attempts are spaced."""

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from include.s3logs.settings import DagLimits

FAIL_FAST = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="include.s3logs.errors.PermanentError",
            action=RetryAction.FAIL,
            reason="This cannot heal by trying again; the message says what has to change.",
        )
    ]
)


def retrying(limits: DagLimits) -> dict[str, Any]:
    """Return the task arguments: errors that can heal are retried with back-off, others fail at once.

    No try takes longer than the limit, whatever it waits for.
    """
    return {
        "retries": limits.retries,
        "retry_delay": timedelta(seconds=limits.retry_seconds),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "retry_policy": FAIL_FAST,
        "execution_timeout": timedelta(hours=limits.task_hours),
    }
