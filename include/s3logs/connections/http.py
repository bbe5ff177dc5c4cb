"""One HTTP client for whatever s3logs itself asks over HTTP, patient where its caller is.

A server can cost its caller only what `Limits` says: time, bytes, redirects. It is followed only to where a
request may go: from https never to http, to another host only over https and never with credentials. No
message, log line or exception holds a user, a password, a token or a query: addresses are `shown`.
"""

import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

import httpx

from include.s3logs.connections.answers import Answer, seconds_until
from include.s3logs.connections.certificates import trusted
from include.s3logs.connections.within import within
from include.s3logs.errors import (
    EndlessAnswerError,
    RequestRefusedError,
    ServerUnavailableError,
    SettingsError,
)
from include.s3logs.secrets import shown

# What these say is the system's or the proxy's own; other errors quote headers and addresses.
_PLAIN = (httpx.NetworkError, httpx.TimeoutException, httpx.ProxyError)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost; times in seconds, size in bytes.

    `read` is the longest wait for some bytes, `whole` that for the whole answer. `connections` are those at
    once. `pauses` are those before each further attempt; a server may ask for others, up to `longest_pause`.
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
        if not is_address(address):
            raise RequestRefusedError(f"{shown(address)!r} is no address; write it as http://host:port.")
        url, sent = httpx.URL(address), httpx.Headers({**self._headers, **(headers or {})})
        if url.userinfo and "Authorization" not in sent:
            sent["Authorization"] = _basic(url)
        request = httpx.Request(method, url.copy_with(userinfo=b""), headers=sent, content=content)
        deadline = time.monotonic() + self._limits.whole
        name = shown(address)
        try:
            return within(self._limits.whole, lambda: self._follow(request, name, deadline))
        except TimeoutError:
            raise _endless(name, f"{self._limits.whole:g} s are over") from None

    def _follow(self, request: httpx.Request, first: str, deadline: float) -> Answer:
        """Return the answer from where the request is redirected to; `first` is its address as shown."""
        name = first
        for _ in range(self._limits.redirects + 1):
            found = self._answer(request, name, deadline)
            if isinstance(found, Answer):
                return found
            name = shown(str(found))
            if not _may_follow(request, found):
                how = " with credentials" if "Authorization" in request.headers else ""
                raise RequestRefusedError(
                    f"{first} redirects to {name}, where a {request.method}{how} does not go."
                )
            kept = {name: value for name, value in request.headers.items() if name != "host"}
            request = httpx.Request(request.method, found, headers=kept)
        raise RequestRefusedError(f"{first} redirects more than {self._limits.redirects} times.")

    def _answer(self, request: httpx.Request, name: str, deadline: float) -> Answer | httpx.URL:
        """Return the answer of the address that is shown as `name`, or where it redirects to."""
        content, response = bytearray(), None
        try:
            response = self._client(request.url.host).send(request, stream=True)
            if response.next_request is not None:
                return response.next_request.url
            for piece in response.iter_bytes():
                content += piece
                if len(content) > self._limits.size:
                    raise _endless(name, f"more than {self._limits.size} bytes came")
                if time.monotonic() > deadline:  # nobody waits for it any more
                    raise _endless(name, f"{self._limits.whole:g} s are over")
        # The last two: a redirect to what is no address, or whose host can have no name.
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            reason = f"{type(error).__name__} {error if isinstance(error, _PLAIN) else ''}".strip()
            raise ServerUnavailableError(f"{name} cannot be read: {reason}.") from None
        finally:
            if response is not None:
                response.close()
        asked = seconds_until(response.headers.get("Retry-After", ""))
        return Answer(name, response.status_code, bytes(content), response.reason_phrase, asked)

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
                verify=trusted(),
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


def _basic(url: httpx.URL) -> str:
    """Return the header for the user and password of an address, which httpx would log with it."""
    return f"Basic {b64encode(f'{url.username}:{url.password}'.encode()).decode()}"


def _may_follow(request: httpx.Request, to: httpx.URL) -> bool:
    """Tell whether a request may go on to another address."""
    url, is_secret = request.url, "Authorization" in request.headers
    if request.method != "GET" or to.userinfo or to.scheme not in ("http", "https"):
        return False
    if (url.scheme, to.scheme) == ("https", "http"):
        return False
    if url.host != to.host:
        return to.scheme == "https" and not is_secret
    # Behind another port of the host may be somebody else.
    return not is_secret or url.scheme != to.scheme or url.port == to.port


def _endless(address: str, what: str) -> EndlessAnswerError:
    return EndlessAnswerError(f"{address} cannot be read: the answer has no end; {what}.")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class _Shown(logging.Filter):
    """Has httpx log requests with their addresses as they may be shown."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(shown(str(arg)) if isinstance(arg, httpx.URL) else arg for arg in record.args)
        return True


logging.getLogger("httpx").addFilter(_Shown())
