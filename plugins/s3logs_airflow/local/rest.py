"""A thin client for Airflow's REST API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from include.s3logs.connections.answers import Answer
from include.s3logs.connections.http import HttpClient, Limits, is_address
from include.s3logs.errors import S3LogsError, ServerUnavailableError
from include.s3logs.secrets import shown
from s3logs_airflow.local.errors import RestError

PAGE = 1000  # the server may allow less; pages() takes what it gives
# On a busy machine SQLite may keep a request waiting, and one that starts a run is not sent twice.
LIMITS = Limits(read=120.0, pauses=(0.2, 0.4, 0.6, 0.8))
Json = dict[str, Any]


def path(*parts: str | int) -> str:
    """Join the parts to a path below /api/v2, each escaped: run ids hold `+` and `:`."""
    return "/api/v2/" + "/".join(quote(str(part), safe="~") for part in parts)


class RestClient:
    """Speaks JSON with one Airflow as one user; fetches its token when first needed."""

    def __init__(self, url: str, user: str, password: str, limits: Limits = LIMITS) -> None:
        if not is_address(url):
            raise RestError(f"{shown(url)!r} is no address; write it as http://host:port.")
        self.url = url.rstrip("/")
        self.user = user
        self._password = password
        self._token = ""
        self._http = HttpClient(limits, {"Content-Type": "application/json", "Accept": "application/json"})

    def get(self, resource: str, **query: Any) -> Json:
        """Return the resource; what can heal (no answer, a busy database) is tried a few times."""
        address = f"{resource}?{urlencode(query, doseq=True)}" if query else resource
        with _in_words():
            return self._http.patiently(lambda: self._authorised("GET", address))

    def post(self, resource: str, body: Json) -> Json:
        """Send the body and return the answer."""
        with _in_words():
            return self._authorised("POST", resource, body)

    def patch(self, resource: str, body: Json) -> Json:
        """Change the resource and return it."""
        with _in_words():
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
        with _in_words():
            return self._call("GET", resource)

    def _authorised(self, method: str, resource: str, body: Json | None = None) -> Json:
        if not self._token:
            self._log_in()
        try:
            return self._call(method, resource, body, self._token)
        except RestError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
            self._log_in()  # the token is too old, or from before a restart
            return self._call(method, resource, body, self._token)

    def _log_in(self) -> None:
        login = {"username": self.user, "password": self._password}
        try:
            self._token = self._call("POST", "/auth/token", login)["access_token"]
        except RestError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
            raise RestError(
                f"{shown(self.url)} does not accept the login of {self.user!r}.", error.status
            ) from error

    def _call(self, method: str, resource: str, body: Json | None = None, token: str = "") -> Json:
        """Ask once; RestError for what Airflow refuses, ServerUnavailableError for what may heal."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        answer = self._http.send(method, self.url + resource, headers, data)
        if not answer.is_success:
            message = _explain(answer, method, resource)
            if answer.may_heal:
                raise ServerUnavailableError(message, status=answer.status, retry_after=answer.retry_after)
            raise RestError(message, answer.status)
        try:
            content: Json = json.loads(answer.content or b"{}")
        except ValueError:
            raise ServerUnavailableError(
                f"{answer.address} did not answer in JSON; is this an Airflow 3?", status=answer.status
            ) from None
        return content


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn the errors of the client into those that end a command with their message."""
    try:
        yield
    except ServerUnavailableError as error:
        message = str(error) if error.status else f"Airflow does not answer: {error}"
        raise RestError(message, error.status) from None
    except S3LogsError as error:
        raise RestError(str(error)) from None


def _explain(answer: Answer, method: str, resource: str) -> str:
    """Return the reason that Airflow gives, in one line."""
    try:
        detail = json.loads(answer.content)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.reason
    if isinstance(detail, list):  # what validation found, field by field
        detail = "; ".join(
            str(item.get("msg", item)) if isinstance(item, dict) else str(item) for item in detail
        )
    if isinstance(detail, dict):
        detail = detail.get("reason") or detail.get("message") or json.dumps(detail)
    return f"{detail} ({method} {resource.partition('?')[0]}: {answer.status})"
