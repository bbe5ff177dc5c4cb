"""Publish: the figures of all log days, below usage/ and nowhere else."""

import re
from contextlib import suppress
from dataclasses import replace

import pytest

from include.s3logs.errors import ReconciliationError, TooManyRejectionsError
from include.s3logs.lake.checkpoint import KIND, checkpoint_key
from include.s3logs.lake.open_days import open_days
from include.s3logs.lake.pointer import Pointer
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import STATUS, publish
from tests.support.small_archive import EXACT, FIRST, SECOND, THIRD, Archive, line, lines


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


# Content


HEADER = "bytes_sent\tnumber_of_requests\tnumber_of_downloads\tnormalized_downloads"


def both(*names):
    return {f"{name}.{kind}" for name in names for kind in ("tsv", "parquet")}


def test_what_is_published_has_the_promised_names_and_nothing_else_is_there(archive):
    archive.do(FIRST, line("reef.txt"), line("other.txt"))
    publish(archive.lake, EXACT)
    tables = ("by_day", "by_asset", "by_region", "by_asset_per_week", "by_asset_type_per_week")
    assert set(archive.files()) == {
        *both(*(f"usage/{name}/{table}" for name in ("reef", "unassociated") for table in tables)),
        *both(*(f"usage/reef/1/{table}" for table in ("by_day", "by_asset", "by_region"))),
        *both(*(f"usage/archive/{table}" for table in ("by_day", "by_region", "by_dataset"))),
        *both(*(f"usage/{name}/requester_count" for name in ("reef", "unassociated", "archive"))),
        "usage/reef/logs/reef.txt/2024-06.tsv",
        "usage/reef/logs/2024-06.parquet",
        "usage/totals.json",
        "usage/archive_totals.json",
        "usage/region_coordinates.json",
        "status/log_days.tsv",
    }
    row = b"reef.txt\t100\t1\t1\t0.2\n"
    assert archive.lake.read("usage/reef/by_asset.tsv") == f"asset_path\t{HEADER}\n".encode() + row
    for role, name in (("by_day", "date"), ("by_region", "region")):
        for folder in ("reef", "reef/1", "archive"):
            content = archive.lake.read(f"usage/{folder}/{role}.tsv").decode()
            assert content.split("\n")[0] == f"{name}\t{HEADER}"
    assert archive.lake.read("usage/archive/by_dataset.tsv").startswith(f"dataset\t{HEADER}\n".encode())


def test_an_event_day_in_two_log_days_is_one_row(archive):
    archive.do(FIRST, line(sent=1))
    archive.do(SECOND, line(sent=2, day=FIRST), line(sent=4, day=SECOND, status=206))
    publish(archive.lake, EXACT)
    assert archive.table("usage/reef/by_day.tsv").values.tolist() == [
        ["2024-06-01", "3", "2", "2", "0.006"],
        ["2024-06-02", "4", "1", "0", "0.008"],
    ]


def test_days_are_in_order_and_all_else_by_bytes_most_first_then_by_name(archive):
    ips = {"8.8.8.8": 5, "193.0.6.139": 7, "192.0.2.1": 5}
    keys = {"m.txt": 5, "z.txt": 9, "a.txt": 5, "b.txt": 5}
    datasets = {"m.txt": "kelp", "z.txt": "reef", "a.txt": "kelp", "b.txt": "algae"}
    archive.do(THIRD, *(line(key, sent=n, day=THIRD) for key, n in keys.items()), datasets={})
    archive.do(FIRST, *(line("one.txt", sent=n, ip=ip) for ip, n in ips.items()), datasets={})
    archive.do(SECOND, line("one.txt", sent=1, day=SECOND), datasets={})
    publish(archive.lake, EXACT)

    def first_column(key):
        return archive.table(key).iloc[:, 0].tolist()

    assert first_column("usage/unassociated/by_day.tsv") == ["2024-06-01", "2024-06-02", "2024-06-03"]
    assert first_column("usage/unassociated/by_asset.tsv") == ["one.txt", "z.txt", "a.txt", "b.txt", "m.txt"]
    assert first_column("usage/unassociated/by_region.tsv") == ["bogon", "NL", "US"]
    archive.do(THIRD, datasets=datasets)
    publish(archive.lake, EXACT)
    assert first_column("usage/archive/by_dataset.tsv") == ["unassociated", "kelp", "reef", "algae"]
    assert first_column("usage/kelp/by_asset.tsv") == ["a.txt", "m.txt"]


def test_rows_with_equal_bytes_are_in_order_of_their_name(archive):
    archive.do(FIRST, *(line(f"{name}.txt") for name in "dacb"), line("z.txt", sent=101), datasets={})
    publish(archive.lake, EXACT)
    assert archive.table("usage/unassociated/by_asset.tsv")["asset_path"].tolist() == [
        "z.txt",
        "a.txt",
        "b.txt",
        "c.txt",
        "d.txt",
    ]


def test_numbers_are_sorted_as_numbers_not_as_they_are_shown(archive):
    archive.do(FIRST, line("a", sent=9), line("b", sent=10), line("c", sent=100), datasets={})
    publish(archive.lake, Masking(50, 20))
    assert archive.table("usage/unassociated/by_asset.tsv")["asset_path"].tolist() == ["c", "b", "a"]


def test_totals_count_regions_and_the_countries_among_them(archive):
    ips = ("8.8.8.8", "9.9.9.9", "193.0.6.139", "192.0.2.1", "-")
    archive.do(FIRST, *(line(ip=ip) for ip in ips), line("kelp.txt", status=206))
    publication = publish(archive.lake, EXACT)
    regions = archive.table("usage/reef/by_region.tsv")["region"].tolist()
    totals = archive.json("usage/totals.json")
    assert totals["reef"] == {
        "total_bytes_sent": 500,
        "total_number_of_requests": 5,
        "total_number_of_downloads": 5,
        "number_of_requesters": 4,
        "number_of_unique_regions": len(regions),
        "number_of_unique_countries": len(set(regions) - {"bogon", "unknown"}),
    }
    assert {"US", "NL", "bogon", "unknown"} <= set(regions)
    assert totals["kelp"]["total_number_of_downloads"] == 0
    assert totals["kelp"]["number_of_requesters"] == 1
    assert publication.totals["number_of_requesters"] == 5
    assert publication.totals == archive.json("usage/archive_totals.json")
    assert publication.totals["total_number_of_requests"] == 6


def test_a_lake_without_any_log_day_is_published_as_empty_tables(archive):
    publication = publish(archive.lake, EXACT)
    assert archive.table("usage/archive/by_day.tsv").empty
    assert archive.json("usage/totals.json") == {}
    assert publication.totals["total_bytes_sent"] == 0
    assert publication.missing == []


def test_counts_of_map_that_are_not_in_the_tables_are_an_error_and_nothing_is_published(archive):
    checkpoint = archive.do(FIRST, line()).checkpoint
    tampered = replace(checkpoint, counts={**checkpoint.counts, "bytes_sent": 101})
    pointer = Pointer(archive.lake, checkpoint_key("mapped", FIRST), KIND)
    pointer.put(tampered.files, tampered.told(), over=pointer.version())
    with pytest.raises(ReconciliationError, match="101"):
        publish(archive.lake, EXACT)
    assert archive.files() == {}


# Masking


def test_small_counts_are_masked_from_the_exact_sum_of_all_days(archive):
    archive.do(FIRST, lines("reef.txt", 30), lines("kelp.txt", 3))
    archive.do(SECOND, lines("reef.txt", 25, day=SECOND, status=206))
    publish(archive.lake, Masking(50, 20))
    assert archive.table("usage/reef/by_day.tsv").values.tolist() == [
        ["2024-06-01", "3000", "<50", "<50", "<50"],
        ["2024-06-02", "2500", "<50", "<50", "<50"],
    ]
    assert archive.table("usage/reef/by_asset.tsv").values.tolist() == [
        ["reef.txt", "5500", "60", "<50", "<50"]
    ]
    assert archive.table("usage/archive/by_dataset.tsv").values.tolist() == [
        ["reef", "5500", "60", "<50", "<50"],
        ["kelp", "300", "<50", "<50", "<50"],
    ]
    assert archive.json("usage/archive_totals.json")["total_number_of_requests"] == 60
    assert archive.json("usage/archive_totals.json")["number_of_requesters"] == "<50"
    assert archive.json("usage/totals.json")["kelp"]["total_number_of_downloads"] == "<50"


@pytest.mark.parametrize(
    ("masking", "text", "number"),
    [(Masking(50, 20), "<50", None), (Masking(3, 1), "3", 3), (Masking(2, 2), "4", 4), (EXACT, "3", 3)],
)
def test_requester_counts_are_masked_in_both_forms(archive, masking, text, number):
    archive.do(FIRST, *(line(ip=ip) for ip in ("8.8.8.8", "9.9.9.9", "193.0.6.139")))
    publish(archive.lake, masking)
    for name in ("reef", "archive"):
        assert archive.lake.read(f"usage/{name}/requester_count.tsv") == f"{text}\n".encode()
        table = archive.parquet(f"usage/{name}/requester_count.parquet")
        assert table.to_pylist() == [{"number_of_requesters": number}]
        assert table.schema.field("number_of_requesters").type == "int64"


def test_no_exact_small_count_is_in_anything_that_is_published(archive):
    archive.do(FIRST, lines("reef.txt", 37, sent=1000), lines("other.txt", 37, sent=1000))

    def holding(number):
        text = re.compile(rb"(?<![0-9])%d(?![0-9])" % number)
        found = set()
        for key, data in archive.contents().items():
            columns = archive.parquet(key).columns if key.endswith(".parquet") else []
            cells = "\n".join(str(cell) for column in columns for cell in column.to_pylist())
            if key.startswith("usage/") and text.search(cells.encode() or data):
                found.add(key)
        return found

    publish(archive.lake, Masking(50, 20))
    assert holding(37) == holding(74) == set()
    publish(archive.lake, EXACT)
    assert {
        "usage/reef/by_day.tsv",
        "usage/reef/by_day.parquet",
        "usage/reef/1/by_region.parquet",
        "usage/unassociated/by_asset.tsv",
        "usage/totals.json",
    } <= holding(37)
    assert {"usage/archive/by_day.tsv", "usage/archive_totals.json"} <= holding(74)


@pytest.mark.parametrize("masking", [Masking(5, 20), Masking(50, 7), Masking(0, 1)])
def test_other_masking_settings_publish_again_without_mapping_again(archive, masking):
    archive.do(FIRST, lines("reef.txt", 33))
    publish(archive.lake, Masking(50, 20))
    stages = {
        info.key: info for stage in ("reduced/", "binned/", "mapped/") for info in archive.lake.list(stage)
    }
    publication = publish(archive.lake, masking)
    assert not publication.reused
    shown = str(masking.show(33))
    downloads = "6.6" if masking.round_to == 1 else str(masking.show(6.6))
    assert archive.rows("usage/reef/by_day.tsv") == [["2024-06-01", "3300", shown, shown, downloads]]
    assert {
        info.key: info for stage in ("reduced/", "binned/", "mapped/") for info in archive.lake.list(stage)
    } == stages
    assert archive.do(FIRST).reused


# The state of the log days


def test_every_log_day_is_listed_with_its_numbers_and_state(archive):
    archive.do(FIRST, line(), line(), line("kelp.txt", status=404), b"garbage\n" + lines("reef.txt", 30))
    publication = publish(archive.lake, EXACT)
    assert archive.lake.read(STATUS).decode().split("\n") == [
        "log_day\tobjects\tunreadable\tforeign\tlines\trecords\trejections\texact_duplicates\tfiltered\t"
        "reduced_rows\tbytes_sent\tstate\treason",
        "2024-06-01\t1\t0\t0\t34\t33\t1\t2\t1\t30\t3000\tcomplete\t",
        "",
    ]
    assert publication.missing == []


def test_a_day_that_was_asked_for_and_has_no_figures_is_incomplete(archive):
    archive.do(FIRST, line())
    publication = publish(archive.lake, EXACT, asked=[FIRST, SECOND])
    assert archive.lake.read(STATUS).decode().split("\n")[2] == "2024-06-02" + "\t" * 11 + "incomplete\t"
    assert [(day.log_day, day.state) for day in publication.missing] == [("2024-06-02", "incomplete")]
    assert archive.json("usage/archive_totals.json")["total_bytes_sent"] == 100


def test_a_day_whose_newest_attempt_failed_is_outdated_and_keeps_its_old_figures(archive):
    archive.do(FIRST, line())
    archive.do(SECOND, line(day=SECOND))
    publish(archive.lake, EXACT)
    with pytest.raises(TooManyRejectionsError):
        archive.do(SECOND, b"garbage\n" * 9, name="LATE")
    publication = publish(archive.lake, EXACT)
    assert not publication.reused
    assert archive.table(STATUS)["state"].tolist() == ["complete", "outdated"]
    assert archive.table(STATUS)["bytes_sent"].tolist() == ["100", "100"]
    assert [(day.log_day, day.state) for day in publication.missing] == [("2024-06-02", "outdated")]
    assert archive.json("usage/archive_totals.json")["total_bytes_sent"] == 200


def test_a_day_whose_first_attempt_failed_is_incomplete_also_when_nobody_asks(archive):
    with suppress(TooManyRejectionsError):
        archive.do(FIRST, b"garbage\n")
    assert open_days(archive.lake) == {"2024-06-01"}
    assert [(day.log_day, day.state) for day in publish(archive.lake, EXACT).missing] == [
        ("2024-06-01", "incomplete")
    ]


@pytest.mark.parametrize("damage", [b"{", b'{"format": 1, "files": []}'])
def test_a_day_whose_mapped_checkpoint_is_damaged_is_not_in_the_figures_and_incomplete(archive, damage):
    archive.do(FIRST, line())
    archive.do(SECOND, line(day=SECOND))
    archive.lake.write(checkpoint_key("mapped", FIRST), damage)
    publication = publish(archive.lake, EXACT, asked=[FIRST])
    assert [(day.log_day, day.state) for day in publication.missing] == [("2024-06-01", "incomplete")]
    assert archive.table("usage/archive/by_day.tsv")["date"].tolist() == ["2024-06-02"]


def test_a_day_that_got_finished_is_published_as_complete_again(archive):
    archive.do(FIRST, line())
    archive.lake.write(f"open/{FIRST}", b"")
    assert len(publish(archive.lake, EXACT).missing) == 1
    archive.do(FIRST)
    assert publish(archive.lake, EXACT).missing == []
    assert archive.table(STATUS)["state"].tolist() == ["complete"]
