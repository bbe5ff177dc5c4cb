"""Reduce: from real log objects in a folder to rows, objects table and quarantine of one log day."""

import base64
import gzip
import json
from collections import Counter
from datetime import date
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from include.s3logs.errors import (
    TooManyRejectionsError,
    UnreadableObjectError,
)
from include.s3logs.lake.checkpoint import load_checkpoint, read_output
from include.s3logs.logs.names import parse_key
from include.s3logs.stages.reduce import SCHEMA
from tests.support.paths import EXAMPLES
from tests.support.reduce_world import (
    BROKEN_GZIP,
    DAY,
    GARBAGE,
    World,
    assert_reconciled,
    line,
    name,
)

CASES = [json.loads(text) for text in (EXAMPLES / "objects.jsonl").read_text().splitlines()]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


# The example objects, each as a log day of its own


@pytest.mark.parametrize(
    "case", [c for c in CASES if not c["expected"]["file_error"]], ids=lambda case: case["id"]
)
def test_an_example_object_gives_the_expected_day(world, case):
    expected, day = case["expected"], parse_key(case["object_name"]).day
    world.deliver(base64.b64decode(case["content_b64"]), case["object_name"])
    checkpoint = world.reduce(day=day, rejection_limit=1.0).checkpoint
    counts, rows = checkpoint.counts, world.rows(checkpoint)
    by_event_day = Counter()
    for row in rows:
        by_event_day[str(row["timestamp"].date())] += row["bytes_sent"]
    assert {
        "file_error": False,
        "parsed": counts["records"],
        "rejected": counts["rejections"],
        "distinct": counts["records"] - counts["exact_duplicates"],
        "reduced_rows": len(rows),
        "bytes_sent": counts["bytes_sent"],
        "downloads": sum(row["http_status"] == 200 for row in rows),
        "bytes_by_event_day": dict(by_event_day),
    } == {k: v for k, v in expected.items() if k not in ("blank", "source_regions")}
    assert_reconciled(world, checkpoint)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["expected"]["file_error"]], ids=lambda case: case["id"]
)
def test_an_example_object_that_cannot_be_unpacked_fails_its_day_by_name(world, case):
    world.deliver(base64.b64decode(case["content_b64"]), case["object_name"])
    with pytest.raises(UnreadableObjectError, match=case["object_name"]):
        world.reduce(day=parse_key(case["object_name"]).day, rejection_limit=1.0)


def test_the_examples_hold_both_kinds():
    assert {c["expected"]["file_error"] for c in CASES} == {True, False}


# Rejections


@pytest.mark.parametrize(
    ("rejections", "lines", "limit"), [(0, 3, 0), (1, 20, 0.05), (3, 3, 1), (29, 100, 0.29)]
)
def test_a_day_exactly_at_the_rejection_limit_passes(world, rejections, lines, limit):
    world.deliver(line() * (lines - rejections) + GARBAGE * rejections)
    assert world.reduce(rejection_limit=limit).checkpoint.counts["rejections"] == rejections


@pytest.mark.parametrize(("rejections", "lines", "limit"), [(1, 3, 0), (2, 20, 0.05), (1, 19, 0.05)])
def test_a_day_above_the_rejection_limit_fails(world, rejections, lines, limit):
    world.deliver(line() * (lines - rejections) + GARBAGE * rejections)
    with pytest.raises(TooManyRejectionsError, match=f"{rejections} of {lines} lines of log day {DAY}"):
        world.reduce(rejection_limit=limit)
    assert load_checkpoint(world.lake, "reduced", DAY) is None


def test_the_failure_says_where_the_first_rejected_lines_are_and_why(world):
    world.deliver(line() + b"first\n" + b"second\n", name("A"))
    world.deliver(b"third\nfourth\n", name("B"))
    with pytest.raises(TooManyRejectionsError) as error:
        world.reduce()
    assert str(error.value).split("\n")[1:] == [
        f"  {name('A')} line 2: header fields malformed",
        f"  {name('A')} line 3: header fields malformed",
        f"  {name('B')} line 1: header fields malformed",
    ]
    assert "S3LOGS_REJECTION_LIMIT=0.05" in str(error.value)


@pytest.mark.parametrize(
    "torn",
    [
        b"ignature=5ec4e7 HTTP/1.1",
        b"?session=5ec4e7 HTTP/1.1",
        b"198.51.100.77 - 5ec4e7",
        b"5ec4e7",
        line().replace(b"owner", b"5ec4e7")[:60],
        line().split(b'"GET')[0] + b'"GET /a.txt?x-amz-signature=5ec4e7 HTTP/1.1" no status',
    ],
)
def test_the_failure_shows_nothing_of_a_line(world, torn):
    world.deliver(torn + b"\n")
    with pytest.raises(TooManyRejectionsError) as error:
        world.reduce()
    assert "5ec4e7" not in str(error.value)
    assert "198.51.100.77" not in str(error.value)


RAW = [
    b"plain garbage",
    b"\xff\xfe latin \xe9 and utf-8 caf\xc3\xa9",
    b"\x00\x01\x1b[31m control \x7f",
    b'quotes " and \\ and \\xff as text',
    b"\xed\xa0\x80 an encoded surrogate, \xe2\x80\xa8 a line separator, \x0b\x0c\x85",
]


def test_the_quarantine_gives_back_every_raw_byte(world):
    world.deliver(b"\r\n".join([*RAW, line()]))
    checkpoint = world.reduce(rejection_limit=1).checkpoint
    entries = world.quarantine(checkpoint)
    assert [entry["raw"].encode("utf-8", "surrogateescape") for entry in entries] == RAW
    assert [entry["line_number"] for entry in entries] == [1, 2, 3, 4, 5]
    assert {entry["log_object"] for entry in entries} == {name()}
    assert {entry["reason"] for entry in entries} == {"header fields malformed"}


# Which rows there are


def test_the_same_bytes_in_two_objects_are_one_record(world):
    world.deliver(line() + line("b.txt"), name("A"))
    world.deliver(line().rstrip(b"\n") + b"\r\n", name("B"))
    checkpoint = world.reduce().checkpoint
    assert checkpoint.counts["exact_duplicates"] == 1
    assert [row["object_key"] for row in world.rows(checkpoint)] == ["a.txt", "b.txt"]
    assert_reconciled(world, checkpoint)


def test_a_repeated_record_that_is_not_counted_is_a_duplicate_too(world):
    world.deliver(line(status=403) * 3)
    counts = world.reduce().checkpoint.counts
    assert (counts["filtered"], counts["exact_duplicates"], counts["reduced_rows"]) == (1, 2, 0)


def test_records_that_share_a_request_id_are_all_kept(world):
    world.deliver(line("a.txt", request_id="R7") + line("b.txt", request_id="R7") + line(request_id="R8"))
    checkpoint = world.reduce().checkpoint
    assert checkpoint.counts["exact_duplicates"] == 0
    assert sorted(row["object_key"] for row in world.rows(checkpoint)) == ["a.txt", "a.txt", "b.txt"]


def test_only_statuses_200_to_299_count(world):
    statuses = [100, 199, 200, 206, 299, 300, 304, 403, 500, "-"]
    world.deliver(b"".join(line(status=status) for status in statuses))
    checkpoint = world.reduce().checkpoint
    assert [row["http_status"] for row in world.rows(checkpoint)] == [200, 206, 299]
    assert_reconciled(world, checkpoint)


@pytest.mark.parametrize(
    ("operations", "kept"),
    [
        ("REST.GET.OBJECT", ["get"]),
        ("REST.HEAD.OBJECT", ["head"]),
        ("REST.COPY.PART,REST.GET.OBJECT", ["get", "copy"]),
    ],
)
def test_only_the_chosen_operations_count(world, operations, kept):
    world.deliver(
        line("get")
        + line("head", operation="REST.HEAD.OBJECT")
        + line("copy", operation="REST.COPY.PART")
        + line("like", operation="REST.GET.OBJECT_TAGGING")
    )
    checkpoint = world.reduce(operations=operations).checkpoint
    assert [row["object_key"] for row in world.rows(checkpoint)] == kept


@pytest.mark.parametrize(
    ("excluded", "kept"),
    [
        ("192.0.2.7", ["192.0.2.8", "198.51.100.1", "2001:db8::1", "2001:db9::1", None]),
        ("192.0.2.0/24", ["198.51.100.1", "2001:db8::1", "2001:db9::1", None]),
        ("192.0.2.99/24", ["198.51.100.1", "2001:db8::1", "2001:db9::1", None]),
        ("2001:db8::/32", ["192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db9::1", None]),
        ("2001:0DB8:0::0001, 192.0.2.0/31", ["192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db9::1", None]),
        ("0.0.0.0/0,::/0", [None]),
    ],
)
def test_excluded_addresses_and_networks_do_not_count(world, excluded, kept):
    ips = ["192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db8::1", "2001:db9::1", "-"]
    world.deliver(b"".join(line(ip=ip) for ip in ips))
    checkpoint = world.reduce(excluded_ips=excluded).checkpoint
    assert [row["remote_ip"] for row in world.rows(checkpoint)] == kept
    assert checkpoint.counts["filtered"] == len(ips) - len(kept)
    assert checkpoint.counts["records"] == len(ips)


def test_a_row_holds_what_the_record_says(world):
    world.deliver(line("a.txt", sent="-", status=206))
    checkpoint = world.reduce().checkpoint
    (row,) = world.rows(checkpoint)
    assert row.pop("timestamp").isoformat() == "2024-06-01T10:00:00+00:00"
    assert row == {
        "remote_ip": "192.0.2.10",
        "bucket": "reef",
        "object_key": "a.txt",
        "bytes_sent": 0,
        "http_status": 206,
        "object_size": 500,
    }
    assert pq.read_schema(BytesIO(read_output(world.lake, checkpoint, "rows"))).names == SCHEMA.names


def test_object_keys_are_decoded_as_often_as_s3_encoded_them(world):
    keys = {
        "caf%25C3%25A9%2520menu.txt": "café menu.txt",
        "plain%2520text": "plain text",
        "once%20only": "once only",
        "a+b": "a+b",
        "..%252F..%252Fx": "../../x",
        "$(x)": "$(x)",
        "tab%2509and%250Anewline": "tab\tand\nnewline",
        "latin%25E9": "latin\\xe9",
        "-": None,
    }
    world.deliver(b"".join(map(line, keys)))
    assert [row["object_key"] for row in world.rows(world.reduce().checkpoint)] == list(keys.values())


def test_a_day_without_log_objects_is_an_empty_result_not_an_error(world):
    checkpoint = world.reduce().checkpoint
    assert set(checkpoint.counts.values()) == {0}
    assert world.rows(checkpoint) == []


def test_other_days_and_foreign_objects_stay_out_and_the_foreign_ones_are_counted(world):
    world.deliver(line("today"))
    world.deliver(line("tomorrow"), name(day=date(2024, 6, 2)))
    world.deliver(line("foreign"), "logs/readme.txt")
    checkpoint = world.reduce().checkpoint
    assert [row["object_key"] for row in world.rows(checkpoint)] == ["today"]
    assert checkpoint.counts["foreign_objects"] == 1


# The table of log objects


def test_any_name_of_a_log_object_survives_in_the_objects_table(world):
    names = {
        f"tab\there/{DAY}-11-00-00-A": f"tab\\there/{DAY}-11-00-00-A",
        f"new\nline/{DAY}-11-00-00-B": f"new\\nline/{DAY}-11-00-00-B",
        f"back\\nslash/{DAY}-11-00-00-C": f"back\\\\nslash/{DAY}-11-00-00-C",
        f"cr\rcafé/{DAY}-11-00-00-D": f"cr\rcafé/{DAY}-11-00-00-D",
        f"\udcff-latin/{DAY}-11-00-00-E": f"\udcff-latin/{DAY}-11-00-00-E",
    }
    for key in names:
        world.deliver(line(request_id=f"R{len(key)}") + GARBAGE, key)
    checkpoint = world.reduce(rejection_limit=1).checkpoint
    objects = world.objects(checkpoint)
    assert {row["key"] for row in objects} == set(names.values())
    assert {(row["lines"], row["rejections"]) for row in objects} == {("2", "1")}
    assert {entry["log_object"] for entry in world.quarantine(checkpoint)} == set(names)
    assert world.reduce(rejection_limit=1).reused


def test_the_objects_table_says_what_each_object_was_and_held(world):
    world.deliver(line() + GARBAGE, name("A"))
    world.deliver(line() * 3, name("B"))
    listed = {o.key: o for o in world.listing().of(DAY)}
    rows = world.objects(world.reduce(rejection_limit=1).checkpoint)
    assert [(row["key"], row["lines"], row["rejections"]) for row in rows] == [
        (name("A"), "2", "1"),
        (name("B"), "3", "0"),
    ]
    for row in rows:
        known = listed[row["key"]]
        assert (row["source"], row["size"], row["etag"]) == (known.source, str(known.size), known.etag)


def test_the_counts_of_a_mixed_day_reconcile(world):
    world.deliver(line() + line() + GARBAGE + b"\n" + line(status=404), name("A"))
    world.deliver(gzip.compress(line() + line("b.txt", sent="-") + line(ip="203.0.113.5")), name("B"))
    world.deliver(BROKEN_GZIP, name("C"))
    checkpoint = world.reduce(
        rejection_limit=1, on_unreadable="skip", excluded_ips="203.0.113.0/24"
    ).checkpoint
    assert checkpoint.counts == {
        "log_objects": 3,
        "foreign_objects": 0,
        "unreadable_objects": 1,
        "lines": 7,
        "records": 6,
        "rejections": 1,
        "exact_duplicates": 2,
        "filtered": 2,
        "reduced_rows": 2,
        "bytes_sent": 100,
        "ambiguous": 0,
    }
    assert_reconciled(world, checkpoint)
