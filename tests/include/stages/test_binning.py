"""Bin: the rows of a reduced day, sorted by collapsed object key, and their totals."""

from collections import Counter
from dataclasses import replace
from datetime import date
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.s3logs.catalogs.zarr import collapse_zarr
from include.s3logs.errors import CorruptLakeError, ReconciliationError
from include.s3logs.lake.checkpoint import load_checkpoint, read_output
from include.s3logs.lake.pointer import named
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.support.one_day import bin_day, reduce_day

DAY = date(2024, 6, 1)
EVE = date(2024, 5, 31)


def line(key="a.txt", *, time="01/Jun/2024:10:00:00", ip="192.0.2.10", status=200, sent=100, size=500):
    return (
        f"owner reef [{time} +0000] {ip} - R1 REST.GET.OBJECT {key} "
        f'"GET /x HTTP/1.1" {status} - {sent} {size} 9 8 "-" "curl/8" -\n'
    ).encode()


DAY_OF_ALL_KINDS = [
    line("z.txt", sent=1),
    line("zarr/abc/0/0", sent=2),
    line("zarr/abc/.zmetadata", sent=3, status=206),
    line("zarr/abc/0/0", sent=4, time="31/May/2024:23:59:59"),
    line("a.txt", sent=5, time="31/May/2024:23:59:59", ip="203.0.113.9"),
    line("a.txt", sent=6, ip="2001:db8::1"),
    line("a.txt", sent=7, status=206),
    line("a.txt", sent=8, time="01/Jun/2024:00:00:00"),
    line("-", sent=9, ip="-"),
    line("-", sent=10),
]
TOTALS = [  # object key, event day, bytes, requests, downloads, millionths; what has no key comes last
    ("a.txt", EVE, 5, 1, 1, 10_000),
    ("a.txt", DAY, 21, 3, 2, 42_000),
    ("z.txt", DAY, 1, 1, 1, 2_000),
    ("zarr/abc", EVE, 4, 1, 1, 8_000),
    ("zarr/abc", DAY, 5, 2, 1, 10_000),
    (None, DAY, 19, 2, 2, 38_000),
]


class World:
    def __init__(self, folder):
        self.lake = LocalStore(folder / "lake")
        self.source = LocalStore(folder / "reef")

    def reduced(self, *contents):
        for number, content in enumerate(contents):
            self.source.write(f"{DAY}-11-00-00-{number}", content)
        stores = {"reef": self.source}
        listing = find_log_objects(stores, DAY, DAY)
        return reduce_day(self.lake, stores, DAY, listing, Settings(_env_file=None)).checkpoint

    def table(self, checkpoint, role):
        return pq.read_table(BytesIO(read_output(self.lake, checkpoint, role)))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.mark.parametrize(
    ("key", "collapsed"),
    [
        ("zarr/abc/0/0", "zarr/abc"),
        ("zarr/abc/.zattrs", "zarr/abc"),
        ("zarr/abc/", "zarr/abc"),
        ("zarr/abc", "zarr/abc"),
        ("zarr/abc/a\nb", "zarr/abc"),
        ("zarr/x\ny/0", "zarr/x\ny"),
        ("zarr/café/0", "zarr/café"),
        ("zarr//0", "zarr//0"),
        ("zarr/", "zarr/"),
        ("zarr", "zarr"),
        ("other/zarr/abc/0", "other/zarr/abc/0"),
        ("zarrs/abc/0", "zarrs/abc/0"),
        ("ZARR/abc/0", "ZARR/abc/0"),
        ("blobs/zar/r/abc", "blobs/zar/r/abc"),
        ("", ""),
        (None, None),
    ],
)
def test_chunks_of_a_zarr_collapse_to_its_id_and_other_keys_stay(key, collapsed):
    assert collapse_zarr(pa.array([key], pa.string())).to_pylist() == [collapsed]


def test_rows_in_are_rows_out_with_collapsed_keys_and_nothing_else_changed(world):
    reduced = world.reduced(b"".join(DAY_OF_ALL_KINDS))
    binned = bin_day(world.lake, reduced).checkpoint
    before, after = world.table(reduced, "rows"), world.table(binned, "rows")
    assert after.column_names == before.column_names
    expected = [{**row, "object_key": key_of(row["object_key"])} for row in before.to_pylist()]
    assert Counter(map(str, after.to_pylist())) == Counter(map(str, expected))
    assert binned.counts["rows"] == reduced.counts["reduced_rows"] == len(DAY_OF_ALL_KINDS)


def key_of(key):
    return "/".join(key.split("/")[:2]) if key and key.startswith("zarr/") else key


def test_rows_are_sorted_by_key_and_time_and_rows_without_a_key_come_last(world):
    binned = bin_day(world.lake, world.reduced(b"".join(reversed(DAY_OF_ALL_KINDS)))).checkpoint
    order = [(row["object_key"], row["timestamp"]) for row in world.table(binned, "rows").to_pylist()]
    with_key = [pair for pair in order if pair[0] is not None]
    assert len(with_key) == 8
    assert with_key == sorted(with_key)
    assert order[8:] == [(None, order[8][1]), (None, order[9][1])]


def test_totals_are_exact_by_key_and_event_day(world):
    binned = bin_day(world.lake, world.reduced(b"".join(DAY_OF_ALL_KINDS))).checkpoint
    totals = world.table(binned, "keys")
    assert totals.column_names == [
        "object_key",
        "event_day",
        "bytes_sent",
        "number_of_requests",
        "number_of_downloads",
        "normalized_downloads",
    ]
    assert [tuple(row.values()) for row in totals.to_pylist()] == TOTALS
    assert binned.counts == {"rows": 10, "object_keys": 4, "bytes_sent": 55, "downloads": 8}


def test_the_event_day_is_the_utc_day_of_the_request_not_the_log_day(world):
    content = line("late", time="31/May/2024:23:59:59") + line("early", time="01/Jun/2024:00:00:00")
    totals = world.table(bin_day(world.lake, world.reduced(content)).checkpoint, "keys")
    assert [(row["object_key"], row["event_day"]) for row in totals.to_pylist()] == [
        ("early", DAY),
        ("late", EVE),
    ]


def test_an_empty_day_is_binned_to_empty_tables(world):
    binned = bin_day(world.lake, world.reduced(b"")).checkpoint
    assert binned.counts == {"rows": 0, "object_keys": 0, "bytes_sent": 0, "downloads": 0}
    assert world.table(binned, "rows").num_rows == world.table(binned, "keys").num_rows == 0


def contents(world, checkpoint):
    return {role: read_output(world.lake, checkpoint, role) for role in checkpoint.files}


def test_binning_again_gives_the_same_bytes(world):
    reduced = world.reduced(b"".join(DAY_OF_ALL_KINDS))
    first, second = (bin_day(world.lake, reduced, force=True).checkpoint for _ in range(2))
    assert first.files["rows"].key != second.files["rows"].key
    assert contents(world, first) == contents(world, second)


def test_the_bytes_do_not_depend_on_which_log_object_held_which_record(tmp_path):
    one, many = World(tmp_path / "one"), World(tmp_path / "many")
    first = bin_day(one.lake, one.reduced(b"".join(DAY_OF_ALL_KINDS))).checkpoint
    second = bin_day(many.lake, many.reduced(*reversed(DAY_OF_ALL_KINDS))).checkpoint
    assert contents(one, first) == contents(many, second)


def test_an_unchanged_day_is_reused_and_a_changed_one_computed(world):
    reduced = world.reduced(line("a.txt"))
    first = bin_day(world.lake, reduced)
    again = bin_day(world.lake, reduced)
    assert (first.reused, again.reused) == (False, True)
    assert again.checkpoint == first.checkpoint
    changed = bin_day(world.lake, world.reduced(line("a.txt"), line("b.txt")))
    assert (changed.reused, changed.checkpoint.counts["rows"]) == (False, 2)


def test_the_checkpoint_carries_what_reduce_counted(world):
    reduced = world.reduced(line("a.txt"))
    told = bin_day(world.lake, reduced).checkpoint.upstream["reduced"]
    assert (told["fingerprint"], told["counts"]) == (reduced.fingerprint, reduced.counts)
    assert told["objects"] == named(reduced.files["objects"])


@pytest.mark.parametrize("name", ["reduced_rows", "bytes_sent"])
def test_a_day_whose_counts_do_not_add_up_fails_and_commits_nothing(world, name):
    reduced = world.reduced(line("a.txt"))
    tampered = replace(reduced, counts={**reduced.counts, name: reduced.counts[name] + 1})
    with pytest.raises(ReconciliationError, match=str(DAY)):
        bin_day(world.lake, tampered)
    assert load_checkpoint(world.lake, "binned", DAY) is None


def test_reduced_rows_that_are_not_what_was_promised_are_not_binned(world):
    reduced = world.reduced(line("a.txt"))
    world.lake.write(reduced.files["rows"].key, b"something else")
    with pytest.raises(CorruptLakeError, match="make verify REPAIR=1"):
        bin_day(world.lake, reduced)


@pytest.mark.parametrize(
    ("sent", "size", "millionths"),
    [
        (500, 500, 1_000_000),
        (100, 500, 200_000),
        (1, 3, 333_333),
        (2, 3, 666_667),
        (1, 10_000_000, 0),
        (0, 500, 0),
        ("-", 500, 0),
        (0, 0, 0),
        (7, 0, 0),
        (7, "-", 0),
        (1000, 500, 2_000_000),
        (10**15, 1, 10**12),  # nonsense counts as a million downloads
        (10**15, 10**15, 1_000_000),
    ],
)
def test_normalized_downloads_are_bytes_by_object_size_in_millionths(world, sent, size, millionths):
    binned = bin_day(world.lake, world.reduced(line(sent=sent, size=size))).checkpoint
    assert world.table(binned, "keys")["normalized_downloads"].to_pylist() == [millionths]


def test_normalized_downloads_of_parts_add_up_whatever_their_status(world):
    content = [line(sent=250, status=206), line(sent=250, status=206, ip="192.0.2.11"), line(sent=500)]
    binned = bin_day(world.lake, world.reduced(*content)).checkpoint
    found = world.table(binned, "keys").to_pylist()[0]
    assert (found["number_of_downloads"], found["normalized_downloads"]) == (1, 2_000_000)


@pytest.mark.parametrize(("sent", "size"), [(2**53 + 1, 500), (100, 2**53 + 1), (2**62 + 1, 2**62 + 1)])
def test_numbers_that_only_64_bits_hold_are_binned(world, sent, size):
    """The parser takes them, so a single line must not stop the day."""
    binned = bin_day(world.lake, world.reduced(line(sent=sent, size=size))).checkpoint
    assert world.table(binned, "keys")["bytes_sent"].to_pylist() == [sent]
