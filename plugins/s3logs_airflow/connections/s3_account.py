"""The S3 account behind an Airflow connection: a client for each region, and whose account it is."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

from include.s3logs.logging_audit.ask import PARALLEL_QUESTIONS, S3Api


def open_account(aws_conn_id: str) -> S3Api:
    """Return the account's clients, made when they are first needed."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from botocore.config import Config

    from include.s3logs.connections.s3 import checked, mask_logs

    mask_logs()
    hook = S3Hook(aws_conn_id=aws_conn_id)
    config = hook.config.merge(Config(max_pool_connections=PARALLEL_QUESTIONS))
    lock = Lock()

    @cache
    def make(region: str | None) -> Any:
        made = hook.get_client_type(region_name=region, config=config)
        return checked(made, f"the Airflow connection {aws_conn_id}")

    def client(region: str | None) -> Any:
        with lock:  # clients serve several threads, the session that makes them does not
            return make(region)

    return S3Api(client, lambda: hook.account_id)
