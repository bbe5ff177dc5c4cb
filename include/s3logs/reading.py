"""Read the log objects of a day: a few ahead while one is worked on, within a bound of memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

from include.s3logs.rollup.extraction import Extraction
from include.s3logs.rollup.members import Place
from include.s3logs.sources import LogObject
from include.s3logs.store import PARALLEL_READS, PIECE, Store

Content = Callable[[], Iterator[bytes]]
"""Gives an object's content in pieces, from the beginning each time; the iterator raises as a store does."""
_OBJECTS_AHEAD = 2 * PARALLEL_READS
_BYTES_AHEAD = 64 << 20


def read_ahead(
    stores: Mapping[str, Store], objects: Iterable[LogObject], places: Mapping[LogObject, Place] | None = None
) -> Iterator[tuple[LogObject, Content]]:
    """Yield each object with its content, in order; the content can be taken until the next object is.

    Objects of one piece are read in parallel before it is their turn: as many as hold `_BYTES_AHEAD` bytes,
    or one. Of a larger object, whose turn it is, the next piece is read while one is worked on. Those with a
    place in a roll-up come from there, unpacked.
    """
    waiting, ahead, places = deque(objects), deque[tuple[LogObject, Content]](), places or {}
    extraction = Extraction(stores, [places[log_object] for log_object in waiting if log_object in places])

    def started(log_object: LogObject) -> Content:
        if place := places.get(log_object):
            return extraction.content(place)
        return _started(pool, stores[log_object.source], log_object)

    held = 0
    with closing(extraction), ThreadPoolExecutor(PARALLEL_READS) as pool:
        while waiting or ahead:
            while waiting and len(ahead) < _OBJECTS_AHEAD:
                log_object = waiting[0]
                if ahead and held + _held(log_object) > _BYTES_AHEAD:
                    break
                ahead.append((waiting.popleft(), started(log_object)))
                held += _held(log_object)
            log_object, content = ahead.popleft()
            yield log_object, content
            held -= _held(log_object)


def _held(log_object: LogObject) -> int:
    """Return how many bytes reading this object ahead takes; a large one is read when it is its turn."""
    return log_object.size if log_object.size <= PIECE else 0


def _started(pool: ThreadPoolExecutor, store: Store, log_object: LogObject) -> Content:
    def pieces() -> Iterator[bytes]:
        return store.read_pieces(log_object.key, log_object.size, log_object.etag)

    if log_object.size > PIECE:
        return lambda: _one_ahead(pool, pieces())
    read = pool.submit(lambda: list(pieces()))
    return lambda: _given(read)


def _given(read: Future[list[bytes]]) -> Iterator[bytes]:
    yield from read.result()


def _one_ahead(pool: ThreadPoolExecutor, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces, and read the next one while one is worked on."""
    coming = pool.submit(next, pieces, None)
    while (piece := coming.result()) is not None:
        coming = pool.submit(next, pieces, None)
        yield piece
