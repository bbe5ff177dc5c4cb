"""A thin client for Airflow's REST API."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from s3logs_airflow.local.errors import RestError

PAGE = 1000  # the server may allow less; pages() takes what it gives
ATTEMPTS = 5
LOOPBACK = ("127.0.0.1", "localhost", "::1")
Json = dict[str, Any]


def path(*parts: str | int) -> str:
    """Join the parts to a path below /api/v2, each escaped: run ids hold `+` and `:`."""
    return "/api/v2/" + "/".join(quote(str(part), safe="~") for part in parts)


class RestClient:
    """Speaks JSON with one Airflow as one user; fetches its token when first needed."""

    def __init__(self, url: str, user: str, password: str, *, timeout: float = 30) -> None:
        if not url.startswith(("http://", "https://")):
            raise RestError(f"{url!r} is no address; write it as http://host:port.")
        self.url = url.rstrip("/")
        self.user = user
        self._password = password
        self._timeout = timeout
        self._token = ""
        # A proxy of the user's environment must not get what is meant for this machine.
        local = urlsplit(url).hostname in LOOPBACK
        self._opener: OpenerDirector = build_opener(ProxyHandler({})) if local else build_opener()

    def get(self, resource: str, **query: Any) -> Json:
        """Return the resource; what can heal (no answer, a busy database) is tried a few times."""
        address = f"{resource}?{urlencode(query, doseq=True)}" if query else resource
        for attempt in range(1, ATTEMPTS):
            try:
                return self._authorised("GET", address)
            except RestError as error:
                if 0 < error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
                time.sleep(0.2 * attempt)
        return self._authorised("GET", address)

    def post(self, resource: str, body: Json) -> Json:
        """Send the body and return the answer."""
        return self._authorised("POST", resource, body)

    def patch(self, resource: str, body: Json) -> Json:
        """Change the resource and return it."""
        return self._authorised("PATCH", resource, body)

    def pages(self, resource: str, key: str, **query: Any) -> Iterator[Json]:
        """Yield the items that the resource lists under `key`, page after page."""
        offset = 0
        while True:
            answer = self.get(resource, **query, limit=PAGE, offset=offset)
            yield from answer[key]
            offset += len(answer[key])
            if not answer[key] or offset >= answer["total_entries"]:
                return

    def once(self, resource: str) -> Json:
        """Return a public resource without a token and without trying again."""
        return self._call("GET", resource)

    def _authorised(self, method: str, resource: str, body: Json | None = None) -> Json:
        if not self._token:
            self._log_in()
        try:
            return self._call(method, resource, body)
        except RestError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
            self._log_in()  # the token is too old, or from before a restart
            return self._call(method, resource, body)

    def _log_in(self) -> None:
        login = {"username": self.user, "password": self._password}
        self._token = ""
        try:
            self._token = self._call("POST", "/auth/token", login)["access_token"]
        except RestError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
            raise RestError(
                f"{self.url} does not accept the login of {self.user!r}.", error.status
            ) from error

    def _call(self, method: str, resource: str, body: Json | None = None) -> Json:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + resource, data, headers, method=method)  # noqa: S310 (checked above)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                content: Json = json.loads(answer.read() or b"{}")
                return content
        except HTTPError as error:
            raise RestError(_explain(error, method, resource), error.code) from error
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise RestError(f"Airflow does not answer at {self.url} ({reason}).") from error
        except ValueError as error:
            raise RestError(f"{self.url}{resource} did not answer in JSON; is this an Airflow 3?") from error


def _explain(error: HTTPError, method: str, resource: str) -> str:
    """Return the reason that Airflow gives, in one line."""
    try:
        detail = json.loads(error.read())["detail"]
    except (ValueError, KeyError, TypeError, OSError):
        detail = error.reason
    if isinstance(detail, list):  # what validation found, field by field
        detail = "; ".join(
            str(item.get("msg", item)) if isinstance(item, dict) else str(item) for item in detail
        )
    if isinstance(detail, dict):
        detail = detail.get("reason") or detail.get("message") or json.dumps(detail)
    return f"{detail} ({method} {resource.partition('?')[0]}: {error.code})"
