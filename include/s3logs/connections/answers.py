"""What a server's answer says: can the request heal, and when is it to be made again?"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from include.s3logs.errors import (
    AccessDeniedError,
    NotFoundError,
    RequestRefusedError,
    S3LogsError,
    ServerUnavailableError,
)

_MAY_HEAL = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_DENIED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_SHOWN = 200  # characters of an answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; `address` as it may be shown, `retry_after` in seconds if it asks us to wait."""

    address: str
    status: int
    content: bytes
    reason: str = ""
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        """Tell whether the status is 2xx."""
        return HTTPStatus(200) <= self.status < HTTPStatus(300)

    @property
    def may_heal(self) -> bool:
        """Tell whether the same request may be answered otherwise in a while."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self.status in _MAY_HEAL

    def beginning(self) -> str:
        """Return the first characters as one quoted line, whatever charset the answer claims to have."""
        return repr(" ".join(self.content.decode("utf-8", "replace")[:_SHOWN].split()))

    def refusal(self) -> S3LogsError:
        """Return the error that says what is wrong with an answer that is no success."""
        if self.status in _DENIED:
            return AccessDeniedError(f"{self.address} may not be read ({self.status}).")
        if self.status == HTTPStatus.NOT_FOUND:
            return NotFoundError(f"{self.address} does not exist (404).")
        message = f"{self.address} cannot be read: status {self.status}, {self.beginning()}."
        if self.may_heal:
            return ServerUnavailableError(message, status=self.status, retry_after=self.retry_after)
        return RequestRefusedError(message, status=self.status)


def seconds_until(retry_after: str) -> float | None:
    """Return how many seconds a header `Retry-After` asks to wait, given in seconds or as a date."""
    value = retry_after.strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
