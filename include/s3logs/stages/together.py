"""Small log objects are judged together: to make tables for each one would cost more than to parse it."""

from collections.abc import Iterable

from include.s3logs.logs.decompress import unpack_small, with_lines
from include.s3logs.logs.limits import Limits
from include.s3logs.logs.names import LogObject


class Together:
    """Whole contents of log objects that follow each other, until they are worth a pass."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._objects, self._contents, self._size = list[LogObject](), list[bytes](), 0

    def whole(self, log_object: LogObject, pieces: Iterable[bytes]) -> bytes | None:
        """Return the content of an object that is small, as it is stored and unpacked; None of any other.

        Nothing is read of what is not small as it is stored; raises as `unpack` and `with_lines` do.
        """
        limits = self._limits
        if not limits.is_small(log_object.size):
            return None
        packed = b""
        for piece in pieces:
            packed += piece
            if len(packed) >= limits.small:  # a roll-up may hold more than was listed
                return None
        content = unpack_small(packed, limits.small, limits.unpacked)
        if content is not None and len(content) > limits.line:
            content = b"".join(with_lines([content], limits.line))
        return content

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
