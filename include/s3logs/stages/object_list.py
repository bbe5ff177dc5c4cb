"""The list of log objects that a day was made of, with what each gave: a file beside the rows of reduce."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from include.s3logs.errors import AccessDeniedError, ArchivedObjectError, NotFoundError
from include.s3logs.logs.decompress import CorruptObjectError
from include.s3logs.logs.listings import escaped, unescaped
from include.s3logs.logs.names import LogObject

_HEADER = "source\tkey\tsize\tetag\tlines\trejections\tunreadable"
CORRUPT = "corrupt"
GONE = "gone"
WORDS: dict[type[Exception], str] = {
    AccessDeniedError: "denied",
    ArchivedObjectError: "archived",
    NotFoundError: GONE,
    CorruptObjectError: CORRUPT,
}
"""Why a log object can be unreadable, and the word for it."""


class Listed(NamedTuple):
    """One log object of a day, the lines and rejections that it gave, and the word for why it gave none."""

    log_object: LogObject
    lines: int
    rejections: int
    unreadable: str = ""


def to_tsv(rows: Iterable[Listed]) -> bytes:
    """Return the list as a file."""
    lines = [_HEADER]
    for (source, key, size, etag), *given in rows:
        lines.append("\t".join(map(str, (escaped(source), escaped(key), size, etag, *given))))
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def from_tsv(data: bytes) -> list[Listed]:
    """Read the list; an earlier release said nothing of what is unreadable."""
    found = []
    for line in data.decode("utf-8", "surrogateescape").split("\n")[1:-1]:
        source, key, size, etag, lines, rejections, *unreadable = line.split("\t")
        log_object = LogObject(unescaped(source), unescaped(key), int(size), etag)
        found.append(Listed(log_object, int(lines), int(rejections), *unreadable))
    return found


def word_of(error: Exception) -> str:
    """Return the word for why an object is unreadable."""
    return next(word for kind, word in WORDS.items() if isinstance(error, kind))


Version = tuple[str, int, str]
"""Of a log object wherever it is: key, size in bytes and ETag."""


def versions(objects: Sequence[LogObject]) -> Counter[Version]:
    """Count the versions of log objects."""
    return Counter((o.key, o.size, o.etag) for o in objects)
