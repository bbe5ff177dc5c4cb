"""Waiting no longer than one wants to."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

_Result = TypeVar("_Result")


def within(seconds: float, work: Callable[[], _Result]) -> _Result:
    """Return what `work` returns, or raise what it raises; TimeoutError when that takes longer.

    Time-outs of a socket begin again with every byte, and the look-up of a name has none: only another thread
    sees the time go by. What is still at work then is left to itself, and does not keep the process alive.
    """
    done: Future[_Result] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 (raised where the result is waited for)
            done.set_exception(error)

    Thread(target=run, name="within", daemon=True).start()
    return done.result(seconds)
