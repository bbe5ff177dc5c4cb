"""Where the user's cache is: for what can be made anew, and is better kept on this machine."""

import os
from pathlib import Path


def user_cache() -> Path | None:
    """Return the folder of s3logs in the user's cache, which may not be there yet; None without a home."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "s3logs"
    except RuntimeError:  # a user whom the system does not know
        return None
