"""Read the log objects of a day: a few ahead while one is worked on, within a bound of memory."""

from collections import deque
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial

from include.s3logs.errors import CorruptRollUpError, S3LogsError
from include.s3logs.logs.at_hand import AtHand
from include.s3logs.logs.decompress import CorruptObjectError
from include.s3logs.logs.limits import LIMITS, Limits
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.rolled_up.extraction import Extraction
from include.s3logs.logs.rolled_up.members import Place
from include.s3logs.logs.second_look import SecondLook
from include.s3logs.stores.store import PARALLEL_READS, Store

Content = Callable[[], Iterator[bytes]]
"""Gives an object's content in pieces, from the beginning each time; the iterator raises as a store does."""
_TOGETHER = 8  # small objects that one thread reads: to hand over each one costs as much as to parse it
_GROUPS_AHEAD = 2 * PARALLEL_READS


def read_ahead(
    stores: Mapping[str, Store],
    objects: Iterable[LogObject],
    places: Mapping[LogObject, Place | CorruptRollUpError] | None = None,
    limits: Limits = LIMITS,
) -> Generator[tuple[LogObject, Content], None, None]:
    """Yield each object with its content, in order; the content can be taken until the next object is.

    Objects of one piece are read in parallel before it is their turn, some together: as many as hold
    `limits.ahead` bytes, or one. Small files at hand are read when it is their turn: to hand them over from
    another thread takes longer. Of a larger object, whose turn it is, the next piece is read while one is
    worked on. Those with a place in a roll-up come from there, unpacked; only if there are such, all of
    `objects` have to be known before the first is read. Of those with an error instead of a place the content
    raises CorruptObjectError.

    With `places`, empty or not, one that is gone is looked for in the roll-ups that there are by then.
    Without, roll-ups do not count: so read those who make them.
    """
    second_look, looks = SecondLook(stores), places is not None
    places, wanted = places or {}, list[Place]()
    if places:
        objects = list(objects)
        known = (places.get(log_object) for log_object in objects)
        wanted = [place for place in known if isinstance(place, Place)]
    extraction = Extraction(stores, wanted)
    piece, most = limits.piece, limits.ahead
    at_hand = AtHand(stores, limits)
    groups, ahead = _groups(objects, places, at_hand, piece), deque[tuple[list[LogObject], list[Content]]]()

    def found(log_object: LogObject, content: Content) -> Content:
        place = places.get(log_object)
        if not looks or isinstance(place, CorruptRollUpError):
            return content
        return partial(second_look.pieces, log_object, content, place)

    def started(group: list[LogObject]) -> list[Content]:
        first = group[0]
        place = places.get(first)
        if isinstance(place, CorruptRollUpError):
            return [partial(_unreadable, place)]
        if place:
            return [extraction.content(place)]
        if first in at_hand:
            return [partial(at_hand.pieces, first)]
        if first.size > piece:
            return [lambda: _one_ahead(pool, _pieces(stores, first))]
        read = pool.submit(_read, stores, group)
        return [partial(_given, read, n) for n in range(len(group))]

    held = 0
    with closing(extraction), closing(second_look), ThreadPoolExecutor(PARALLEL_READS) as pool:
        group = next(groups, None)
        while group or ahead:
            while group and len(ahead) < _GROUPS_AHEAD:
                if ahead and held + _held(group, piece) > most:
                    break
                ahead.append((group, started(group)))
                held += _held(group, piece)
                group = next(groups, None)
            begun, contents = ahead.popleft()
            yield from zip(begun, map(found, begun, contents), strict=True)
            held -= _held(begun, piece)


def _groups(
    objects: Iterable[LogObject], places: Container[LogObject], at_hand: AtHand, piece: int
) -> Iterator[list[LogObject]]:
    """Yield what is read together: some objects that are one piece together, or one of any other kind."""
    group: list[LogObject] = []
    for log_object in objects:
        alone = log_object.size > piece or log_object in places or log_object in at_hand
        if group and (alone or len(group) == _TOGETHER or _held([*group, log_object], piece) > piece):
            yield group
            group = []
        if alone:
            yield [log_object]
        else:
            group.append(log_object)
    if group:
        yield group


def _held(group: list[LogObject], piece: int) -> int:
    """Return how many bytes reading these ahead takes; a large object is read when it is its turn."""
    return sum(log_object.size for log_object in group if log_object.size <= piece)


def _pieces(stores: Mapping[str, Store], log_object: LogObject) -> Iterator[bytes]:
    return stores[log_object.source].read_pieces(log_object.key, log_object.size, log_object.etag)


def _read(stores: Mapping[str, Store], group: list[LogObject]) -> list[list[bytes] | S3LogsError]:
    """Return the pieces of each object, or why there are none."""
    found: list[list[bytes] | S3LogsError] = []
    for log_object in group:
        try:
            found.append(list(_pieces(stores, log_object)))
        except S3LogsError as error:
            found.append(error)
    return found


def _given(read: Future[list[list[bytes] | S3LogsError]], n: int) -> Iterator[bytes]:
    found = read.result()[n]
    if isinstance(found, S3LogsError):
        raise found
    yield from found


def _unreadable(why: CorruptRollUpError) -> Iterator[bytes]:
    yield from ()
    raise CorruptObjectError(str(why)) from why


def _one_ahead(pool: ThreadPoolExecutor, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces, and read the next one while one is worked on."""
    coming = pool.submit(next, pieces, None)
    while (piece := coming.result()) is not None:
        coming = pool.submit(next, pieces, None)
        yield piece
