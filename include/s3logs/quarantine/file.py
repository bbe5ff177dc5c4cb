"""The quarantine of a log day: lines and log objects without a valid reading, as they were."""

import json
from pathlib import Path

from include.s3logs.logs.names import LogObject

_EXAMPLES = 3


class QuarantineFile:
    """Lines and log objects without a valid reading as JSON, one a line.

    `examples` says where the first lines are and why, as messages may: what is in a line stays in the file.
    `size` is how many bytes there are.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0
        self.examples: list[str] = []
        self._file = path.open("w", encoding="ascii")

    def add(self, log_object: LogObject, number: int | None, reason: str, line: bytes | None) -> None:
        """Add a line with its number and why it is here, or (None) a whole log object."""
        raw = line.decode("utf-8", "surrogateescape") if line is not None else None
        entry = {
            "source": log_object.source,
            "log_object": log_object.key,
            "line_number": number,
            "reason": reason,
            "raw": raw,
        }
        self.size += self._file.write(json.dumps(entry) + "\n")  # all of it is ASCII
        if raw is not None and len(self.examples) < _EXAMPLES:
            self.examples.append(f"{log_object.key} line {number}: {reason}")

    def close(self) -> None:
        """Write what is not written yet."""
        self._file.close()
