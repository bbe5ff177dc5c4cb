"""What `S3LOGS_CATALOG` may say, told apart without loading anything heavy: settings are read everywhere."""

from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from include.s3logs.settings.words import did_you_mean, nearest

NONE, MANIFEST, PREFIX, DANDI = "none", "manifest", "prefix", "dandi"
_MOST_SEGMENTS = 512  # a key has at most 1,024 bytes
DANDI_ARCHIVE = "https://api.dandiarchive.org/api"


class CatalogChoice(NamedTuple):
    """The kind of a catalog and where or what it is: a file's address, an API's, or how many segments."""

    kind: str
    value: str


def choose(setting: str) -> CatalogChoice:
    """Return what the setting says; ValueError when it is a kind with a value that makes no sense."""
    kind, colon, value = setting.partition(":")
    if not setting:
        return CatalogChoice(NONE, "")
    if kind == PREFIX and colon:
        if not value.isdecimal() or int(value) not in range(1, _MOST_SEGMENTS + 1):
            raise ValueError(
                "write prefix:<N> with N, the segments of a key that name its dataset, "
                f"from 1 to {_MOST_SEGMENTS}"
            )
        return CatalogChoice(PREFIX, value)
    if kind == DANDI:
        address = urlsplit(value if colon else DANDI_ARCHIVE)
        if address.scheme not in ("http", "https") or address.query or not _is_host(address):
            raise ValueError("write dandi:<base address>, such as dandi:https://api.example.org/api")
        return CatalogChoice(DANDI, address.geturl().rstrip("/"))
    return CatalogChoice(MANIFEST, setting)


def no_file(setting: str) -> str:
    """Return what is wrong with a manifest that is not there, with the kind that may be meant."""
    name = setting.rpartition("/")[2]
    meant = nearest(name.partition(":")[0], (PREFIX, DANDI))
    kinds = "" if meant else f" (a manifest's path, {PREFIX}:<N>, {DANDI})"
    return f"S3LOGS_CATALOG={setting!r} is no file and no kind of catalog{kinds}{did_you_mean(meant)}"


def _is_host(address: SplitResult) -> bool:
    """Tell whether the address has a host that can have a name, and no port or one that is a number."""
    try:
        return bool((address.hostname or "").encode("idna")) and address.port != 0
    except ValueError:
        return False
