"""The official client of ipinfo as the IP service of `include.s3logs.regions`.

What it raises never holds an address: only what kind of error it was.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import requests
from ipinfo import getHandler, getHandlerCore, getHandlerLite
from ipinfo.error import APIError
from ipinfo.exceptions import RequestQuotaExceededError, TimeoutExceededError

from include.s3logs.errors import AccessDeniedError, IpQuotaUsedUpError, IpServiceUnavailableError
from include.s3logs.settings import Settings

log = logging.getLogger(__name__)

VARIABLE = "IPINFO_CREDENTIALS"
TIMEOUT = 20
"""Seconds that a request may take."""
_BATCH = 1000  # addresses; the most that the service takes
_PARALLEL_REQUESTS = 16  # of the Lite API, which knows no batches
_ERRORS = 3  # among these; more are rather an outage than single addresses that the service cannot answer for
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_QUOTA = (HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.TOO_MANY_REQUESTS)
# What the client raises on an answer that is not what it expects.
_NONSENSE = (ValueError, TypeError, AttributeError, KeyError, RecursionError)


class IpinfoClient:
    """`include.s3logs.regions.service.IpService` by one of ipinfo's APIs.

    :param token: the token of the account.
    :param api: `core`, `lite` or `legacy`, as the setting S3LOGS_IPINFO_API.
    """

    def __init__(self, token: str, api: str) -> None:
        make = {"core": getHandlerCore, "lite": getHandlerLite, "legacy": getHandler}[api]
        self._handler = make(token, request_options={"timeout": TIMEOUT}, cache=_NoCache())
        self._in_batches = api != "lite"
        self.batch_size = _BATCH if self._in_batches else 10 * _PARALLEL_REQUESTS

    def details(self, addresses: Sequence[str]) -> Mapping[str, object]:
        """Return what the service says of each address; the errors are those of `IpService`."""
        if not self._in_batches:
            return self._one_by_one(addresses)
        with _explained():
            answers = self._handler.getBatchDetails(addresses, timeout_per_batch=TIMEOUT)
            return {address: getattr(answer, "all", answer) for address, answer in answers.items()}

    def _one_by_one(self, addresses: Sequence[str]) -> Mapping[str, object]:
        """Ask for each address by itself, so that one without an answer costs the others nothing.

        After some errors nothing more is asked; what was answered counts all the same.
        """
        errors: list[IpServiceUnavailableError] = []

        def ask(address: str) -> object:
            if len(errors) >= _ERRORS:
                return None
            try:
                with _explained():
                    return self._handler.getDetails(address).all
            except IpServiceUnavailableError as error:
                errors.append(error)
                return None

        with ThreadPoolExecutor(_PARALLEL_REQUESTS) as pool:
            given = zip(addresses, pool.map(ask, addresses), strict=True)
            answers = {address: answer for address, answer in given if answer is not None}
        if errors and not answers:
            raise errors[0]
        if errors:
            log.warning(
                "%d of %d addresses have no answer: %s",
                len(addresses) - len(answers),
                len(addresses),
                errors[0],
            )
        return answers


class _NoCache:
    """Keeps nothing: the client's own cache would keep addresses, and is not made for threads."""

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __setitem__(self, key: str, value: Any) -> None:
        pass


@contextmanager
def _explained() -> Iterator[None]:
    # Chained exceptions would be logged with them, and their texts hold addresses: so `from None`.
    try:
        yield
    except RequestQuotaExceededError:
        raise IpQuotaUsedUpError("ipinfo: too many requests, or the quota is used up.") from None
    except APIError as error:
        raise _refusal(error.error_code) from None
    except requests.HTTPError as error:
        raise _refusal(error.response.status_code if error.response is not None else 0) from None
    except (requests.RequestException, TimeoutExceededError) as error:
        raise IpServiceUnavailableError(f"ipinfo did not answer: {type(error).__name__}.") from None
    except _NONSENSE as error:
        raise IpServiceUnavailableError(f"ipinfo answered with nonsense: {type(error).__name__}.") from None


def _refusal(status: int) -> Exception:
    if status in _REFUSED:
        return AccessDeniedError(
            f"ipinfo refuses the token with status {status}. Check the password of the connection "
            f"S3LOGS_IPINFO_CONN_ID names (or {VARIABLE}), and that S3LOGS_IPINFO_API says what it is for."
        )
    if status in _QUOTA:
        return IpQuotaUsedUpError(f"ipinfo: the quota is used up (status {status}).")
    return IpServiceUnavailableError(f"ipinfo answered with status {status}.")


def open_ipinfo(settings: Settings) -> IpinfoClient | None:
    """Return the client with the token of IPINFO_CREDENTIALS or of the connection; None without a token."""
    token = os.environ.get(VARIABLE, "").strip() or _token_of_connection(settings.ipinfo_conn_id)
    return IpinfoClient(token, settings.ipinfo_api) if token else None


def _token_of_connection(conn_id: str) -> str:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return str(BaseHook.get_connection(conn_id).password or "")
    except AirflowNotFoundException:
        return ""
