"""Log objects that a day had to do without: do they answer now?"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from include.s3logs.errors import S3LogsError
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.rolled_up.levels import interval_of_file
from include.s3logs.logs.rolled_up.members import Place
from include.s3logs.logs.sources import Listing
from include.s3logs.stages.never_less import Before
from include.s3logs.stages.object_list import CORRUPT, Listed
from include.s3logs.stores.store import PARALLEL_READS, Store

_MOST = 1000  # log objects of a day that are asked for


def may_be_read_now(stores: Mapping[str, Store], listing: Listing, day: date, before: Before) -> bool:
    """Tell whether one of the log objects that a day had to do without may be read by now.

    That is one that gives its first byte (its head says less: S3 gives that of archived objects, too, and
    where the key of KMS is refused), one that is in a roll-up, or a roll-up whose manifest is there again.
    What is corrupt stays so until it is replaced, and then it is another log object.
    """
    unreadable = before.unreadable()[:_MOST]
    if not unreadable:
        return False
    present = frozenset(listing.of(day))

    def answers(row: Listed) -> bool:
        log_object = row.log_object
        if interval_of_file(log_object.key):
            return log_object not in present
        if row.unreadable == CORRUPT or log_object not in present:
            return False
        return isinstance(listing.places.get(log_object), Place) or _gives_a_byte(stores, log_object)

    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        return any(pool.map(answers, unreadable))


def _gives_a_byte(stores: Mapping[str, Store], log_object: LogObject) -> bool:
    store = stores.get(log_object.source)
    if store is None or not log_object.size:
        return False
    try:
        store.read_range(log_object.key, 0, 1)
    except S3LogsError:
        return False
    return True
