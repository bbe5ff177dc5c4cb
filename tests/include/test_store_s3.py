import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from include.s3logs.errors import (
    AccessDeniedError,
    ChangedObjectError,
    NotFoundError,
    PermanentError,
    StoreUnavailableError,
)
from include.s3logs.store_s3 import S3Store


@pytest.fixture
def store(s3, bucket):
    return S3Store(s3.client, bucket, "some/prefix/")


def test_writes_lists_reads_and_deletes(store, s3, bucket):
    for key in ("a/b", "a-b", "ab", "caf\u00e9 %20+.txt"):
        store.write(key, key.encode())
    # This server sorts by path segment (a/b before a-b), AWS by bytes: nothing may depend on which.
    assert {info.key for info in store.list()} == {"a-b", "a/b", "ab", "caf\u00e9 %20+.txt"}
    assert [info.key for info in store.list("a", start_after="a-b")][-1:] == ["ab"]
    assert store.read("caf\u00e9 %20+.txt") == "caf\u00e9 %20+.txt".encode()
    store.delete(["a/b", "not there"])
    assert s3.keys(bucket) == ["some/prefix/a-b", "some/prefix/ab", "some/prefix/caf\u00e9 %20+.txt"]


def test_listing_pages_through_thousands(store):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: store.write(f"{n:05}", b""), range(1200)))
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
        status = {"slow-down": 503, "broken": 500, "too-many": 429, "hangs": 500, "odd": 400}[kind]
        code = {"slow-down": "SlowDown", "odd": "InvalidArgument"}.get(kind, "InternalError")
        body = f"<Error><Code>{code}</Code><Message>{kind}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def troubled():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Troubled)
    server.released = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield S3Store(_client(f"http://127.0.0.1:{server.server_port}"), "bucket")
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ["slow-down", "broken", "too-many", "hangs", "cut"])
def test_what_can_heal_is_worth_another_attempt(troubled, kind):
    with pytest.raises(StoreUnavailableError, match=f"s3://bucket/{kind}"):
        troubled.read(kind)


def test_a_request_the_server_refuses_as_wrong_is_permanent(troubled):
    with pytest.raises(PermanentError, match="InvalidArgument"):
        troubled.read("odd")
