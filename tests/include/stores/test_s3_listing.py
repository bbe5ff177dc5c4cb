"""Listings that are parsed here give what boto3 alone would give, and leave to it what looks different."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from include.s3logs.errors import AccessDeniedError, StoreUnavailableError
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.store import ObjectInfo
from tests.support.s3_server import S3Server

ENTRY = (
    "<Contents><Key>{}</Key><LastModified>2026-10-21T11:16:03.000Z</LastModified>"
    "<ETag>&quot;abc&quot;</ETag><Size>5</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
PAGE = "<ListBucketResult{}><Name>b</Name><IsTruncated>false</IsTruncated>{}</ListBucketResult>"
XMLNS = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@contextmanager
def answering(body, status=200):
    """An endpoint that gives every request this answer."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield S3Server(f"http://127.0.0.1:{server.server_port}").client
        finally:
            server.shutdown()


@pytest.mark.parametrize("prefix", ["", "a", "odd/", "nothing/"])
def test_listings_are_those_of_boto3(s3, bucket, prefix):
    odd = ["odd/ü %20+&amp;<>\"'", "odd/x%2Fy", "odd/tab\tnul\x01", "odd/]]>", "odd/ "]
    names = [*odd, *(f"a{n:04}" for n in range(1001))]
    for key in names:
        s3.put(bucket, key, key.encode())
    found = list(S3Store(S3Server(s3.endpoint).client, bucket).list(prefix))
    alone = S3Server(s3.endpoint).client.get_paginator("list_objects_v2")
    slow = [
        ObjectInfo(entry["Key"], entry["Size"], entry["ETag"].strip('"'), entry["LastModified"])
        for page in alone.paginate(Bucket=bucket, Prefix=prefix)
        for entry in page.get("Contents", [])
    ]
    assert found == slow
    assert [info.key for info in found] == sorted(key for key in names if key.startswith(prefix))


@pytest.mark.parametrize("namespace", [XMLNS, ""])
def test_entries_are_found_with_and_without_a_namespace(namespace):
    entries = "".join(ENTRY.format(key) for key in ("a", "b%2Fc &amp; d"))
    with answering(PAGE.format(namespace, entries).encode()) as client:
        found = list(S3Store(client, "bucket").list())
    assert [(info.key, info.size, info.etag) for info in found] == [("a", 5, "abc"), ("b%2Fc & d", 5, "abc")]
    assert str(found[0].modified) == "2026-10-21 11:16:03+00:00"


def test_what_boto3_says_of_an_entry_that_looks_different_counts():
    entry = ENTRY.format("a").replace("2026-10-21T11:16:03.000Z", "Wed, 21 Oct 2026 11:16:03 GMT")
    with answering(PAGE.format(XMLNS, entry).encode()) as client:
        (found,) = S3Store(client, "bucket").list()
    assert (found.key, str(found.modified)) == ("a", "2026-10-21 11:16:03+00:00")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"<ListBucketResult", StoreUnavailableError),
        (200, b"<html><body>Welcome!</body>", StoreUnavailableError),
        (403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>", AccessDeniedError),
    ],
)
def test_answers_that_are_no_listing_are_errors(status, body, error):
    with answering(body, status) as client, pytest.raises(error):
        list(S3Store(client, "bucket").list())
