"""Where log objects come from: the address that tells one from all others, however the sources were given."""

from collections.abc import Mapping

from include.s3logs.errors import SettingsError
from include.s3logs.logs.names import LogObject
from include.s3logs.stores.store import Store

ObjectVersion = tuple[str, str]
"""The address and the ETag of a log object."""


def by_address(stores: Mapping[str, Store]) -> dict[str, Store]:
    """Return the stores by their own addresses, which manifests call sources.

    Raises SettingsError when one lies in another: its log objects would be rolled up twice.
    """
    found = {store.uri(): store for store in stores.values()}
    for one in found:
        for other in found:
            if one != other and address(other, "").startswith(address(one, "")):
                raise SettingsError(
                    f"The source {other!r} lies in the source {one!r}; name only one of them."
                )
    return found


def address(source: str, key: str) -> str:
    """Return the address of a log object; the same wherever the source's part of it ends."""
    return source + key if source.startswith("s3://") else f"{source}/{key}"


def base_name(key: str) -> str:
    """Return the last part of a key: S3 gives each log object a name that no other has."""
    return key.rpartition("/")[2]


def version_of(log_object: LogObject) -> ObjectVersion:
    """Return what tells a log object of a store from `by_address` from all others."""
    return address(log_object.source, log_object.key), log_object.etag
