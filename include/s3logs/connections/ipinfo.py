"""The official client of ipinfo as the IP service of `include.s3logs.regions`.

What it raises never holds an address: only what kind of error it was.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests
from ipinfo import getHandler, getHandlerCore, getHandlerLite
from ipinfo.error import APIError
from ipinfo.exceptions import RequestQuotaExceededError, TimeoutExceededError

from include.s3logs.errors import AccessDeniedError, IpQuotaUsedUpError, IpServiceUnavailableError

log = logging.getLogger(__name__)

_ERRORS = 3  # among these; more are rather an outage than single addresses that the service cannot answer for
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_QUOTA = (HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.TOO_MANY_REQUESTS)
# What the client raises on an answer that is not what it expects.
_NONSENSE = (ValueError, TypeError, AttributeError, KeyError, RecursionError)


@dataclass(frozen=True, slots=True)
class IpinfoLimits:
    """Seconds that a request may take, addresses in one (the service takes up to 1,000), requests at once.

    The latter are for the Lite API, which takes one address at a time.
    """

    seconds: float = 20
    batch: int = 1000
    parallel: int = 16


LIMITS = IpinfoLimits()


class IpinfoClient:
    """`include.s3logs.regions.service.IpService` by one of ipinfo's APIs.

    :param token: the token of the account.
    :param api: `core`, `lite` or `legacy`, as the setting S3LOGS_IPINFO_API.
    """

    def __init__(self, token: str, api: str, limits: IpinfoLimits = LIMITS) -> None:
        make = {"core": getHandlerCore, "lite": getHandlerLite, "legacy": getHandler}[api]
        self._limits = limits
        self._handler = make(token, request_options={"timeout": limits.seconds}, cache=_NoCache())
        self._in_batches = api != "lite"
        self.batch_size = limits.batch if self._in_batches else 10 * limits.parallel

    def details(self, addresses: Sequence[str]) -> Mapping[str, object]:
        """Return what the service says of each address; the errors are those of `IpService`."""
        if not self._in_batches:
            return self._one_by_one(addresses)
        with _explained():
            answers = self._handler.getBatchDetails(addresses, timeout_per_batch=self._limits.seconds)
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

        with ThreadPoolExecutor(self._limits.parallel) as pool:
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
            "S3LOGS_IPINFO_CONN_ID names (or IPINFO_CREDENTIALS), and that S3LOGS_IPINFO_API says what it is "
            "for."
        )
    if status in _QUOTA:
        return IpQuotaUsedUpError(f"ipinfo: the quota is used up (status {status}).")
    return IpServiceUnavailableError(f"ipinfo answered with status {status}.")
