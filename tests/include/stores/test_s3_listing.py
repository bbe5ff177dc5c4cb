"""Listings that are parsed here give what boto3 alone would give, and leave to it what looks different."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import starmap
from threading import Thread
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.errors import AccessDeniedError, StoreUnavailableError
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.s3_listing import list_fast
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


VALUES = [
    "a/b",
    "%2F",
    "ü",
    "x&amp;y",
    "&lt;Contents&gt;",
    "&#13;",
    "a\tb",
    " ",
    "",
    "Contents",
    "&bad;",
    "5",
    "0x5",
]
VALUES += [
    "&quot;abc&quot;",
    '"abc"',
    "&#34;abc&#34;",
    "abc",
    '"',
    "2026-10-21T11:16:03.000Z",
    "2026-13-21T00:00:00Z",
]
VALUES += ["<![CDATA[a]]>", "<b>c</b>", "9" * 30, "\x01"]
NAMES = ["Key", "LastModified", "ETag", "Size"]
CHILD = st.sampled_from([*NAMES, "StorageClass", "ChecksumType", "Owner", "keys"])
USUAL = dict(zip(NAMES, ["a/b", "2026-10-21T11:16:03.000Z", "&quot;abc&quot;", "5"], strict=True))


DECLARED = '<?xml version="1.0" encoding="{}"?>\n'


def child(name, value):
    return f"<{name}>{value}</{name}>"


def taken(body):
    """What of an answer reaches boto3, and what is there already."""

    class Events:
        def register(self, event, handler, unique_id):
            self.handler = handler

    events, found = Events(), {}
    list_fast(SimpleNamespace(meta=SimpleNamespace(events=events)))
    events.handler(response := {"status_code": 200, "body": body}, found)
    return found, None if response["body"] == body else response["body"]


@given(
    st.lists(
        st.permutations(NAMES).map(lambda names: {name: USUAL[name] for name in names})
        | st.dictionaries(CHILD, st.sampled_from(VALUES)).map(lambda others: USUAL | others),
        max_size=3,
    ),
    st.sampled_from(
        ["", '<?xml version="1.0" encoding="UTF-8"?>\n', '<?xml version="1.0" encoding="latin-1"?>']
    ),
    st.sampled_from([XMLNS, ""]),
    st.sampled_from(["", "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>", "<Contents/>", "<Open>"]),
)
def test_entries_that_are_read_as_text_are_those_of_an_xml_parser(entries, start, space, end):
    contents = "".join(child("Contents", "".join(starmap(child, entry.items()))) for entry in entries)
    body = f"{start}<ListBucketResult{space}>{contents}{end}</ListBucketResult>".encode()
    found, rest = taken(body)
    slow, _ = taken(body + b"<!-- -->")  # with a comment nothing is read as text
    for entry in [*found.get("Contents", []), *slow.get("Contents", [])]:
        entry["ETag"] = entry["ETag"].strip('"')
    assert found == slow
    assert rest is None or b"Contents" not in rest


def test_what_is_read_as_text_is_parsed_by_nobody():
    seen = []
    with answering(PAGE.format(XMLNS, ENTRY.format("a")).encode()) as client:
        store = S3Store(client, "bucket")
        client.meta.events.register_first(
            "before-parse.s3.*", lambda response_dict, **_: seen.append(response_dict["body"])
        )
        assert [info.key for info in store.list()] == ["a"]
    (body,) = seen
    assert b"ListBucketResult" in body
    assert b"Contents" not in body


def page(*keys, end="<IsTruncated>false</IsTruncated>", count=None, name="ListBucketResult"):
    counted = "" if count is None else f"<KeyCount>{count}</KeyCount>"
    entries = "".join(map(ENTRY.format, keys))
    return f"<{name}{XMLNS}><Name>b</Name>{counted}{end}{entries}</{name}>".encode()


NO_LISTINGS = {
    "nothing": (b"", "it is no listing"),
    "cut": (b"<ListBucketResult", ""),
    "html": (b"<html><body>Welcome!</body>", ""),
    "html that is xml": (b"<html><body>Welcome!</body></html>", "it is no listing"),
    "an error": (b"<Error><Code>InternalError</Code></Error>", "it is no listing|InternalError"),
    "of buckets": (page(name="ListAllMyBucketsResult"), "it is no listing"),
    "fewer entries": (page("in/b", count=13), "it counts 13 keys and has 1"),
    "more entries": (page("in/b", "in/c", count=1), "it counts 1 keys and has 2"),
    "no count": (page("in/b", count="many"), "many"),
    "no token": (page("in/b", end="<IsTruncated>true</IsTruncated>"), "how to go on"),
    "not said": (page("in/b", end="<NextContinuationToken>t</NextContinuationToken>"), "how to go on"),
    "another word": (page("in/b", end="<IsTruncated>True</IsTruncated>"), "it is no listing"),
    "outside": (page("in/b", "out/c"), "'out/c' does not begin with 'in/'"),
    "before": (page("in/b", "in/a"), "'in/a' does not come after 'in/a'"),
}


@pytest.mark.parametrize(("body", "why"), NO_LISTINGS.values(), ids=NO_LISTINGS)
def test_answers_that_are_no_listing_are_errors(body, why):
    with (
        answering(body) as client,
        pytest.raises(StoreUnavailableError, match=f"(?s)s3://bucket/in/.*({why})"),
    ):
        list(S3Store(client, "bucket", "in/").list(start_after="a"))


def test_folders_that_were_not_asked_for_are_no_listing():
    folder = "<CommonPrefixes><Prefix>out/</Prefix></CommonPrefixes>"
    with (
        answering(page("in/b", end=folder)) as client,
        pytest.raises(StoreUnavailableError, match="'out/' does not begin with 'in/'"),
    ):
        list(S3Store(client, "bucket", "in/").list_folder(""))


GOOD = {
    "no count": page("in/b", "in/c"),
    "counted": page("in/b", "in/c", count=2),
    "not truncated is not said": page("in/b", "in/c", end=""),
    "a token that is not needed": page(
        "in/b", "in/c", end="<IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    ),
}


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD)
def test_what_servers_leave_out_is_no_error(body):
    with answering(body) as client:
        found = S3Store(client, "bucket", "in/").list(start_after="a")
        assert [info.key for info in found] == ["b", "c"]


def test_a_server_that_sorts_by_path_segment_is_heard():
    with answering(page("a/b", "a-b")) as client:  # a-b comes before a/a by its bytes
        assert len(list(S3Store(client, "bucket").list(start_after="a/a"))) == 2


def test_a_refusal_is_told_as_one():
    refusal = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    with answering(refusal, 403) as client, pytest.raises(AccessDeniedError):
        list(S3Store(client, "bucket").list())
