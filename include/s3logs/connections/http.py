"""One HTTP client for whatever s3logs itself asks over HTTP, patient where its caller is.

A server can cost its caller only what `Limits` says: time, bytes, redirects. It is followed only to where a
request may go: from https never to http, to another host only over https and never with credentials. No
message, log line or exception holds a user, a password, a token or a query: addresses are `shown`.
"""

import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

import certifi
import httpx

from include.s3logs.connections.answers import Answer, seconds_until
from include.s3logs.connections.shown import shown
from include.s3logs.errors import (
    EndlessAnswerError,
    RequestRefusedError,
    ServerUnavailableError,
    SettingsError,
)

# What these say is the system's or the proxy's own; other errors quote headers and addresses.
_PLAIN = (httpx.NetworkError, httpx.TimeoutException, httpx.ProxyError)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost; times in seconds, size in bytes.

    `read` is the longest wait for some bytes, `whole` that for the whole answer. `pauses` are those before
    each further attempt; a server may ask for others, up to `longest_pause`.
    """

    connect: float = 10.0
    read: float = 30.0
    whole: float = 300.0
    size: int = 64 << 20
    redirects: int = 5
    connections: int = 8
    pauses: tuple[float, ...] = ()
    longest_pause: float = 120.0
    sleep: Callable[[float], object] = time.sleep


LIMITS = Limits()


class HttpClient:
    """Asks servers within its limits; safe to use by several threads."""

    def __init__(self, limits: Limits = LIMITS, headers: Mapping[str, str] | None = None) -> None:
        """Take the limits, and headers that go with every request."""
        self._limits = limits
        self._headers = {"User-Agent": "s3logs", "Accept-Encoding": "gzip, deflate", **(headers or {})}
        self._clients: dict[bool, httpx.Client] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def get(self, address: str) -> bytes:
        """Return the content at the address; the errors are those of `fetch`."""
        return self.fetch(address, bytes)

    def fetch(self, address: str, read: Callable[[bytes], _Result]) -> _Result:
        """Return what `read` makes of the content at the address; by its ValueError the answer is a bad one.

        Raises AccessDeniedError (401, 403), NotFoundError (404), RequestRefusedError (what trying again does
        not change) and, after the last pause, ServerUnavailableError; all name the address.
        """

        def attempt() -> _Result:
            answer = self.send("GET", address)
            if not answer.is_success:
                raise answer.refusal()
            try:
                return read(answer.content)
            except ValueError as error:
                raise ServerUnavailableError(
                    f"{answer.address} cannot be read: {error}: {answer.beginning()}.", status=answer.status
                ) from None

        return self.patiently(attempt)

    def patiently(self, attempt: Callable[[], _Result]) -> _Result:
        """Return what `attempt` returns; it is made again after each ServerUnavailableError and its pause.

        An EndlessAnswerError ends it: the next attempt would cost as much.
        """
        for pause in self._limits.pauses:
            try:
                return attempt()
            except EndlessAnswerError:
                raise
            except ServerUnavailableError as error:
                wait = pause if error.retry_after is None else error.retry_after
                if wait > self._limits.longest_pause:
                    message = f"{error} It wants to be asked again in {wait:.0f} s."
                    raise ServerUnavailableError(message, status=error.status, retry_after=wait) from None
            self._limits.sleep(wait)
        return attempt()

    def send(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Ask once and return the answer, whatever its status.

        Only a GET is redirected. Raises ServerUnavailableError when there is no answer within the limits, and
        RequestRefusedError for what is no address and for a redirect that is not followed.
        """
        deadline = time.monotonic() + self._limits.whole
        if not is_address(address):
            raise RequestRefusedError(f"{shown(address)!r} is no address; write it as http://host:port.")
        url, own_headers = httpx.URL(address), httpx.Headers({**self._headers, **(headers or {})})
        credentials = httpx.BasicAuth(url.username, url.password) if url.userinfo else None
        if "Authorization" in own_headers:
            credentials = None
        is_secret = credentials is not None or "Authorization" in own_headers
        url = url.copy_with(userinfo=b"")  # httpx would log it, and put it in the place of a token
        for _ in range(self._limits.redirects + 1):
            request = httpx.Request(method, url, headers=own_headers, content=content)
            found = self._answer(request, credentials, deadline)
            if isinstance(found, Answer):
                return found
            if method != "GET" or not _may_follow(url, found, is_secret):
                how = f"{method} with credentials" if is_secret else method
                raise RequestRefusedError(
                    f"{shown(address)} redirects to {shown(str(found))}, where a {how} does not go."
                )
            url = found
        raise RequestRefusedError(f"{shown(address)} redirects more than {self._limits.redirects} times.")

    def _answer(
        self, request: httpx.Request, credentials: httpx.Auth | None, deadline: float
    ) -> Answer | httpx.URL:
        """Return the answer, or where it redirects to."""
        address, content, response = shown(str(request.url)), bytearray(), None
        try:
            response = self._client(request.url.host).send(request, auth=credentials, stream=True)
            if response.next_request is not None:
                return response.next_request.url
            for piece in response.iter_bytes():
                content += piece
                late = time.monotonic() - deadline
                if len(content) > self._limits.size or late > 0:
                    raise EndlessAnswerError(
                        f"{address} cannot be read: the answer has no end; {len(content)} bytes came in "
                        f"{late + self._limits.whole:.0f} s."
                    )
        # The last two: a redirect to what is no address, or whose host can have no name.
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            reason = f"{type(error).__name__} {error if isinstance(error, _PLAIN) else ''}".strip()
            raise ServerUnavailableError(f"{address} cannot be read: {reason}.") from None
        finally:
            if response is not None:
                response.close()
        asked = seconds_until(response.headers.get("Retry-After", ""))
        return Answer(address, response.status_code, bytes(content), response.reason_phrase, asked)

    def _client(self, host: str) -> httpx.Client:
        """Return the client for a host: what is meant for this machine goes past any proxy."""
        is_here = _is_loopback(host)
        with self._lock:
            if is_here not in self._clients:
                self._clients[is_here] = self._connect(use_proxy=not is_here)
            return self._clients[is_here]

    def _connect(self, *, use_proxy: bool) -> httpx.Client:
        limits = self._limits
        try:
            return httpx.Client(
                timeout=httpx.Timeout(limits.read, connect=limits.connect, pool=limits.whole),
                limits=httpx.Limits(max_connections=limits.connections),
                verify=_trusted(),
                trust_env=use_proxy,
            )
        except (ImportError, ValueError, httpx.InvalidURL):  # their texts hold its password
            raise SettingsError(
                "The proxy that the environment names (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) is none that "
                "can be used; write it as http://host:port."
            ) from None


def is_address(text: str) -> bool:
    """Tell whether the text is an address that can be asked."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError):
        return False
    return url.scheme in ("http", "https") and bool(url.host)


def _may_follow(url: httpx.URL, to: httpx.URL, is_secret: bool) -> bool:
    """Tell whether a request may go from one address to another."""
    if to.userinfo or to.scheme not in ("http", "https") or (url.scheme, to.scheme) == ("https", "http"):
        return False
    if url.host != to.host:
        return to.scheme == "https" and not is_secret
    # Behind another port of the host may be somebody else.
    return not is_secret or url.scheme != to.scheme or url.port == to.port


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _trusted() -> ssl.SSLContext:
    """Trust what the usual variables name, else the certificates of the system and those of certifi."""
    name = next((name for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE") if os.environ.get(name)), None)
    try:
        if name is None:
            context = ssl.create_default_context()
            context.load_verify_locations(certifi.where())
            return context
        path = os.environ[name]
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise SettingsError(f"{name} names no certificates that can be read: {error}") from error


class _Shown(logging.Filter):
    """Has httpx log requests with their addresses as they may be shown."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(shown(str(arg)) if isinstance(arg, httpx.URL) else arg for arg in record.args)
        return True


logging.getLogger("httpx").addFilter(_Shown())
