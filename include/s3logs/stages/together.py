"""Small log objects are judged together: to make tables for each one would cost more than to parse it."""

from collections.abc import Iterator

from include.s3logs.logs.limits import Limits
from include.s3logs.logs.names import LogObject


class Together:
    """Whole contents of log objects that follow each other, until they are worth a pass."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._objects, self._contents, self._size = list[LogObject](), list[bytes](), 0

    def whole(self, pieces: Iterator[bytes]) -> bytes | None:
        """Return what the unpacked pieces are together, all of them taken, or None if that is not small."""
        content = next(pieces, b"")
        for piece in pieces:
            content += piece
            if len(content) >= self._limits.small:
                break
        return content if len(content) < self._limits.small else None

    def add(self, log_object: LogObject, content: bytes) -> bool:
        """Add one, and tell whether those that there are should be taken now."""
        self._objects.append(log_object)
        self._contents.append(content)
        self._size += len(content)
        return self._size >= self._limits.together

    def take(self) -> tuple[list[LogObject], list[bytes]]:
        """Return those that there are, and begin anew."""
        taken = self._objects, self._contents
        self._objects, self._contents, self._size = [], [], 0
        return taken
