"""What went wrong with S3, in words for people, and whether trying again can help.

The server's own sentence stays in the message: it names the missing permission, the key, the right region.
What it repeats of a signed request does not. Nothing is sorted by chance: a code or an exception that is in
no table here cannot heal, unless its status says so.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from include.s3logs.errors import (
    AccessDeniedError,
    ArchivedObjectError,
    ChangedObjectError,
    NotFoundError,
    PermanentError,
    S3LogsError,
    StoreUnavailableError,
)
from include.s3logs.secrets import masked_answer

TROUBLE = (boto.ClientError, boto.BotoCoreError, ResponseParserError, HTTPError, OSError)
"""All that a boto3 client raises; urllib3's own and the system's come out where a body is read."""
BROKEN = (boto.BotoCoreError, HTTPError, OSError)
"""Those of them that break the reading of a body off."""

DENIED = {
    *("401", "403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "Forbidden"),
    *("Unauthorized", "UnauthorizedAccess"),
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidSecurity", "InvalidPayer"),
    *("AccountProblem", "NotSignedUp", "UnrecognizedClientException", "InvalidClientTokenId"),
}
_ABSENT = {"404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "NotFound"}
_CHANGED = {"412", "PreconditionFailed", "416", "InvalidRange"}  # a range is invalid where an object shrank
_ARCHIVED = {"InvalidObjectState"}
_ELSEWHERE = {
    *("301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"),
}
_CANNOT_BE_HAD: tuple[tuple[set[str], type[S3LogsError], str], ...] = (
    (_ABSENT, NotFoundError, "does not exist ({code})."),
    (DENIED, AccessDeniedError, "may not be accessed with these credentials. {sentence}"),
    (_ARCHIVED, ArchivedObjectError, "is archived; restore it before it can be read ({code})."),
    (_CHANGED, ChangedObjectError, "changed after it was listed."),
    (_ELSEWHERE, PermanentError, "is in another region{region}. {sentence}"),
)
_HEALING_CODES = {
    # Less is asked for later: S3's words, KMS's and STS's, whatever the status (400, 429 or 503).
    *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "SlowDown", "Busy"),
    *("RequestThrottledException", "RequestLimitExceeded", "BandwidthLimitExceeded", "TooManyRequests"),
    *("TooManyRequestsException", "PriorRequestNotComplete", "LimitExceededException"),
    # Somebody renews the credentials or sets the clock; "400" is all that a HEAD says of an expired token.
    *("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired", "400"),
    *("RequestTimeTooSkewed", "RequestInTheFuture"),
    # Outages, races, and what was damaged on the way.
    *("InternalError", "InternalFailure", "InternalServerError", "ServiceUnavailable", "RequestTimeout"),
    *("RequestTimeoutException", "DependencyTimeoutException", "KMSInternalException", "OperationAborted"),
    *("ConditionalRequestConflict", "TemporaryRedirect", "IncompleteBody", "BadDigest"),
    # Where the answer to an upload's completion got lost and the client asked again, it is there no more.
    "NoSuchUpload",
}
_NEVER_HEALING = {"501", "NotImplemented"}
_HEALING_STATUS = {
    *(HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS),
}
_HEALING = (
    *(boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, boto.PaginationError),
    *(boto.ChecksumError, boto.FlexibleChecksumError, boto.CapacityNotAvailableError),
    *(boto.MetadataRetrievalError, boto.CredentialRetrievalError),  # who hands out credentials is away
    *(HTTPError, OSError),
)
_NO_CREDENTIALS = (
    *(boto.NoCredentialsError, boto.PartialCredentialsError, boto.NoAuthTokenError, boto.ProfileNotFound),
    *(boto.SSOError, boto.LoginError, boto.TokenRetrievalError, boto.RefreshWithMFAUnsupportedError),
    boto.UnknownCredentialError,
)
_BAD_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"

_LONGEST_SENTENCE = 600  # a 403 that names role, action, key and policy has some 400


def explain(error: Exception, what: str) -> S3LogsError:
    """Return our error for one of `TROUBLE`; its message begins with `what` and says what the server said."""
    ours = _sorted(error, what)
    for note in getattr(error, "__notes__", ()):
        ours.add_note(note)
    return ours


def _sorted(error: Exception, what: str) -> S3LogsError:
    if isinstance(error, boto.ClientError):
        return _answered(error, what)
    if isinstance(error, ResponseParserError):
        return StoreUnavailableError(f"{what}: the server's answer is none of S3 (no XML).")
    if isinstance(error, _NO_CREDENTIALS):
        return AccessDeniedError(f"{what}: there are no usable AWS credentials. {_shortened(str(error))}")
    if isinstance(error, _HEALING) and _BAD_CERTIFICATE not in str(error):
        return StoreUnavailableError(f"{what}: {_shortened(str(error))}")
    return PermanentError(f"{what}: {_shortened(str(error))}")


def _answered(error: boto.ClientError, what: str) -> S3LogsError:
    """Sort an answer of the server by its code, else by its status."""
    code, status = code_of(error), _metadata(error).get("HTTPStatusCode", 0)
    sentence = said(error)
    for codes, kind, text in _CANNOT_BE_HAD:
        if code in codes:
            told = text.format(code=code, sentence=sentence, region=_right_region(error))
            return kind(f"{what} {told}")
    heals = code.removeprefix("KMS.") in _HEALING_CODES or status in _HEALING_STATUS
    heals = heals or not status or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if heals and code not in _NEVER_HEALING:
        return StoreUnavailableError(f"{what}: {sentence}")
    return PermanentError(f"{what}: {sentence}")


def said(error: boto.ClientError) -> str:
    """Return the server's own sentence and its code, without what signed the request."""
    sentence = _shortened(str(error.response.get("Error", {}).get("Message") or ""))
    return f"{sentence} ({code_of(error)})".lstrip()


def code_of(error: boto.ClientError) -> str:
    """Return the error's code, or its HTTP status from a server that names none."""
    return str(error.response.get("Error", {}).get("Code") or _metadata(error).get("HTTPStatusCode", ""))


def _metadata(error: boto.ClientError) -> Mapping[str, Any]:
    metadata: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
    return metadata


def _right_region(error: boto.ClientError) -> str:
    region = _metadata(error).get("HTTPHeaders", {}).get("x-amz-bucket-region")
    region = region or error.response.get("Error", {}).get("Region")
    return f", {region}: make it the region_name of the connection" if region else " than the connection's"


def _shortened(text: str) -> str:
    """Return a text on one line, without secrets, and not longer than a screen shows."""
    clean = masked_answer(" ".join(text.split()))
    return clean if len(clean) <= _LONGEST_SENTENCE else f"{clean[:_LONGEST_SENTENCE]}…"
