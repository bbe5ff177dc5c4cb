"""What a test starts does not outlive its run."""

import os
import signal
import subprocess
import sys
from itertools import chain

import psutil
import pytest

from tests.support.paths import PROJECT
from tests.support.processes import run, started

SECONDS = 30
# A server that does not end on request, and a process that it started and that left its group.
SERVER = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("server", os.getpid(), other.pid, flush=True)
time.sleep(600)
"""
# A run of tests: it starts the server and says its processes, waits to be told to go on, and ends it.
RUN = """
import os, sys, time
from tests.support.processes import started
with started(sys.executable, "-c", sys.argv[1], stdout=sys.stdout) as watcher:
    fork = os.fork() if "forks" in sys.argv else None
    if fork == 0:
        time.sleep(600)
    print(*("fork", fork) if fork else ("watcher", watcher.pid), flush=True)
    sys.stdin.readline()
"""


def gone(pids, seconds=SECONDS):
    """Wait until there are no such processes; zombies are none."""
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(left, seconds)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


@pytest.fixture
def tests_run():
    """Start a run of tests; give it, and the processes that belong to it: {what: pids}."""
    runs, found = [], {}

    def begin(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, SERVER, *arguments],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        runs.append(process)
        for what, *pids in (process.stdout.readline().split() for _ in range(2)):
            found[what] = list(map(int, pids))
        return process, found

    yield begin
    for pid in chain(*found.values()):
        if psutil.pid_exists(pid):
            psutil.Process(pid).kill()
    for process in runs:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_a_run_that_is_killed_leaves_nothing_behind(tests_run):
    process, found = tests_run()
    assert not gone(found["server"], 0)
    process.kill()
    process.wait()
    assert gone([*found["server"], *found["watcher"]])


def test_a_run_that_ends_leaves_nothing_behind_even_if_a_fork_of_it_goes_on(tests_run):
    process, found = tests_run("forks")
    process.stdin.write("end\n")
    process.stdin.flush()
    assert process.wait(SECONDS) == 0
    assert gone(found["server"])
    assert not gone(found["fork"], 0)


def test_a_watcher_ends_as_its_process_does():
    script = (
        "import os, sys; print(os.environ['WORD']); print(sys.stdin.read(), file=sys.stderr); sys.exit(3)"
    )
    done = run(sys.executable, "-c", script, env={**os.environ, "WORD": "said"})
    assert (done.returncode, done.stdout, done.stderr) == (3, "said\n", "\n")
    killed = run(sys.executable, "-c", f"import os; os.kill(os.getpid(), {signal.SIGKILL})")
    assert killed.returncode == -signal.SIGKILL


def test_a_process_may_take_its_time_to_end():
    script = (
        "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print(flush=True); signal.pause()"
    )
    with started(sys.executable, "-c", script, grace=SECONDS, stdout=subprocess.PIPE) as watcher:
        assert watcher.stdout.readline() == b"\n"
    assert watcher.returncode == 7
