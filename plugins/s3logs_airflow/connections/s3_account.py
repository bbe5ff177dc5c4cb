"""The S3 account behind an Airflow connection: a client for each region, and whose account it is."""

from __future__ import annotations

from functools import cache, partial
from threading import Lock
from typing import Any

from include.s3logs.logging_audit.ask import PARALLEL_QUESTIONS, S3Api
from s3logs_airflow.connections.deployment import expect_connection


def open_account(aws_conn_id: str) -> S3Api:
    """Return the account's clients, made when they are first needed."""
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from botocore.config import Config

    from include.s3logs.connections.s3 import checked, mask_logs

    mask_logs()
    expect_connection("aws_conn_id", aws_conn_id)
    hook = S3Hook(aws_conn_id=aws_conn_id)
    config = hook.config.merge(Config(max_pool_connections=PARALLEL_QUESTIONS))
    hooks = {"s3": hook, "kms": AwsBaseHook(aws_conn_id=aws_conn_id, client_type="kms")}
    lock = Lock()

    @cache
    def make(service: str, region: str | None) -> Any:
        made = hooks[service].get_client_type(region_name=region, config=config)
        return checked(made, f"the Airflow connection {aws_conn_id}")

    def client(service: str, region: str | None) -> Any:
        with lock:  # clients serve several threads, the session that makes them does not
            return make(service, region)

    return S3Api(partial(client, "s3"), lambda: hook.account_id, partial(client, "kms"))
