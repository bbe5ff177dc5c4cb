"""How an error leaves a task: its message stands last in the task's log, where people look."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException

from include.s3logs.errors import ReconciliationError, S3LogsError
from include.s3logs.secrets import MaskedLog, masked

log = logging.getLogger(__name__)
log.addFilter(MaskedLog())  # what an error comes from says whatever it likes

_Operator = TypeVar("_Operator", bound=BaseOperator)
_Execute = Callable[[_Operator, Context], Any]


def told(execute: _Execute[_Operator]) -> _Execute[_Operator]:
    """Let errors of s3logs out of an operator's `execute` without what they come from.

    Airflow logs an exception with its whole chain of causes, innermost last: of an error whose message says
    all, that would push the message off the screen. The chain is logged before, for who looks for it: at
    level DEBUG, and at INFO where the error is a bug.

    An error of others leaves with all it comes from, but without what is secret in that.
    """

    @wraps(execute)
    def explained(self: _Operator, context: Context) -> Any:
        try:
            with _Harmless():
                return execute(self, context)
        except S3LogsError as error:
            level = logging.INFO if isinstance(error, ReconciliationError) else logging.DEBUG
            log.log(level, "Where the error of this task comes from:", exc_info=error)
            raise error.with_traceback(None) from None

    return explained


class _Harmless:
    """Lets no error out of a block that holds a secret, as Airflow would log it: its masked text goes on."""

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        """Raise another error in place of one with a secret; those of ours and Airflow's have none."""
        if not isinstance(error, Exception) or isinstance(error, S3LogsError | AirflowException):
            return
        told = "".join(traceback.format_exception(error))
        if (hidden := masked(told)) != told:
            raise RuntimeError(f"An error with a secret in its text:\n{hidden}") from None
