"""Objects come through libcurl where it can, and through boto3 where it cannot: always the same."""

import logging
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, repeat

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from include.s3logs.errors import (
    AccessDeniedError,
    ChangedObjectError,
    NotFoundError,
    StoreUnavailableError,
)
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.s3_reader import FastReader
from include.s3logs.stores.store import PIECE
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY


class Counting:
    """A boto3 client that counts how often it is asked for an object."""

    def __init__(self, client):
        self.client, self.gets = client, 0

    def __getattr__(self, name):
        return getattr(self.client, name)

    def get_object(self, **request):
        self.gets += 1
        return self.client.get_object(**request)


@pytest.fixture
def store(s3, bucket):
    return S3Store(Counting(s3.client), bucket, "some/prefix/", Credentials(ACCESS_KEY, SECRET_KEY))


@pytest.mark.parametrize("size", [0, 1, PIECE, 2 * PIECE + 5])
def test_objects_and_pieces_come_without_boto3(store, tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    store.write_file("a", tmp_path / "file")
    info = store.find("a")
    for etag in (info.etag, None):
        assert store.read("a", etag) == content
        assert b"".join(store.read_pieces("a", size, etag)) == content
    assert store.client.gets == 0


@pytest.mark.parametrize("key", ["nul\x01", "caf\u00e9 %20+~#?&=", "*[x]^{}\"<>\\|`'", "a/.b/c..", " "])
def test_every_key_is_the_same_key_for_both(store, key):
    store.write(key, b"content of " + key.encode())
    info = store.find(key)
    assert store.read(key, info.etag) == b"content of " + key.encode()
    assert b"".join(store.read_pieces(key, info.size)) == store.read(key)


@pytest.mark.parametrize("key", ["x//y", "tail/", "nul\x01"])
def test_what_libcurl_would_take_for_another_key_is_for_boto3(store, key):
    store.write("x/y", b"another key, for AWS")
    store.write(key, b"")
    store.read(key)
    assert store.client.gets == 1


def test_a_prefix_that_begins_with_a_slash_is_not_tidied_up(s3, bucket):
    store = S3Store(Counting(s3.client), bucket, "/", Credentials(ACCESS_KEY, SECRET_KEY))
    store.write("a", b"1")
    store.read("a")
    assert store.client.gets == 1


def test_errors_are_those_of_boto3_and_do_not_end_the_fast_reading(store, s3, bucket):
    store.write("a", b"before")
    info = store.find("a")
    with pytest.raises(NotFoundError, match="some/prefix/nothing"):
        store.read("nothing")
    store.write("a", b"another")
    for read in (
        lambda: store.read("a", info.etag),
        lambda: next(store.read_pieces("a", info.size, info.etag)),
    ):
        with pytest.raises(ChangedObjectError, match="some/prefix/a changed"):
            read()
    for size in (6, 8, PIECE + 1):
        with pytest.raises(ChangedObjectError, match="some/prefix/a changed"):
            list(store.read_pieces("a", size))
    asked = store.client.gets
    assert store.read("a") == b"another"
    assert store.client.gets == asked


def test_wrong_credentials_are_told_as_ever(s3, bucket):
    client = boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        aws_access_key_id="nobody",
        aws_secret_access_key="wrong",
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    with pytest.raises(AccessDeniedError, match="may not be accessed"):
        S3Store(client, bucket, credentials=Credentials("nobody", "wrong")).read("a")


def test_where_libcurl_gets_nowhere_boto3_goes_on_alone(store, s3, caplog):
    nowhere = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    store.write("a", b"content")
    lost = S3Store(nowhere, store.bucket, store.prefix, Credentials("x", "x"))
    with pytest.raises(StoreUnavailableError):
        lost.read("a")
    lost.client = Counting(s3.client)
    with caplog.at_level(logging.INFO):
        assert lost.read("a") == b"content"
    assert lost.client.gets == 1
    assert "x" * 3 not in caplog.text


def test_credentials_are_asked_for_again(s3, bucket):
    """Those of a role end; boto3's session renews them."""

    class Renewed(Credentials):
        asked = 0

        def get_frozen_credentials(self):
            self.asked += 1
            return super().get_frozen_credentials()

    credentials = Renewed(ACCESS_KEY, SECRET_KEY)
    store = S3Store(s3.client, bucket, credentials=credentials)
    store.write("a", b"1")
    assert store.read("a") == b"1"
    assert credentials.asked == 1


@contextmanager
def answering(statuses, body=b"", announced=None):
    """A reader of a server that answers with these statuses in turn, and the headers of the requests."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers)
            self.send_response(next(statuses))
            self.send_header("Content-Length", str(len(body) if announced is None else announced))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{server.server_port}", region_name="eu-west-1"
    )
    try:
        yield FastReader(client, "reef", Credentials("key", "secret-key", "session-token")), asked
    finally:
        server.shutdown()
        server.server_close()


def test_the_token_of_a_role_is_sent_and_signed_and_the_secret_is_not_sent():
    with answering(repeat(200), b"content") as (reader, asked):
        assert reader.read("a", "etag") == b"content"
    (headers,) = asked
    assert headers["x-amz-security-token"] == "session-token"
    signed = re.search("SignedHeaders=([^,]+)", headers["Authorization"])[1].split(";")
    assert {"host", "x-amz-security-token", "x-amz-content-sha256", "x-amz-date"} <= {*signed}
    assert "/eu-west-1/s3/aws4_request" in headers["Authorization"]
    assert "secret-key" not in str(headers)


@pytest.mark.parametrize("status", [307, 400, 403, 500, 503])
def test_what_is_not_about_the_object_is_left_to_boto3_and_after_a_few_times_everything(status):
    with answering(repeat(status), b"<Error/>") as (reader, asked):
        assert [reader.read("a") for _ in range(10)] == [None] * 10
    assert len(asked) == 3


def test_single_errors_do_not_end_the_fast_reading():
    with answering(cycle([500, 503, 200]), b"content") as (reader, asked):
        assert [reader.read("a") for _ in range(9)] == [None, None, b"content"] * 3
    assert len(asked) == 9


def test_an_answer_that_breaks_off_is_none():
    with answering(repeat(200), b"half", announced=8) as (reader, _):
        assert reader.read("a") is None


def test_a_whole_object_is_no_piece_of_it():
    with answering(repeat(200), b"all of it") as (reader, _):
        assert reader.read("a", None, (0, 3)) is None


def test_threads_read_at_the_same_time_over_connections_that_stay(store):
    contents = {f"{n}": os.urandom(1000 + n) for n in range(200)}
    store.write_many(contents)
    for _ in range(2):
        with ThreadPoolExecutor(16) as pool:
            assert dict(zip(contents, pool.map(store.read, contents), strict=True)) == contents
    assert store.client.gets == 0
