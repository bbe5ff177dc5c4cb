"""Small files that are read when it is their turn, as long as that is faster than to read them ahead."""

from collections.abc import Iterator, Mapping
from time import perf_counter

from include.s3logs.logs.limits import Limits
from include.s3logs.logs.names import LogObject
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.store import Store

_FAR = 16  # files


class AtHand:
    """Tells which log objects are at hand: small ones in a folder whose files come without waiting.

    A folder may be on a network or a slow disk. When some more of its files were waited for than not, it is
    far from then on: many are better read at once.
    """

    def __init__(self, stores: Mapping[str, Store], limits: Limits) -> None:
        self._stores, self._limits = stores, limits
        self._waits = {name: 0 for name, store in stores.items() if isinstance(store, LocalStore)}

    def __contains__(self, log_object: LogObject) -> bool:
        """Tell whether the object, which is in no roll-up, is at hand."""
        return log_object.source in self._waits and self._limits.is_small(log_object.size)

    def pieces(self, log_object: LogObject) -> Iterator[bytes]:
        """Yield what the store does, after all of it was read."""
        source, key, size, etag = log_object
        began = perf_counter()
        pieces = list(self._stores[source].read_pieces(key, size, etag))
        if source in self._waits:
            waited = perf_counter() - began > self._limits.wait
            self._waits[source] = max(0, self._waits[source] + (1 if waited else -1))
            if self._waits[source] == _FAR:
                del self._waits[source]
        yield from pieces
