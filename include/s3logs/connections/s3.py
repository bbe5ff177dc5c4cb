"""A boto3 client for S3 from AWS's standard environment, and whether libcurl may read beside it."""

import logging
import os
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

import boto3
from botocore.config import Config

from include.s3logs.errors import SettingsError
from include.s3logs.secrets import MaskedLog, holds_secret, shown
from include.s3logs.stores.store import PARALLEL_READS

CONFIG = Config(max_pool_connections=2 * PARALLEL_READS)
_LOGGING = ("botocore", "boto3", "s3transfer", "urllib3")


def s3_from_environment() -> tuple[Any, Any]:
    """Return a client and its session's credentials, by whatever boto3 finds in the environment."""
    mask_logs()
    session = boto3.session.Session()
    client = checked(session.client("s3", config=CONFIG), "the environment (AWS_ENDPOINT_URL)")
    return client, session.get_credentials() if is_plain(client, verify=None) else None


def checked(client: Any, said_by: str) -> Any:
    """Return the client; SettingsError when the address of its server holds a user, password or token.

    Nobody would use these, and what boto3 says of a server that does not answer names the whole address.
    """
    if holds_secret(client.meta.endpoint_url):
        raise SettingsError(
            f"The address of the S3 server, {shown(client.meta.endpoint_url)!r} of {said_by}, holds a user, "
            "password or token. Write it without; keys have fields of their own."
        )
    return client


def is_plain(client: Any, verify: Any) -> bool:
    """Tell whether requests are signed, certificates checked and servers reached in the usual way.

    `verify` is what the client was told of certificates: a path, true, false, or None for what is usual.
    """
    usual = verify in {None, True} and "AWS_CA_BUNDLE" not in os.environ
    usual = usual or client.meta.endpoint_url.startswith("http://")
    signed = client.meta.config.signature_version in {"s3v4", "s3"}
    return bool(usual and signed and not client.meta.config.proxies)


@cache
def mask_logs() -> None:
    """Have the libraries below a client log nothing secret, as they do at DEBUG: headers, whole answers.

    To be called before a client is made: what it needs for its credentials is logged, too.
    """
    for name in _LOGGING:
        if found := find_spec(name):
            # A logger's filters see what is logged to it, and nothing of the loggers below it.
            for logger in (name, *_modules(found.submodule_search_locations or (), name)):
                logging.getLogger(logger).addFilter(MaskedLog())


def _modules(folders: Iterable[str], package: str) -> Iterator[str]:
    """Yield the names of all modules in a package, which are those of their loggers; imports none."""
    for folder in folders:
        for module in pkgutil.iter_modules([folder]):
            yield (name := f"{package}.{module.name}")
            if module.ispkg:
                yield from _modules([f"{folder}/{module.name}"], name)
