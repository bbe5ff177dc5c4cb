"""Errors that can heal are tried again, others fail at once; decided by Airflow's own retry policy."""

import inspect

import pytest
from airflow.sdk import RetryAction

from include.s3logs import errors
from include.s3logs.settings import DagLimits
from s3logs_airflow.policies import FAIL_FAST, retrying

EVERY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
HEAL = {
    errors.S3LogsError,
    errors.CatalogUnavailableError,
    errors.ChangedObjectError,
    errors.IpQuotaUsedUpError,
    errors.EndlessAnswerError,
    errors.IpServiceUnavailableError,
    errors.ServerUnavailableError,
    errors.StoreUnavailableError,
}


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_is_judged(kind):
    decision = FAIL_FAST.evaluate(kind("why"), try_number=1, max_tries=4)
    assert decision.action == (RetryAction.DEFAULT if kind in HEAL else RetryAction.FAIL)


@pytest.mark.parametrize("error", [ConnectionError(), TimeoutError(), MemoryError(), KeyError("bug")])
def test_errors_of_others_are_tried_again(error):
    assert FAIL_FAST.evaluate(error, try_number=1, max_tries=4).action == RetryAction.DEFAULT


def test_the_pauses_grow_and_no_try_takes_for_ever():
    arguments = retrying(DagLimits(retries=7, retry_seconds=3, task_hours=0.5))
    assert arguments["retries"] == 7
    assert arguments["retry_delay"].total_seconds() == 3
    assert arguments["retry_exponential_backoff"]
    assert arguments["max_retry_delay"].total_seconds() == 600
    assert arguments["execution_timeout"].total_seconds() == 1800
