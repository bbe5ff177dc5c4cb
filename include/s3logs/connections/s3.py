"""A boto3 client for S3 from AWS's standard environment, and whether libcurl may read beside it."""

import os
from typing import Any

import boto3
from botocore.config import Config

from include.s3logs.stores.store import PARALLEL_READS

CONFIG = Config(max_pool_connections=2 * PARALLEL_READS)


def s3_from_environment() -> tuple[Any, Any]:
    """Return a client and its session's credentials, by whatever boto3 finds in the environment."""
    session = boto3.session.Session()
    client = session.client("s3", config=CONFIG)
    return client, session.get_credentials() if is_plain(client, verify=None) else None


def is_plain(client: Any, verify: Any) -> bool:
    """Tell whether requests are signed, certificates checked and servers reached in the usual way.

    `verify` is what the client was told of certificates: a path, true, false, or None for what is usual.
    """
    usual = verify in {None, True} and "AWS_CA_BUNDLE" not in os.environ
    usual = usual or client.meta.endpoint_url.startswith("http://")
    signed = client.meta.config.signature_version in {"s3v4", "s3"}
    return bool(usual and signed and not client.meta.config.proxies)
