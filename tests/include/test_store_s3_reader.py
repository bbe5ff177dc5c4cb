"""Small objects come through obstore where it can, and through boto3 where it cannot: always the same."""

import logging
import os

import pytest
from botocore.credentials import Credentials

from include.s3logs.errors import (
    AccessDeniedError,
    ChangedObjectError,
    NotFoundError,
    StoreUnavailableError,
)
from include.s3logs.store import PIECE
from include.s3logs.store_s3 import S3Store
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
def test_what_obstore_would_take_for_another_key_is_for_boto3(store, key):
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
    import boto3
    from botocore.config import Config

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


def test_where_obstore_gets_nowhere_boto3_goes_on_alone(store, s3, caplog):
    import boto3
    from botocore.config import Config

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
