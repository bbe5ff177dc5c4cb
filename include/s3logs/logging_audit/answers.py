"""One answer of AWS: what it says, or why it is not known."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from include.s3logs.logging_audit.facts import Unknown
from include.s3logs.stores.s3_errors import DENIED, code_of, explain

_T = TypeVar("_T")


def answer(action: str, ask: Callable[[], _T], absent: Mapping[str, _T] | None = None) -> _T | Unknown:
    """Ask; return what `absent` has for the error code, or Unknown, where S3 does not answer."""
    try:
        return ask()
    except ClientError as error:
        code = code_of(error)
        if absent and code in absent:
            return absent[code]
        if code in DENIED:
            return Unknown(f"{action} is not allowed")
        return Unknown(f"S3 answers {code} to {action.partition(':')[2]}")
    except BotoCoreError as error:
        return Unknown(str(explain(error, "S3 does not answer")))
