"""Files with the name of a roll-up that no manifest describes: are they roll-ups whose manifest is gone?

The name alone does not tell: other tools call their files `2026-10-21.gz`, too. The rule: such a file is a
roll-up if a line of its beginning, unpacked, looks like the record of an access log; and if its beginning
cannot be read, or looks packed and cannot be unpacked, because then nobody can tell. Any other file, an empty
one among them, is none.
"""

import re

from include.s3logs.errors import AccessDeniedError, ArchivedObjectError, CorruptRollUpError
from include.s3logs.logs.decompress import CorruptObjectError, unpack
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.logs.rolled_up.verification import stored_pieces
from include.s3logs.stores.store import ObjectInfo, Store

_BEGINNING = 64 << 10  # bytes that are looked at: the lines of a torn or foreign first log object are fewer
# Owner, bucket, time, and no quoted request after it, as there would be in the log of a web server.
_RECORD = re.compile(
    rb'^\S+ \S+ \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3} [+-][0-9]{4}\] [^\s"]', re.MULTILINE
)


def lost_manifest(store: Store, interval: Interval, file: ObjectInfo) -> CorruptRollUpError | None:
    """Return what to do about a roll-up without its manifest; None when the file is no roll-up.

    Raises ChangedObjectError when the file is gone or another one by now: an attempt is at work.
    """
    why = _is_roll_up(store, file)
    if not why:
        return None
    return CorruptRollUpError(
        f"No manifest says what {store.uri(file.key)} holds ({why}): {store.uri(interval.manifest_key)} is "
        "gone. Put it back, or move the file away if it is no roll-up, or if all its log objects still exist."
    )


def _is_roll_up(store: Store, file: ObjectInfo) -> str:
    """Return why the file is taken for a roll-up, or nothing."""
    beginning = b""
    try:
        for piece in unpack(stored_pieces(store, file.key, file.size, file.etag), _BEGINNING):
            beginning += piece
            if _RECORD.search(beginning):
                return "it holds records of access logs"
            if len(beginning) >= _BEGINNING:
                break
    except CorruptObjectError as error:
        return f"it is packed and damaged: {error}"
    except (AccessDeniedError, ArchivedObjectError) as error:
        return f"it cannot be read: {error}"
    return ""
