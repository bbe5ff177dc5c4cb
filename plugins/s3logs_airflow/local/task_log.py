"""Find in the log of a task why it failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_EXCEPTION_LINE = re.compile(
    r"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Timeout|Warning)\b.*"
)


def last_error(log: Sequence[Any]) -> str:
    """Return the last exception of a task's log, else its last line of level error, else nothing."""
    plain = ""
    for line in reversed(log):
        if isinstance(line, str):
            if _EXCEPTION_LINE.match(line.strip()):
                return line.strip()
            continue
        for detail in (line.get("error_detail") or [])[:1]:  # the outermost; its causes come after it
            return f"{detail.get('exc_type')}: {detail.get('exc_value')}"
        if not plain and line.get("level") in ("error", "critical"):
            plain = str(line["event"])
    return plain
