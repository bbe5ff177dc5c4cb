"""The errors that people see, told apart by one question: can trying again help?"""

from include.s3logs.secrets import masked


class S3LogsError(Exception):
    """Anything s3logs reports itself. Trying again later may help: an outage, throttling, a race.

    Whatever its message is made of, nothing secret is left in it.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(masked(message))


class PermanentError(S3LogsError):
    """Trying again cannot help; a person (or a new input) has to change something first."""


class SettingsError(PermanentError):
    """A setting or a run parameter is missing or makes no sense; the message names it."""


class AccessDeniedError(PermanentError):
    """The credentials may not do this; the message names the object or bucket."""


class NotFoundError(PermanentError):
    """An object, folder or bucket is not there; the message names it."""


class ArchivedObjectError(PermanentError):
    """An object is in an archive (Glacier): it has to be restored before it can be read; names it."""


class UnreadableObjectError(PermanentError):
    """A log object is corrupt, forbidden, archived or gone; the message names it."""


class TooManyRejectionsError(PermanentError):
    """The share of lines without a valid reading passed the rejection limit."""


class ReconciliationError(PermanentError):
    """Counts that must add up do not: a bug, never bad input."""


class CatalogError(PermanentError):
    """The catalog contradicts itself or cannot be read; the message names the place."""


class CorruptLakeError(PermanentError):
    """A file in the lake does not have the content its pointer promises; the message says what to do."""


class NewerLakeError(PermanentError):
    """Something in the lake was written by a later release of s3logs; the message names it."""


class CorruptRollUpError(PermanentError):
    """A roll-up is not what its manifest says, or has none; the message says what to do."""


class MissingLogObjectsError(PermanentError):
    """Log objects that a finished day was computed from are gone, so it cannot be computed again."""


class IncompleteDaysError(PermanentError):
    """What a run leaves is not good enough; the message names the log days and why."""


class KeptAddressesError(PermanentError):
    """Addresses that may be kept no longer are still in the lake; the message names the log days and why."""


class ChangedObjectError(S3LogsError):
    """An object changed between listing and reading it; the next attempt lists it anew."""


class StoreUnavailableError(S3LogsError):
    """The store did not answer, or asked to slow down."""


class ServerUnavailableError(S3LogsError):
    """A server did not answer, asked to slow down, or answered with nonsense; names the address.

    `status` is that of the answer, 0 without one; `retry_after` the seconds that the server asks us to wait.
    """

    def __init__(self, message: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class EndlessAnswerError(ServerUnavailableError):
    """An answer is larger, or takes longer, than is good for us; not worth asking for again at once."""


class RequestRefusedError(PermanentError):
    """A server refuses a request for good, or it would have to go where it may not; names the address.

    `status` is that of the answer, 0 when nothing was asked.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class CatalogUnavailableError(S3LogsError):
    """The archive's API did not answer, asked to slow down, or answered with nonsense; names the address."""


class IpServiceUnavailableError(S3LogsError):
    """The IP service did not answer, or answered with nonsense."""


class IpQuotaUsedUpError(IpServiceUnavailableError):
    """The IP service answers no more questions for now: too many, or the month's quota is used up."""
