"""Numbers of requesters: those of days of one salt as ever; of days of different ones they are empty."""

from datetime import date

import pytest

from include.s3logs.publishing.publish import publish
from tests.support.offline_regions import offline_regions
from tests.support.small_archive import EXACT, FIRST, SECOND, Archive, line

JULY = date(2024, 7, 1)
OURS, THEIRS = offline_regions(salt=b"the salt of one"), offline_regions(salt=b"the salt of another")
THREE, NOTHING = (b"3\n", 3, 3), (b"\n", None, None)


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


def requesters(archive, name):
    """What is published of a dataset, or the archive: as text, in Parquet and in JSON."""
    folder = f"usage/{name}/requester_count"
    (row,) = archive.parquet(f"{folder}.parquet").to_pylist()
    totals = (
        archive.json("usage/archive_totals.json")
        if name == "archive"
        else archive.json("usage/totals.json")[name]
    )
    return archive.lake.read(f"{folder}.tsv"), row["number_of_requesters"], totals["number_of_requesters"]


def do(archive, day, regions, *keys):
    """The same three requesters for each key."""
    content = (line(f"{key}.txt", day=day, ip=f"192.0.2.{n}") for key in keys for n in range(3))
    archive.do(day, *content, regions=regions)


def test_months_of_different_salts_are_not_added_up_and_datasets_of_one_are_counted(archive):
    do(archive, FIRST, THEIRS, "reef")
    do(archive, JULY, OURS, "reef", "kelp")
    publish(archive.lake, EXACT)
    assert requesters(archive, "kelp") == THREE
    assert requesters(archive, "reef") == requesters(archive, "archive") == NOTHING
    assert archive.parquet("usage/reef/requester_count.parquet").schema == (
        archive.parquet("usage/kelp/requester_count.parquet").schema
    )


def test_a_dataset_is_published_anew_when_another_day_of_its_month_begins_or_ceases_to_mix(archive):
    do(archive, FIRST, THEIRS, "reef")
    do(archive, SECOND, THEIRS, "kelp")
    publish(archive.lake, EXACT)
    before = archive.contents()
    do(archive, SECOND, OURS, "kelp")
    publish(archive.lake, EXACT)
    assert requesters(archive, "reef") == NOTHING
    do(archive, SECOND, THEIRS, "kelp")
    publish(archive.lake, EXACT)
    assert archive.contents() == before
    assert requesters(archive, "reef") == THREE


def test_days_without_requests_have_no_salt(archive):
    do(archive, FIRST, THEIRS, "reef")
    do(archive, SECOND, OURS)
    publish(archive.lake, EXACT)
    assert requesters(archive, "reef") == requesters(archive, "archive") == THREE
