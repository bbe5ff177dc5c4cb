"""Reading a paginated JSON API patiently: time-outs, retries, and pauses as long as the server asks for."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx

from include.s3logs.errors import AccessDeniedError, CatalogUnavailableError, NotFoundError

PARALLEL_REQUESTS = 8
_TIMEOUT = 60.0  # seconds without a byte
_PAUSES = (1, 2, 4, 8, 16)  # seconds before each further attempt
_LONGEST_PAUSE = 120.0  # seconds; a server that asks for more is given up for now
_LONGEST_ANSWER = 300.0  # seconds; bytes that come one by one are no timeout
_LARGEST = 64 << 20  # bytes; more is no page of a list
_WORTH_RETRYING = {408, 425, 429}
_SHOWN = 200


class ShiftedListError(CatalogUnavailableError):
    """A page that the page before announced is not there: the list changed while it was read."""


class RestApi:
    """An API below one address; safe to use by several threads."""

    def __init__(
        self,
        address: str,
        *,
        timeout: float = _TIMEOUT,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Take the base address, without a final `/`; `timeout` in seconds."""
        self.address = address
        self._sleep = sleep
        self._client = httpx.Client(
            timeout=timeout,
            follow_redirects=True,
            limits=httpx.Limits(max_connections=PARALLEL_REQUESTS),
            headers={"Accept": "application/json", "User-Agent": "s3logs"},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def pages(self, path: str, **query: str | int) -> Iterator[Mapping[str, Any]]:
        """Yield the pages `{"count", "next", "results": [{…}, …]}` of a list, from the first to the last.

        Raises AccessDeniedError (401, 403), NotFoundError (404), ShiftedListError (a later page is gone) and
        CatalogUnavailableError (everything else that does not heal in about half a minute); all name the
        address.
        """
        address, seen = str(httpx.URL(f"{self.address}/{path}", params=query)), set[str]()
        while address:
            if address in seen:
                raise CatalogUnavailableError(f"{address} comes again as its own next page.")
            try:
                page = self._get(address)
            except NotFoundError as error:
                if seen:
                    raise ShiftedListError(str(error)) from error
                raise
            seen.add(address)
            yield page
            address = self._on_this_server(page["next"], address) if page.get("next") else ""

    def _on_this_server(self, following: str, address: str) -> str:
        """Return the page that follows `address`, with our server's name.

        Behind a proxy servers do not always know their own. What is no address at all is a bad answer.
        """
        base = urlsplit(self.address)
        try:
            found = urlsplit(following)._replace(scheme=base.scheme, netloc=base.netloc).geturl()
            httpx.URL(found)  # is more particular than urlsplit
        except (ValueError, httpx.InvalidURL) as error:
            raise CatalogUnavailableError(
                f"{address} names a next page that is no address: {following[:_SHOWN]!r}."
            ) from error
        return found

    def _get(self, address: str) -> Mapping[str, Any]:
        for pause in (*_PAUSES, None):
            asked: float | None = None
            try:
                response, content = self._answer(address)
                page = _page(content) if response.is_success else None
                if page is not None:
                    return page
                problem = _refusal(response, content)
                asked = _retry_after(response)
            # The last two: a redirect to what is no address, or whose host can have no name.
            except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
                problem = f"{type(error).__name__} {error}".strip()
            wait = pause if asked is None else asked
            if pause is None or wait is None:
                break
            if wait > _LONGEST_PAUSE:
                problem += f", and to be asked again in {wait:.0f} s"
                break
            self._sleep(wait)
        raise CatalogUnavailableError(f"{address} cannot be read: {problem}.")

    def _answer(self, address: str) -> tuple[httpx.Response, bytes]:
        """Return the answer and its content; CatalogUnavailableError when that seems to have no end."""
        begun, content = time.monotonic(), bytearray()
        with self._client.stream("GET", address) as response:
            for piece in response.iter_bytes():
                content += piece
                if len(content) > _LARGEST or time.monotonic() - begun > _LONGEST_ANSWER:
                    raise CatalogUnavailableError(
                        f"{address} cannot be read: the answer has no end; "
                        f"{len(content)} bytes came in {time.monotonic() - begun:.0f} s."
                    )
        return response, bytes(content)


def _refusal(response: httpx.Response, content: bytes) -> str:
    """Say what is wrong with the answer; raise what trying again cannot heal."""
    status, address = response.status_code, response.url
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise AccessDeniedError(f"{address} may not be read ({status}).")
    if status == HTTPStatus.NOT_FOUND:
        raise NotFoundError(f"{address} does not exist (404).")
    text = content.decode("utf-8", "replace")  # whatever charset the answer may claim to have
    shown = " ".join(text[:_SHOWN].split())
    if response.is_client_error and status not in _WORTH_RETRYING:
        raise CatalogUnavailableError(f"{address} cannot be read: status {status}, {shown!r}.")
    if response.is_success:
        return f"the answer is no page of a list: {shown!r}"
    return f"status {status}, {shown!r}"


def _page(content: bytes) -> Mapping[str, Any] | None:
    """Return what is in the answer if it is a page of a list, else None."""
    try:
        page = json.loads(content)
    except (ValueError, RecursionError):  # the latter when brackets are nested without end
        return None
    if not isinstance(page, dict) or not isinstance(page.get("next"), str | None):
        return None
    results = page.get("results")
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        return None
    return page


def _retry_after(response: httpx.Response) -> float | None:
    """Return how many seconds the server asks us to wait, given in seconds or as a date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
