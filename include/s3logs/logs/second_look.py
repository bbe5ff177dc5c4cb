"""Log objects that are gone when they are read: they may have gone into a roll-up since they were listed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import date
from itertools import islice

from include.s3logs.errors import ChangedObjectError, NotFoundError
from include.s3logs.logs.decompress import CorruptObjectError
from include.s3logs.logs.names import LogObject, parse_key
from include.s3logs.logs.rolled_up.extraction import Extraction
from include.s3logs.logs.rolled_up.members import Place
from include.s3logs.logs.sources import Listing, find_log_objects
from include.s3logs.stores.store import Store


class SecondLook:
    """Finds just these versions of log objects in the roll-ups that there are now.

    The day of one that is gone is listed anew: once for all that are gone by then, and again for one that was
    still there the last time.
    """

    def __init__(self, stores: Mapping[str, Store]) -> None:
        self._stores = stores
        self._looks: dict[date, tuple[Listing, Extraction]] = {}
        self._in_vain: set[date] = set()  # the store lists what it does not give
        self._open = ExitStack()

    def close(self) -> None:
        """Remove temporary files."""
        self._open.close()

    def pieces(
        self, log_object: LogObject, content: Callable[[], Iterator[bytes]], place: Place | None
    ) -> Iterator[bytes]:
        """Yield the content; where that is gone before its first piece, what a roll-up holds of it.

        `place` is where the content comes from, if that is a roll-up: it may be made anew, too. Raises
        ChangedObjectError where it goes after the first piece and is in a roll-up now: the next attempt finds
        it there.
        """
        pieces, begun = content(), False
        while True:
            try:
                coming = list(islice(pieces, 1))
            except (NotFoundError, CorruptObjectError) as error:
                is_gone = place is not None or isinstance(error, NotFoundError)
                if not is_gone or (found := self._find(log_object, place)) is None:
                    raise
                if begun:
                    where = self._stores[log_object.source].uri(log_object.key)
                    raise ChangedObjectError(f"{where} was rolled up while it was read.") from error
                yield from found()
                return
            if not coming:
                return
            begun = True
            yield coming.pop()  # and let go of it

    def _find(self, log_object: LogObject, place: Place | None) -> Callable[[], Iterator[bytes]] | None:
        name = parse_key(log_object.key)
        if name is None:
            return None
        look = self._looks.get(name.day)
        if look is None or (name.day not in self._in_vain and _stands_alone(look[0], log_object, name.day)):
            look = self._looks[name.day] = self._look(name.day)
            if _stands_alone(look[0], log_object, name.day):
                self._in_vain.add(name.day)
        found = look[0].places.get(log_object)
        return look[1].content(found) if isinstance(found, Place) and found != place else None

    def _look(self, day: date) -> tuple[Listing, Extraction]:
        listing = find_log_objects(self._stores, day, day)
        places = [place for place in listing.places.values() if isinstance(place, Place)]
        extraction = Extraction(self._stores, places)
        self._open.callback(extraction.close)
        return listing, extraction


def _stands_alone(listing: Listing, log_object: LogObject, day: date) -> bool:
    return log_object not in listing.places and log_object in listing.by_day.get(day, ())
