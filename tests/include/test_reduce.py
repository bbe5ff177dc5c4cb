"""Reduce: from real log objects in a folder to rows, objects table and quarantine of one log day."""

import base64
import bz2
import gzip
import json
from collections import Counter
from datetime import date
from io import BytesIO
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from include.s3logs.checkpoint import fingerprint_of, load_checkpoint, open_days, read_output
from include.s3logs.errors import (
    AccessDeniedError,
    ChangedObjectError,
    MissingLogObjectsError,
    NotFoundError,
    TooManyRejectionsError,
    UnreadableObjectError,
)
from include.s3logs.log_objects import parse_key
from include.s3logs.reduce import SCHEMA, reduce_day, reduce_inputs
from include.s3logs.settings import Settings
from include.s3logs.sources import LogObject, find_log_objects
from include.s3logs.store import LocalStore

DAY = date(2024, 6, 1)
EXAMPLES = Path(__file__).parents[1] / "fixtures" / "examples" / "objects.jsonl"
CASES = [json.loads(text) for text in EXAMPLES.read_text().splitlines()]
GARBAGE = b"this is no record\n"
BROKEN_GZIP = b"\x1f\x8bzz"


def settings(**values):
    return Settings(_env_file=None, **values)


def line(key="a.txt", *, ip="192.0.2.10", status=200, sent=100, operation="REST.GET.OBJECT", request_id="R1"):
    return (
        f"owner reef [01/Jun/2024:10:00:00 +0000] {ip} - {request_id} {operation} {key} "
        f'"GET /x HTTP/1.1" {status} - {sent} 500 9 8 "-" "curl/8" -\n'
    ).encode()


def name(unique="A", day=DAY):
    return f"logs/{day}-11-00-00-{unique}"


class World:
    """A lake and one source, both folders."""

    def __init__(self, folder):
        self.lake = LocalStore(folder / "lake")
        self.stores = {"reef": LocalStore(folder / "reef")}

    def deliver(self, content, key=None, source="reef"):
        self.stores[source].write(key or name(), content)

    def remove(self, key=None, source="reef"):
        self.stores[source].delete([key or name()])

    def listing(self, day=DAY):
        return find_log_objects(self.stores, day, day)

    def reduce(self, *, listing=None, day=DAY, force=False, **values):
        listing = listing or self.listing(day)
        return reduce_day(self.lake, self.stores, day, listing, settings(**values), force=force)

    def text(self, checkpoint, role):
        return read_output(self.lake, checkpoint, role).decode("utf-8", "surrogateescape")

    def quarantine(self, checkpoint):
        return [json.loads(text) for text in self.text(checkpoint, "quarantine").splitlines()]

    def objects(self, checkpoint):
        header, *rows = (row.split("\t") for row in self.text(checkpoint, "objects").split("\n")[:-1])
        return [dict(zip(header, row, strict=True)) for row in rows]

    def rows(self, checkpoint):
        return pq.read_table(BytesIO(read_output(self.lake, checkpoint, "rows"))).to_pylist()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def assert_reconciled(world, checkpoint):
    counts = checkpoint.counts
    assert counts["lines"] == counts["records"] + counts["rejections"]
    assert counts["records"] == counts["reduced_rows"] + counts["filtered"] + counts["exact_duplicates"]
    rows, objects = world.rows(checkpoint), world.objects(checkpoint)
    assert counts["reduced_rows"] == len(rows)
    assert counts["bytes_sent"] == sum(row["bytes_sent"] for row in rows)
    assert counts["log_objects"] == len(objects)
    assert counts["lines"] == sum(int(row["lines"]) for row in objects)
    assert counts["rejections"] == sum(int(row["rejections"]) for row in objects)
    assert counts["rejections"] + counts["unreadable_objects"] == len(world.quarantine(checkpoint))


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


# Objects that cannot be read


class Forbidden(LocalStore):
    """A source one of whose objects may not be read; a folder cannot say so to root."""

    def read_pieces(self, key, size, etag=None):
        if key.endswith("-SECRET"):
            raise AccessDeniedError(f"{self.uri(key)} may not be read.")
        return super().read_pieces(key, size, etag)


@pytest.fixture(params=["corrupt", "gone", "forbidden"])
def unreadable(request, tmp_path):
    """A day with one good object and one that cannot be read: its world, name and listing."""
    world = World(tmp_path)
    world.stores["reef"] = Forbidden(tmp_path / "reef")
    bad = name("SECRET" if request.param == "forbidden" else "BAD")
    world.deliver(line(), name("GOOD"))
    world.deliver(BROKEN_GZIP if request.param == "corrupt" else line("b.txt"), bad)
    listing = world.listing()
    if request.param == "gone":
        world.remove(bad)
    return world, bad, listing


def test_an_unreadable_object_fails_the_day_by_name_and_leaves_it_open(unreadable):
    world, bad, listing = unreadable
    with pytest.raises(UnreadableObjectError) as error:
        world.reduce(listing=listing)
    assert world.stores["reef"].uri(bad) in str(error.value)
    assert "S3LOGS_ON_UNREADABLE=skip" in str(error.value)
    assert load_checkpoint(world.lake, "reduced", DAY) is None
    assert open_days(world.lake) == {str(DAY)}


def test_an_unreadable_object_can_be_skipped_and_is_counted_and_kept_in_quarantine(unreadable):
    world, bad, listing = unreadable
    checkpoint = world.reduce(listing=listing, on_unreadable="skip").checkpoint
    assert checkpoint.counts["unreadable_objects"] == 1
    assert checkpoint.counts["log_objects"] == 2
    assert [row["object_key"] for row in world.rows(checkpoint)] == ["a.txt"]
    (entry,) = world.quarantine(checkpoint)
    assert (entry["source"], entry["log_object"], entry["line_number"], entry["raw"]) == (
        "reef",
        bad,
        None,
        None,
    )
    assert entry["reason"].startswith("unreadable: ")
    assert_reconciled(world, checkpoint)


def test_an_object_with_half_its_gzip_content_adds_none_of_its_lines(world):
    packed = gzip.compress(b"".join(line(f"{n}.txt") for n in range(200)))
    world.deliver(packed[: len(packed) // 2])
    counts = world.reduce(on_unreadable="skip").checkpoint.counts
    assert (counts["lines"], counts["unreadable_objects"]) == (0, 1)


PIECE = 10_000  # instead of 8 MiB


@pytest.fixture
def small_pieces(monkeypatch):
    for module in ("store", "reading"):
        monkeypatch.setattr(f"include.s3logs.{module}.PIECE", PIECE)


def many(lines, start=0):
    """Lines that cannot be packed well."""
    return b"".join(line(Random(n).randbytes(100).hex()) for n in range(start, start + lines))


@pytest.mark.parametrize("on_unreadable", ["fail", "skip"])
def test_objects_of_many_pieces_give_the_same_bytes(world, small_pieces, monkeypatch, on_unreadable):
    world.deliver(b"\xef\xbb\xbf" + many(300), name("A"))
    world.deliver(gzip.compress(many(300, 300)) + gzip.compress(many(300, 600) + GARBAGE), name("B"))
    world.deliver(many(300, 800) + b"no end", name("C"))
    in_pieces = world.reduce(rejection_limit=1, on_unreadable=on_unreadable).checkpoint
    monkeypatch.undo()
    whole = world.reduce(rejection_limit=1, on_unreadable=on_unreadable, force=True).checkpoint
    assert max(int(row["size"]) for row in world.objects(whole)) > 5 * PIECE
    assert in_pieces.counts == whole.counts
    assert (whole.counts["records"], whole.counts["exact_duplicates"]) == (1200, 100)
    digests = [{role: file.sha256 for role, file in one.files.items()} for one in (in_pieces, whole)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(("packing", "pack"), [("gzip", gzip.compress), ("bzip2", bz2.compress)])
def test_nothing_of_a_large_object_that_is_corrupt_at_its_end_counts(world, small_pieces, packing, pack):
    """And none of its lines makes a duplicate of the same line elsewhere."""
    packed = pack(many(5000))
    assert len(packed) > 20 * PIECE
    world.deliver(line(), name("A"))
    world.deliver(packed[:-5], name("B"))
    world.deliver(many(10), name("C"))
    checkpoint = world.reduce(on_unreadable="skip").checkpoint
    counts = checkpoint.counts
    assert (counts["lines"], counts["unreadable_objects"], counts["exact_duplicates"]) == (11, 1, 0)
    (entry,) = world.quarantine(checkpoint)
    assert (entry["log_object"], entry["line_number"], entry["raw"]) == (name("B"), None, None)
    assert entry["reason"].startswith(f"unreadable: broken {packing} content ({len(packed) - 5} bytes)")
    assert_reconciled(world, checkpoint)
    with pytest.raises(UnreadableObjectError, match=name("B")):
        world.reduce()


class Vanishing(LocalStore):
    """A source whose objects are gone when their third piece is asked for."""

    def read_pieces(self, key, size, etag=None):
        for n, piece in enumerate(super().read_pieces(key, size, etag)):
            if n == 2:
                raise NotFoundError(f"{self.uri(key)} does not exist.")
            yield piece


@pytest.mark.parametrize("on_unreadable", ["fail", "skip"])
def test_an_object_that_vanishes_in_its_middle_fails_the_day(world, small_pieces, on_unreadable):
    """Skipping it is no longer possible: lines of it are counted."""
    world.stores["reef"] = Vanishing(world.stores["reef"].root)
    world.deliver(many(300))
    with pytest.raises(UnreadableObjectError, match=name()) as error:
        world.reduce(on_unreadable=on_unreadable)
    assert ("S3LOGS_ON_UNREADABLE=skip" in str(error.value)) == (on_unreadable == "fail")
    assert load_checkpoint(world.lake, "reduced", DAY) is None


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_what_never_ends_a_line_is_no_log_object(world, monkeypatch, pack):
    monkeypatch.setattr("include.s3logs.decompress.LONGEST_LINE", 1000)
    world.deliver(line(), name("A"))
    world.deliver(pack(b"\0" * 1001), name("B"))
    with pytest.raises(UnreadableObjectError, match="a line is longer than 1000 bytes"):
        world.reduce()
    if pack is gzip.compress:
        assert world.reduce(on_unreadable="skip").checkpoint.counts["lines"] == 1


def test_no_temporary_file_is_left_behind(world, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    world.deliver(line() + GARBAGE)
    with pytest.raises(TooManyRejectionsError):
        world.reduce()
    assert list((tmp_path / "temporary").iterdir()) == []
    world.reduce(rejection_limit=1)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_object_that_changed_after_it_was_listed_is_never_skipped_but_tried_again(world):
    world.deliver(line())
    listing = world.listing()
    world.deliver(line() + line("b.txt"))
    with pytest.raises(ChangedObjectError, match=name()):
        world.reduce(listing=listing, on_unreadable="skip")
    assert load_checkpoint(world.lake, "reduced", DAY) is None
    assert world.reduce(on_unreadable="skip").checkpoint.counts["reduced_rows"] == 2


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


def test_the_failure_shows_the_first_rejected_lines_with_object_line_number_and_reason(world):
    world.deliver(line() + b"first\n" + b"second\n", name("A"))
    world.deliver(b"third\nfourth\n", name("B"))
    with pytest.raises(TooManyRejectionsError) as error:
        world.reduce()
    shown = str(error.value).split("\n")[1:]
    assert [row.split(":")[0].strip() for row in shown] == [
        f"{name('A')} line 2",
        f"{name('A')} line 3",
        f"{name('B')} line 1",
    ]
    assert [any(word in row for row in shown) for word in ("first", "second", "third", "fourth")] == [
        True,
        True,
        True,
        False,
    ]
    assert all("header fields malformed" in row for row in shown)
    assert "S3LOGS_REJECTION_LIMIT=0.05" in str(error.value)


def test_the_failure_shows_no_request_uri_because_it_may_hold_a_signature(world):
    head = line().split(b'"GET')[0].replace(b"owner", b"o" * 64)
    world.deliver(head + b'"GET /a.txt?X-Amz-Signature=5ec4e7 HTTP/1.1" no status\n')
    with pytest.raises(TooManyRejectionsError) as error:
        world.reduce()
    assert "5ec4e7" not in str(error.value)


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


# Log objects that are gone after the day was done


def test_when_log_objects_are_only_gone_the_old_result_stays(world):
    world.deliver(line("a.txt"), name("A"))
    world.deliver(line("b.txt"), name("B"))
    before = world.reduce().checkpoint
    world.remove(name("A"))
    outcome = world.reduce()
    assert outcome.reused
    assert outcome.checkpoint == before == load_checkpoint(world.lake, "reduced", DAY)
    world.remove(name("B"))
    assert world.reduce().checkpoint == before


def test_when_a_gone_log_object_is_back_late_ones_are_taken_up_with_it(world, tmp_path):
    world.deliver(line("a.txt"), name("A"))
    before = world.reduce().checkpoint
    away = (tmp_path / "reef" / name("A")).rename(tmp_path / "away")
    world.deliver(line("b.txt"), name("B"))
    assert_refused_and_unchanged(world, before, name("A"))
    away.rename(tmp_path / "reef" / name("A"))
    assert world.reduce().checkpoint.counts["reduced_rows"] == 2


def assert_refused_and_unchanged(world, before, gone, **values):
    with pytest.raises(MissingLogObjectsError) as error:
        world.reduce(**values)
    assert gone in str(error.value)
    assert str(DAY) in str(error.value)
    assert load_checkpoint(world.lake, "reduced", DAY) == before
    assert open_days(world.lake) == {str(DAY)}


def test_a_late_object_and_a_gone_one_are_an_error_that_keeps_the_old_result_and_opens_the_day(world):
    world.deliver(line("a.txt"), name("A"))
    before = world.reduce().checkpoint
    world.lake.delete([f"open/{DAY}"])  # as the last stage does
    world.remove(name("A"))
    world.deliver(line("b.txt"), name("B"))
    assert_refused_and_unchanged(world, before, name("A"))


def test_other_settings_and_a_gone_object_are_an_error(world):
    world.deliver(line("a.txt"), name("A"))
    world.deliver(line("b.txt"), name("B"))
    before = world.reduce().checkpoint
    world.remove(name("A"))
    assert_refused_and_unchanged(world, before, name("A"), operations="REST.HEAD.OBJECT")


def test_a_grown_object_and_a_gone_one_are_an_error(world):
    """The grown object's new requests may not be passed over as if the day only had lost something."""
    world.deliver(line("a.txt"), name("A"))
    world.deliver(line("b.txt"), name("B"))
    before = world.reduce().checkpoint
    world.remove(name("A"))
    world.deliver(line("b.txt") + line("c.txt"), name("B"))
    assert_refused_and_unchanged(world, before, name("A"))


def test_an_object_gone_from_one_source_is_noticed_when_another_source_has_one_of_that_name(world, tmp_path):
    world.stores["kelp"] = LocalStore(tmp_path / "kelp")
    world.deliver(line("reef.txt"), "2024/06/01.log", "reef")
    world.deliver(line("kelp.txt"), "2024/06/01.log", "kelp")
    before = world.reduce().checkpoint
    world.remove("2024/06/01.log", "kelp")
    outcome = world.reduce()
    assert outcome.reused
    assert outcome.checkpoint == before


def test_with_force_a_day_goes_on_without_the_objects_that_are_gone(world):
    world.deliver(line("a.txt"), name("A"))
    world.reduce()
    world.remove(name("A"))
    world.deliver(line("b.txt"), name("B"))
    outcome = world.reduce(force=True)
    assert not outcome.reused
    assert [row["object_key"] for row in world.rows(outcome.checkpoint)] == ["b.txt"]
    assert world.reduce().reused


def test_with_force_a_day_that_only_lost_objects_is_computed(world):
    world.deliver(line("a.txt"), name("A"))
    world.deliver(line("b.txt"), name("B"))
    world.reduce()
    world.remove(name("A"))
    outcome = world.reduce(force=True)
    assert not outcome.reused
    assert [row["object_key"] for row in world.rows(outcome.checkpoint)] == ["b.txt"]


# What makes a day stale


def test_late_and_grown_objects_make_the_day_stale(world):
    world.deliver(line("a.txt"), name("A"))
    world.reduce()
    assert world.reduce().reused
    world.deliver(line("b.txt"), name("B"))
    late = world.reduce()
    assert (late.reused, late.checkpoint.counts["reduced_rows"]) == (False, 2)
    world.deliver(line("a.txt") + line("c.txt"), name("A"))
    grown = world.reduce()
    assert (grown.reused, grown.checkpoint.counts["reduced_rows"]) == (False, 3)
    assert len({late.checkpoint.fingerprint, grown.checkpoint.fingerprint}) == 2


OBJECTS = [LogObject("reef", "2024-06-01-11-00-00-A", 10, "e1")]


def fingerprint(objects=OBJECTS, **values):
    return fingerprint_of(reduce_inputs(objects, settings(**values)))


@pytest.mark.parametrize(
    "values",
    [
        {"operations": "REST.HEAD.OBJECT"},
        {"operations": "REST.GET.OBJECT,REST.HEAD.OBJECT"},
        {"excluded_ips": "192.0.2.7"},
        {"rejection_limit": 0.06},
        {"on_unreadable": "skip"},
    ],
    ids=str,
)
def test_a_setting_that_changes_the_result_changes_the_fingerprint(values):
    assert fingerprint(**values) != fingerprint()


@pytest.mark.parametrize(
    "values",
    [
        {"mask_below": 7},
        {"round_to": 3},
        {"settling_days": 99},
        {"sources": "/other"},
        {"lake": "/other"},
        {"catalog": "/other.csv"},
        {"aws_conn_id": "other"},
    ],
    ids=str,
)
def test_a_setting_that_does_not_change_the_result_leaves_the_fingerprint(values):
    assert fingerprint(**values) == fingerprint()


def test_the_order_in_which_settings_name_things_does_not_matter():
    assert fingerprint(operations="A.B,C.D") == fingerprint(operations="C.D,A.B")
    assert fingerprint(excluded_ips="192.0.2.7,192.0.2.8") == fingerprint(excluded_ips="192.0.2.8,192.0.2.7")


@pytest.mark.parametrize("change", [{"key": "2024-06-01-11-00-00-B"}, {"size": 11}, {"etag": "e2"}], ids=str)
def test_another_key_size_or_etag_of_a_log_object_changes_the_fingerprint(change):
    assert fingerprint([OBJECTS[0]._replace(**change)]) != fingerprint()
