"""Are log objects what the roll-up holds of them? Asked before any goes that this attempt did not read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from include.s3logs.errors import AccessDeniedError, NotFoundError
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.reading import read_ahead
from include.s3logs.logs.rolled_up.manifest import Manifest
from include.s3logs.logs.rolled_up.origins import version_of
from include.s3logs.rollup.merging import UNREADABLE, Unreadable, measured
from include.s3logs.stores.store import Store


@dataclass
class Compared:
    """The log objects that are `proven` to be in the roll-up, and `others`, which have another content.

    One that is gone by now is none of these.
    """

    proven: list[LogObject] = field(default_factory=list)
    others: list[LogObject] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def compare(stores: Mapping[str, Store], objects: Iterable[LogObject], manifest: Manifest) -> Compared:
    """Read log objects, each of which the manifest names by its version, and compare their content.

    Raises what a store raises, ChangedObjectError among it.
    """
    found, members = Compared(), {member.version: member for member in manifest.objects}
    for log_object, content in read_ahead(stores, objects):
        member = members[version_of(log_object)]
        try:
            is_member = measured(content) == (member.sha256, member.bytes)
        except NotFoundError:
            continue
        except UNREADABLE as error:
            forbidden = isinstance(error, AccessDeniedError)
            found.unreadable.append(Unreadable(log_object, str(error), forbidden))
        else:
            (found.proven if is_member else found.others).append(log_object)
    return found
