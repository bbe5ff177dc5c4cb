import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import IncompleteReadError, ReadTimeoutError, ResponseStreamingError
from urllib3.exceptions import SSLError

from include.s3logs.errors import (
    AccessDeniedError,
    ArchivedObjectError,
    ChangedObjectError,
    NotFoundError,
    PermanentError,
    StoreUnavailableError,
)
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.store import PIECE


@pytest.fixture
def pauses():
    """The pauses before another try, as they would have been."""
    return []


@pytest.fixture
def store(s3, bucket, pauses):
    return S3Store(s3.client, bucket, "some/prefix/", wait=pauses.append)


def test_writes_lists_reads_and_deletes(store, s3, bucket):
    for key in ("a/b", "a-b", "ab", "caf\u00e9 %20+.txt"):
        store.write(key, key.encode())
    # This server sorts by path segment (a/b before a-b), AWS by bytes: nothing may depend on which.
    assert {info.key for info in store.list()} == {"a-b", "a/b", "ab", "caf\u00e9 %20+.txt"}
    assert [info.key for info in store.list("a", start_after="a-b")][-1:] == ["ab"]
    assert store.read("caf\u00e9 %20+.txt") == "caf\u00e9 %20+.txt".encode()
    store.delete(["a/b", "not there"])
    assert s3.keys(bucket) == ["some/prefix/a-b", "some/prefix/ab", "some/prefix/caf\u00e9 %20+.txt"]


def test_a_folder_is_listed_without_what_its_folders_hold(store):
    for key in ("a", "a-b", "a/b", "a/c/d", "a/c/e", "a/ü %20+/f", "ab/a"):
        store.write(key, b"x")
    infos = {info.key: info for info in store.list()}
    assert {*store.list_folder("")} == {infos["a"], infos["a-b"], "a/", "ab/"}
    assert {*store.list_folder("a/")} == {infos["a/b"], "a/c/", "a/ü %20+/"}
    assert {*store.list_folder("nothing/")} == set()


def test_listing_pages_through_thousands(store):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: store.write(f"{n:05}", b""), range(1200)))
    assert [info.key for info in store.list_folder("")] == [f"{n:05}" for n in range(1200)]
    assert [info.key for info in store.list(start_after="00099")] == [f"{n:05}" for n in range(100, 1200)]


def test_only_the_listed_version_is_read(store):
    store.write("a", b"before")
    info = next(store.list())
    assert store.read("a", info.etag) == b"before"
    store.write("a", b"after")
    with pytest.raises(ChangedObjectError, match="some/prefix/a changed"):
        store.read("a", info.etag)


def test_absent_objects_and_buckets_are_named(store, s3):
    with pytest.raises(NotFoundError, match="some/prefix/nothing"):
        store.read("nothing")
    for size in (1, 2 * PIECE):
        with pytest.raises(NotFoundError, match="some/prefix/nothing"):
            next(store.read_pieces("nothing", size))
    with pytest.raises(NotFoundError, match="no-such-bucket"):
        list(S3Store(s3.client, "no-such-bucket-here").list())


def _client(endpoint, key="nobody"):
    config = Config(
        s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=1
    )
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key="wrong",
        region_name="us-east-1",
        config=config,
    )


def test_wrong_credentials_are_permanent_and_an_outage_is_not(s3, bucket):
    with pytest.raises(AccessDeniedError, match="may not be accessed"):
        S3Store(_client(s3.endpoint), bucket).write("a", b"")
    with pytest.raises(StoreUnavailableError):
        S3Store(_client("http://127.0.0.1:9"), bucket).read("a")


def test_putting_a_file_fails_as_writing_does(s3, bucket, tmp_path):
    for size in (1, 2 * PIECE):  # put as a whole, and in parts
        (tmp_path / "file").write_bytes(bytes(size))
        with pytest.raises(AccessDeniedError, match=f"s3://{bucket}/a may not be accessed"):
            S3Store(_client(s3.endpoint), bucket).write_file("a", tmp_path / "file")
        with pytest.raises(StoreUnavailableError, match=f"s3://{bucket}/a"):
            S3Store(_client("http://127.0.0.1:9"), bucket).write_file("a", tmp_path / "file")
    with pytest.raises(StoreUnavailableError, match=f"s3://{bucket}/a"):
        S3Store(s3.client, bucket).write_file("a", tmp_path / "absent")


class _Troubled(BaseHTTPRequestHandler):
    """An S3 server in trouble: the key says how it answers."""

    def do_GET(self):
        kind = self.path.rpartition("/")[2]
        if kind == "hangs":
            self.server.released.wait(30)
        if kind == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")
            return
        status, code = {
            "slow-down": (503, "SlowDown"),
            "too-many": (429, "InternalError"),
            "too-slow": (400, "RequestTimeout"),
            "odd": (400, "InvalidArgument"),
            "archived": (403, "InvalidObjectState"),
        }.get(kind, (500, "InternalError"))
        body = f"<Error><Code>{code}</Code><Message>{kind}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def troubled(pauses):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Troubled)
    server.released = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield S3Store(_client(f"http://127.0.0.1:{server.server_port}"), "bucket", wait=pauses.append)
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ["slow-down", "broken", "too-many", "too-slow", "hangs", "cut"])
def test_what_can_heal_is_worth_another_attempt(troubled, kind):
    with pytest.raises(StoreUnavailableError, match=f"s3://bucket/{kind}"):
        troubled.read(kind)
    with pytest.raises(StoreUnavailableError, match=f"s3://bucket/{kind}"):
        next(troubled.read_pieces(kind, 1000))


def test_an_archived_object_is_not_a_forbidden_one(troubled):
    with pytest.raises(ArchivedObjectError, match="s3://bucket/archived is archived; restore it"):
        troubled.read("archived")


def test_a_request_the_server_refuses_as_wrong_is_permanent(troubled):
    with pytest.raises(PermanentError, match="InvalidArgument"):
        troubled.read("odd")


# Content in pieces


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 2 * PIECE + 5])
def test_pieces_are_the_content_in_order(store, tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    store.write_file("large", tmp_path / "file")
    info = next(store.list("large"))
    for etag in (info.etag, None):
        pieces = list(store.read_pieces("large", info.size, etag))
        assert b"".join(pieces) == content
        assert max(map(len, pieces)) <= PIECE
    assert store.read("large", info.etag) == content


def test_an_object_that_changes_between_two_pieces_is_noticed(store):
    store.write("large", b"a" * 2 * PIECE)
    info = next(store.list("large"))
    pieces = store.read_pieces("large", info.size, info.etag)
    assert next(pieces) == b"a" * PIECE
    store.write("large", b"b" * 2 * PIECE)
    with pytest.raises(ChangedObjectError, match="some/prefix/large changed"):
        next(pieces)


@pytest.mark.parametrize("size", [1, PIECE, PIECE + 10, 3 * PIECE])
def test_more_or_less_than_the_listed_size_is_a_change_too(store, size):
    store.write("large", bytes(2 * PIECE))
    if size == PIECE + 10:
        store.write("large", bytes(PIECE + 9))
    with pytest.raises(ChangedObjectError, match="some/prefix/large changed"):
        list(store.read_pieces("large", size))


def test_a_range_is_just_these_bytes(store):
    store.write("small", b"content")
    store.client = _Breaking(store.client, 0, None)
    assert store.read_range("small", 0, 7) == b"content"
    assert store.read_range("small", 3, 2) == b"te"
    assert store.client.ranges == ["bytes=0-6", "bytes=3-4"]
    for start, length in ((6, 2), (7, 1)):
        with pytest.raises(ChangedObjectError, match="some/prefix/small changed"):
            store.read_range("small", start, length)
    with pytest.raises(NotFoundError, match="some/prefix/nothing"):
        store.read_range("nothing", 0, 1)


class _Breaking:
    """A client of a real server whose answers break off in the middle, `breaks` times."""

    def __init__(self, client, breaks, error):
        self.client, self.breaks, self.error, self.ranges = client, breaks, error, []

    def get_object(self, **request):
        self.ranges.append(request.get("Range"))
        answer = self.client.get_object(**request)
        if self.breaks:
            self.breaks -= 1
            body = answer["Body"]
            answer["Body"] = self
            body.read(5)
            body.close()
        return answer

    def read(self):
        raise self.error


ERRORS = [
    IncompleteReadError(actual_bytes=5, expected_bytes=10),
    ResponseStreamingError(error="reset"),
    ReadTimeoutError(endpoint_url="http://s3"),
    SSLError("bad record mac"),
    ConnectionResetError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_piece_that_breaks_off_is_asked_for_again_and_no_other(store, pauses, error):
    content = os.urandom(2 * PIECE + 5)
    store.write("large", content)
    store.client = _Breaking(store.client, 2, error)
    assert b"".join(store.read_pieces("large", len(content))) == content
    ranges = [f"bytes={n * PIECE}-{min((n + 1) * PIECE, len(content)) - 1}" for n in range(3)]
    assert store.client.ranges == [ranges[0]] * 3 + ranges[1:]
    assert pauses == [1, 2]


def test_a_piece_that_always_breaks_off_is_an_outage(store, pauses):
    store.write("small", b"content")
    store.client = _Breaking(store.client, 100, ERRORS[0])
    with pytest.raises(StoreUnavailableError, match="some/prefix/small"):
        list(store.read_pieces("small", 7))
    assert store.client.ranges == [None] * 4
    assert pauses == [1, 2, 4]


def test_a_large_file_is_put_in_parts_and_listed_as_one(store, s3, bucket, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(3 * PIECE + 7))
    store.write_file("large", path)
    assert s3.get(bucket, "some/prefix/large") == path.read_bytes()
    assert [(info.key, info.size) for info in store.list()] == [("large", path.stat().st_size)]
