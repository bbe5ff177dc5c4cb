"""Words that name something: has one the form that it must have, and which known one is nearest?"""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

OPERATIONS = (
    *("REST.GET.OBJECT", "REST.HEAD.OBJECT", "REST.PUT.OBJECT", "REST.POST.OBJECT", "REST.DELETE.OBJECT"),
    *("REST.COPY.OBJECT", "REST.COPY.OBJECT_GET", "REST.COPY.PART", "REST.COPY.PART_GET"),
    *("REST.PUT.PART", "REST.POST.UPLOAD", "REST.POST.UPLOADS", "REST.GET.BUCKET", "REST.HEAD.BUCKET"),
    *("REST.POST.MULTI_OBJECT_DELETE", "BATCH.DELETE.OBJECT", "WEBSITE.GET.OBJECT", "WEBSITE.HEAD.OBJECT"),
    *("REST.OPTIONS.PREFLIGHT", "REST.SELECT.OBJECT", "S3.EXPIRE.OBJECT", "S3.CREATE.DELETEMARKER"),
    *("S3.RESTORE.OBJECT", "S3.TRANSITION.OBJECT", "S3.DELETE.UPLOAD", "S3.COMPUTE.OBJECT.CHECKSUM"),
)
"""Some that there are, for suggestions; there are others, and new ones at any time."""
_OPERATION = re.compile(r"[A-Z][A-Z0-9]*(\.[A-Za-z0-9_]+){2,3}|SOAP\.[A-Za-z0-9_]+")

OTHER_VARIABLES = frozenset({"S3LOGS_AIRFLOW_HOME", "S3LOGS_AIRFLOW_PASSWORD", "S3LOGS_DATA"})
"""That begin like settings and are none: of the local commands and of docker-compose.yaml."""


def check_operations(words: Iterable[str]) -> None:
    """Raise ValueError for words that no record can have as its operation, with those that may be meant."""
    faults = [
        f"{word!r} is no operation{did_you_mean(_operation_like(word.upper()))}"
        for word in words
        if not _OPERATION.fullmatch(word)
    ]
    if faults:
        raise ValueError(" ".join(faults))


def _operation_like(word: str) -> str:
    """Return the first operation that the word is a part of, else the nearest one, or ""."""
    whole = (known for known in OPERATIONS if f".{word}." in f".{known}.")
    return next(whole, "") or nearest(word, OPERATIONS)


def unknown_variables(names: Iterable[str], known: Collection[str]) -> list[str]:
    """Return what is wrong with variables of the prefix that are no setting, each with the nearest one."""
    unknown = sorted({name.upper() for name in names} - {*known, *OTHER_VARIABLES})
    return [f"{name} is no setting{did_you_mean(nearest(name, known))}" for name in unknown]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like this one, or "" if none is."""
    return next(iter(get_close_matches(word, sorted(known), n=1, cutoff=0.7)), "")


def did_you_mean(word: str) -> str:
    """Return the end of a sentence that suggests the word, if there is one."""
    return f"; did you mean {word}?" if word else "."
