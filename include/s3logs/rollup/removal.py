"""What becomes of log objects that a verified roll-up holds: of the very versions that it holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from include.s3logs.logs.names import LogObject
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.stores.store import Refused, Store, Version


def remove(
    stores: Mapping[str, Store],
    objects: Iterable[LogObject],
    options: RollUpOptions,
    *,
    unread: bool = False,
) -> Refused:
    """Delete or tag the log objects; return by address why not, for those that could not be.

    `unread` when they are those that may not be read, and that are to be deleted all the same.
    """
    refused: Refused = {}
    by_source = defaultdict(list)
    for log_object in objects:
        by_source[log_object.source].append(Version(log_object.key, log_object.etag))
    for source, versions in by_source.items():
        store = stores[source]
        if unread:
            found = store.delete_unread(versions)
        elif options.originals == "delete":
            found = store.delete_versions(versions)
        else:
            found = store.tag_versions(versions, *options.tag)
        refused |= {store.uri(key): reason for key, reason in found.items()}
    return refused
