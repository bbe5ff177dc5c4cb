"""End groups of processes, surely."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import psutil  # type: ignore[import-untyped]


def end_groups(leaders: Sequence[int], grace: Callable[[], float]) -> None:
    """Ask the process groups to end, then, after the grace period, make them."""
    members: list[Any] = []
    for leader in leaders:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(leader)
            members += [process, *process.children(recursive=True)]
        members += _of_group(leader)
        _signal_group(leader, signal.SIGTERM)
    asked = time.monotonic()
    while any(_is_alive(member) for member in members) and time.monotonic() < asked + grace():
        time.sleep(0.05)
    for leader in leaders:
        _signal_group(leader, signal.SIGKILL)
    for member in members:  # those that left their group
        with suppress(psutil.NoSuchProcess):
            member.kill()


def _of_group(leader: int) -> list[Any]:
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == leader:
                found.append(process)
    return found


def has_member(leader: int, environment: Mapping[str, str]) -> bool:
    """Tell whether the group has a process that was begun with these variables, whether it is led or not."""
    for process in _of_group(leader):
        with suppress(psutil.Error):
            if environment.items() <= process.environ().items():
                return True
    return False


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone, or only a zombie is left of it
        os.killpg(leader, number)


def _is_alive(process: Any) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def birth(pid: int) -> float:
    """Return when the process began (0: there is none): a pid alone may be somebody else's by now."""
    with suppress(psutil.NoSuchProcess):
        return float(psutil.Process(pid).create_time())
    return 0
