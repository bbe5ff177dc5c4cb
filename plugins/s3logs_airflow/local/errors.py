"""What can go wrong around a local Airflow, in words for the person who typed the command."""

from include.s3logs.secrets import masked


class LocalError(Exception):
    """Ends the command with this message and no stack trace; nothing secret is left in it."""

    def __init__(self, message: str = "") -> None:
        super().__init__(masked(message))


class AlreadyRunningError(LocalError):
    """Another command holds the Airflow of this checkout."""


class AirflowError(LocalError):
    """A part of Airflow did not start, or stopped."""


class RestError(LocalError):
    """The REST API refused a request (`status`), or did not answer (status 0)."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
