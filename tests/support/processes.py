"""Processes that a test starts: they end with the test, and with its run even if that is killed.

Between the run and what it starts stands a watcher, this file as a program:

    python processes.py GRACE COMMAND …

It reads from a pipe whose other end only the run holds. When that is written to, or closed by the system
because there is no run any more, the watcher asks the command and all that it started to end, and makes them
after GRACE seconds. It ends as the command does. Nothing of this is Linux's or macOS's alone.
"""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


@contextmanager
def started(*command, grace=0, **how):
    """Start a process as `Popen(…, **how)` does and give its watcher; the process ends with the block."""
    watched = [sys.executable, "-I", __file__, str(grace), *map(str, command)]
    watcher = subprocess.Popen(watched, stdin=subprocess.PIPE, start_new_session=True, **how)
    try:
        yield watcher
    finally:
        with suppress(BrokenPipeError):
            os.write(watcher.stdin.fileno(), b"\n")  # a fork of the run may keep it from being closed
        watcher.communicate()


def run(*command, **how):
    """Run a process to its end; return what `subprocess.run` does, with the output as text."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with ThreadPoolExecutor(2) as pool, started(*command, **pipes, **how) as watcher:
        output, errors = pool.map(lambda stream: stream.read(), (watcher.stdout, watcher.stderr))
        return subprocess.CompletedProcess(command, watcher.wait(), output, errors)


def _watch(grace, command):
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    ends = threading.Event()

    def end():
        os.read(sys.stdin.fileno(), 1)
        ends.set()
        end_groups([child.pid], lambda: grace)

    ending = threading.Thread(target=end, daemon=True)
    ending.start()
    status = child.wait()
    if ends.is_set():
        ending.join()
    if status < 0:
        with suppress(OSError):  # nobody handles SIGKILL
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    sys.path.append(str(PLUGINS))
    from s3logs_airflow.local.processes import end_groups

    _watch(float(sys.argv[1]), sys.argv[2:])
