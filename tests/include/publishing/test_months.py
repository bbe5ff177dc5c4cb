"""Months and history: the totals of many days, merged without a byte getting lost."""

from dataclasses import replace
from datetime import date
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from include.s3logs.errors import CorruptLakeError, ReconciliationError
from include.s3logs.lake.checkpoint import load_checkpoint, read_output
from include.s3logs.lake.open_days import open_days
from include.s3logs.publishing.history import History, Traffic
from include.s3logs.publishing.months import merge_month
from include.s3logs.publishing.publish import publish
from tests.support.small_archive import EXACT, FIRST, SECOND, Archive, line

JUNE = date(2024, 6, 1)
JULY_1 = date(2024, 7, 1)
CATALOG = [
    ["reef.txt", "reef", "1", "reef.txt"],
    ["reef.txt", "reef", "2", "moved.txt"],
    ["kelp.txt", "kelp", "1", "kelp.txt"],
]


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


@pytest.fixture
def three_days(archive):
    """Two in June and one in July, which holds a request of June, too."""
    return [
        archive.do(FIRST, line(sent=1, ip="8.8.8.8"), line("kelp.txt", sent=2), datasets=CATALOG).checkpoint,
        archive.do(SECOND, line(sent=4, day=SECOND, ip="193.0.6.139"), datasets=CATALOG).checkpoint,
        archive.do(
            JULY_1,
            line(sent=8, day=date(2024, 6, 30), ip="8.8.8.8"),
            line("kelp.txt", sent=16, day=JULY_1),
            line("x.txt", sent=32, day=JULY_1, status=206),
            datasets=CATALOG,
        ).checkpoint,
    ]


def rows(table):
    return [tuple(row.values()) for row in table.to_pylist()]


def history(archive, days):
    folder = archive.folder / "copies"
    folder.mkdir(exist_ok=True)
    return History(archive.lake, days, folder)


def output(archive, checkpoint, role):
    return pq.read_table(BytesIO(read_output(archive.lake, checkpoint, role)))


def test_a_month_has_the_sums_of_its_log_days(archive, three_days):
    month = merge_month(archive.lake, JUNE, three_days[:2])
    assert rows(output(archive, month, "by_day")) == [
        ("kelp", FIRST, 2, 1, 1, 4_000),
        ("reef", FIRST, 1, 1, 1, 2_000),
        ("reef", SECOND, 4, 1, 1, 8_000),
    ]
    monday = date(2024, 5, 27)
    assert rows(output(archive, month, "by_asset")) == [
        ("kelp", "kelp.txt", monday, 2, 1, 1, 4_000),
        ("reef", "moved.txt", monday, 5, 2, 2, 10_000),
    ]
    assert rows(output(archive, month, "versions_by_asset")) == [
        ("kelp", "1", "kelp.txt", 2, 1, 1, 4_000),
        ("reef", "1", "reef.txt", 5, 2, 2, 10_000),
        ("reef", "2", "moved.txt", 5, 2, 2, 10_000),
    ]
    assert rows(output(archive, month, "archive_by_day")) == [
        (FIRST, 3, 2, 2, 6_000),
        (SECOND, 4, 1, 1, 8_000),
    ]
    assert month.counts == {"rows": 3, "bytes_sent": 7}
    assert len(rows(output(archive, month, "requesters"))) == 3
    assert len(rows(output(archive, month, "archive_requesters"))) == 3


def test_a_month_of_the_same_days_is_reused_and_of_others_merged(archive, three_days):
    first = merge_month(archive.lake, JUNE, three_days[:2])
    assert merge_month(archive.lake, JUNE, three_days[:2]) == first
    other = merge_month(archive.lake, JUNE, three_days[:1])
    assert other.fingerprint != first.fingerprint
    assert other.counts["bytes_sent"] == 3
    changed = archive.do(SECOND, line(sent=5, day=SECOND), datasets=CATALOG).checkpoint
    assert merge_month(archive.lake, JUNE, [three_days[0], changed]).counts["bytes_sent"] == 8


def test_merging_twice_gives_the_same_bytes_under_other_names(archive, three_days, tmp_path):
    first = merge_month(archive.lake, JUNE, three_days[:2])
    other = archive.unpublished(tmp_path / "other")
    second = merge_month(other.lake, JUNE, three_days[:2])
    assert {file.key for file in first.files.values()}.isdisjoint(file.key for file in second.files.values())
    for role in first.files:
        assert read_output(archive.lake, first, role) == read_output(other.lake, second, role)


def test_merging_opens_no_log_day(archive, three_days):
    merge_month(archive.lake, JUNE, three_days[:2])
    assert open_days(archive.lake) == set()


@pytest.mark.parametrize("name", ["rows", "bytes_sent"])
def test_a_month_that_has_not_what_its_days_counted_is_an_error_and_not_committed(archive, three_days, name):
    day = three_days[0]
    tampered = replace(day, counts={**day.counts, name: day.counts[name] + 1})
    with pytest.raises(ReconciliationError, match="2024-06"):
        merge_month(archive.lake, JUNE, [tampered, three_days[1]])
    assert load_checkpoint(archive.lake, "months", JUNE) is None


def test_a_day_whose_totals_are_not_what_was_promised_is_not_merged(archive, three_days):
    archive.lake.write(three_days[0].files["by_day"].key, b"something else")
    with pytest.raises(CorruptLakeError, match="Run log day 2024-06-01 again with force"):
        merge_month(archive.lake, JUNE, three_days[:2])


def test_a_merged_month_that_was_damaged_is_merged_again_by_the_next_publish(archive, three_days):
    publish(archive.lake, EXACT)
    content = archive.contents()
    month = load_checkpoint(archive.lake, "months", JUNE)
    archive.lake.write(month.files["by_day"].key, b"something else")
    publish(archive.lake, EXACT, force=True)
    assert archive.contents() == content


def test_a_merged_month_with_other_content_of_the_same_size_is_merged_again_with_force(archive, three_days):
    """It is derived, so nobody should have to do anything about it."""
    publish(archive.lake, EXACT)
    content = archive.contents()
    file = load_checkpoint(archive.lake, "months", JUNE).files["by_day"]
    archive.lake.write(file.key, b"x" * file.size)
    publish(archive.lake, EXACT, force=True)
    assert archive.contents() == content


def test_a_digest_changes_with_a_day_with_traffic_to_the_dataset_and_with_no_other(archive, three_days):
    before = history(archive, three_days).traffic.digests
    assert {name: set(months) for name, months in before.items()} == {
        "kelp": {"2024-06", "2024-07"},
        "reef": {"2024-06", "2024-07"},
        "unassociated": {"2024-07"},
    }
    changed = archive.do(SECOND, line(sent=5, day=SECOND), datasets=CATALOG).checkpoint
    after = history(archive, [three_days[0], changed, three_days[2]]).traffic.digests
    different = {
        (name, month)
        for name in before
        for month in before[name]
        if before[name][month] != after[name][month]
    }
    assert different == {("reef", "2024-06")}


def test_history_adds_up_all_months_for_the_datasets_asked_for(archive, three_days):
    of_all = history(archive, three_days)
    assert list(of_all.days) == [JUNE, JULY_1]
    found = {
        name: rows(table) for name, table in of_all.totals("by_region", ["reef", "unassociated"]).items()
    }
    assert found == {
        "reef": [("NL", 4, 1, 1, 8_000), ("US", 9, 2, 2, 18_000)],
        "unassociated": [("bogon", 32, 1, 0, 64_000)],
    }
    assert of_all.requesters(["reef", "kelp", "nobody"]) == {"reef": 2, "kelp": 1}
    assert of_all.requesters_of_archive() == 3
    assert [row[:2] for row in rows(of_all.of_archive("archive_by_region"))] == [
        *(("NL", 4), ("US", 9), ("bogon", 50)),
    ]
    assert [row[:2] for row in rows(of_all.of_archive("archive_by_day"))] == [
        *((FIRST, 3), (SECOND, 4), (date(2024, 6, 30), 8), (JULY_1, 48)),
    ]


def test_a_history_without_days_is_empty(archive):
    none = history(archive, [])
    assert none.traffic == Traffic({}, {})
    assert none.totals("by_day", ["reef"]) == {}
    assert none.requesters(["reef"]) == {}
    assert none.requesters_of_archive() == 0
    assert rows(none.of_archive("archive_by_day")) == []


def test_who_comes_on_several_days_or_to_several_datasets_is_one_requester(archive):
    days = [
        archive.do(
            day, line(day=day, ip="8.8.8.8"), line("kelp.txt", day=day, ip="8.8.8.8"), datasets=CATALOG
        )
        for day in (FIRST, SECOND)
    ]
    month = merge_month(archive.lake, JUNE, [day.checkpoint for day in days])
    assert [row[0] for row in rows(output(archive, month, "requesters"))] == ["kelp", "reef"]
    assert len(rows(output(archive, month, "archive_requesters"))) == 1
