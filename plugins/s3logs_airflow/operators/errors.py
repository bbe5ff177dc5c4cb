"""How an error leaves a task: its message stands last in the task's log, where people look."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from airflow.sdk import BaseOperator, Context

from include.s3logs.errors import ReconciliationError, S3LogsError

log = logging.getLogger(__name__)

_Operator = TypeVar("_Operator", bound=BaseOperator)
_Execute = Callable[[_Operator, Context], Any]


def told(execute: _Execute[_Operator]) -> _Execute[_Operator]:
    """Let errors of s3logs out of an operator's `execute` without what they come from.

    Airflow logs an exception with its whole chain of causes, innermost last: of an error whose message says
    all, that would push the message off the screen. The chain is logged before, for who looks for it: at
    level DEBUG, and at INFO where the error is a bug.
    """

    @wraps(execute)
    def explained(self: _Operator, context: Context) -> Any:
        try:
            return execute(self, context)
        except S3LogsError as error:
            level = logging.INFO if isinstance(error, ReconciliationError) else logging.DEBUG
            log.log(level, "Where the error of this task comes from:", exc_info=error)
            raise error.with_traceback(None) from None

    return explained
