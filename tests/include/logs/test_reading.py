"""Reading ahead: in order, in parallel, and never more than a bound."""

import threading

import pytest

from include.s3logs.errors import NotFoundError
from include.s3logs.logs.limits import Limits
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.reading import read_ahead
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.store import PIECE

LARGE = 3 * PIECE


class Source:
    """A store of invented content that counts the objects and pieces at hand."""

    def __init__(self, gone=()):
        self.gone = gone
        self.lock = threading.Lock()
        self.begun, self.given = [], []

    def read_pieces(self, key, size, etag=None):
        with self.lock:
            self.begun.append(key)
        if key in self.gone:
            raise NotFoundError(f"{key} does not exist.")
        for start in range(0, max(size, 1), PIECE):
            with self.lock:
                self.given.append((key, start))
            yield b"%s at %d" % (key.encode(), start)


def objects(*sizes):
    return [LogObject("source", f"{n:03}", size, "etag") for n, size in enumerate(sizes)]


def content_of(log_object):
    return [b"%s at %d" % (log_object.key.encode(), at) for at in range(0, max(log_object.size, 1), PIECE)]


def test_small_and_large_objects_come_in_order_and_can_be_read_again():
    wanted = objects(5, LARGE, 0, PIECE, PIECE + 1, *[7] * 100, LARGE)
    found = []
    for log_object, content in read_ahead({"source": Source()}, wanted):
        assert list(content()) == content_of(log_object) == list(content())
        found.append(log_object)
    assert found == wanted


def test_a_small_object_is_read_once_and_a_large_one_each_time():
    source = Source()
    for _, content in read_ahead({"source": source}, objects(5, LARGE)):
        assert list(content()) == list(content())
    assert sorted(source.begun) == ["000", "001", "001"]


@pytest.mark.parametrize("size", [5, LARGE])
def test_what_a_store_raises_comes_when_the_first_piece_is_taken(size):
    found = []
    for log_object, content in read_ahead({"source": Source(gone=["001"])}, objects(5, size, 5)):
        found.append(log_object.key)
        for pieces in (content(), content()):
            if log_object.key == "001":
                with pytest.raises(NotFoundError, match="001"):
                    next(pieces)
            else:
                assert list(pieces) == content_of(log_object)
    assert found == ["000", "001", "002"]


@pytest.mark.parametrize(
    ("sizes", "most"),
    [
        ([1000] * 400, 256),  # many small ones: as many as are worth it
        ([PIECE] * 100, 8),
        ([LARGE] * 100, 0),  # large ones: none before its turn
        ([PIECE, LARGE] * 50, 9),
    ],
    ids=["small", "one piece", "large", "mixed"],
)
def test_only_so_much_is_read_ahead(sizes, most):
    source, wanted = Source(), objects(*sizes)
    read = 0
    for n, (log_object, content) in enumerate(read_ahead({"source": source}, wanted)):
        list(content())
        read += log_object.size > PIECE
        begun = list(source.begun)  # other threads go on
        small = [key for key in begun if wanted[int(key)].size <= PIECE]
        ahead = sum(int(key) > n for key in small)
        assert ahead <= most
        assert len(begun) - len(small) == read
    assert sorted(set(source.begun)) == [one.key for one in wanted]


def test_one_object_is_read_however_large_the_bound_is():
    wanted = objects(*[PIECE] * 5)
    ahead = read_ahead({"source": Source()}, wanted, limits=Limits(ahead=1))
    assert [one for one, content in ahead if list(content())] == wanted


def test_of_a_large_object_one_piece_is_read_ahead():
    source = Source()
    ((_, content),) = [*read_ahead({"source": source}, objects(0))]
    assert list(content())
    for _, content in read_ahead({"source": source}, objects(10 * PIECE)):
        source.given.clear()
        for n, _ in enumerate(content()):
            assert len(source.given) <= n + 2


def test_whoever_stops_early_waits_for_no_more_than_what_was_begun():
    source = Source()
    ahead = read_ahead({"source": source}, objects(*[LARGE] * 10))
    _, content = next(ahead)
    next(content())
    ahead.close()
    assert len(source.given) <= 2


class Folder(LocalStore):
    """A folder whose first files come at once and whose others after a while; who reads them is noted."""

    def __init__(self, root, fast):
        super().__init__(root)
        self.fast, self.readers = fast, {}

    def read_pieces(self, key, size, etag=None):
        self.readers[key] = threading.current_thread()
        if int(key) >= self.fast:
            threading.Event().wait(0.01)
        return super().read_pieces(key, size, etag)


@pytest.mark.parametrize(("fast", "ahead"), [(300, False), (100, True)])
def test_small_files_are_read_in_their_turn_unless_they_are_waited_for(tmp_path, fast, ahead):
    folder = Folder(tmp_path, fast)
    for n in range(300):
        (tmp_path / f"{n:03}").write_bytes(b"%d" % n)
    wanted = [LogObject("folder", info.key, info.size, info.etag) for info in folder.list()]
    limits = Limits(wait=1 if not ahead else 0.005)
    found = [b"".join(content()) for _, content in read_ahead({"folder": folder}, wanted, limits=limits)]
    assert found == [b"%d" % n for n in range(300)]
    others = [folder.readers[one.key] is not threading.current_thread() for one in wanted]
    assert any(others) == ahead
    assert not any(others[:fast])
    assert all(others[200:]) or not ahead


def test_larger_files_are_read_ahead(tmp_path):
    folder = Folder(tmp_path, 10)
    (tmp_path / "000").write_bytes(bytes(1000))
    wanted = [LogObject("folder", info.key, info.size, info.etag) for info in folder.list()]
    limits = Limits(small=1000)
    assert [b"".join(content()) for _, content in read_ahead({"folder": folder}, wanted, limits=limits)]
    assert folder.readers["000"] is not threading.current_thread()
