"""On PYTHONPATH of a real Airflow: kills a task process in the middle of a write, once for each place.

`KILL_ONCE_AT` holds parts of paths, separated by `:`; `KILL_ONCE_NOTES` a folder that remembers which are
done. Writes to the lake call `os.fsync` when the bytes are in a temporary file that is not in place yet.
"""

import os
import signal
from pathlib import Path

_fsync = os.fsync


def _fsync_or_die(descriptor):
    path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    for place in filter(None, os.environ.get("KILL_ONCE_AT", "").split(":")):
        note = Path(os.environ["KILL_ONCE_NOTES"]) / place.replace("/", "_")
        if place in path and not note.exists():
            note.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    _fsync(descriptor)


os.fsync = _fsync_or_die
