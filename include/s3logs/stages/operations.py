"""Which operations are there, where one that is to count is not? Said among what reduce counts of a day.

Records of other operations are not looked at while a day is reduced, and to count theirs would cost time on
every line. So only a day without any request of an operation of the settings is looked at a second time, and
of that no more than so many lines, spread over the day.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing, suppress

import pyarrow.compute as pc

from include.s3logs.errors import S3LogsError
from include.s3logs.logs.decompress import CorruptObjectError, unpack
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.reading import Content, read_ahead
from include.s3logs.logs.sources import Listing
from include.s3logs.parsing.parse import parse
from include.s3logs.stages.limits import Limits
from include.s3logs.stores.store import Store

_COUNT = "operation "  # begins the names of counts: `operation REST.GET.OBJECT`
_MOST_NAMED = 10


def look_for(
    missing: Collection[str],
    stores: Mapping[str, Store],
    objects: Sequence[LogObject],
    listing: Listing,
    limits: Limits,
) -> dict[str, int]:
    """Return the counts of the operations in some of the day's lines: 0 for each missing one that is in none.

    What cannot be read is passed over: whoever reduced the day has said so.
    """
    some = objects[:: len(objects) // limits.looked_at_objects + 1]
    with closing(read_ahead(stores, some, listing.places, limits.logs)) as contents:
        found = _operations(contents, limits.looked_at_lines)
    told = {name: found[name] for name in sorted(missing)} | dict(found.most_common(_MOST_NAMED))
    return {f"{_COUNT}{name}": number for name, number in told.items()}


def of_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return what `look_for` found of a day, by operation; nothing when there was no need to look."""
    return {name.removeprefix(_COUNT): n for name, n in counts.items() if name.startswith(_COUNT)}


def _operations(contents: Iterable[tuple[LogObject, Content]], lines: int) -> Counter[str]:
    found, seen = Counter[str](), 0
    for _, content in contents:
        with suppress(S3LogsError, CorruptObjectError):
            parsed = parse(next(unpack(content()), b""))  # where it ends in a line, that is rejected
            for told in pc.value_counts(parsed.records["operation"].drop_null()).to_pylist():
                found[told["values"]] += told["counts"]
            seen += parsed.lines
        if seen >= lines:
            break
    return found
