"""The anonymised usage log of each asset."""

from datetime import UTC, date, datetime

import pytest

from include.s3logs.publishing.publish import publish
from tests.support.offline_regions import offline_regions
from tests.support.small_archive import EXACT, FIRST, SECOND, Archive, line

JULY = date(2024, 7, 1)
JUNE_30 = date(2024, 6, 30)
REEF = {"reef.txt": "reef", "zarr/1": "reef"}


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


def log(archive, key):
    return archive.lake.read(f"usage/{key}").decode()


def test_a_log_has_time_bytes_and_region_of_each_request_in_order_of_time(archive):
    archive.do(
        SECOND,
        line(day=SECOND, time="00:00:00", sent=3, ip="193.0.6.139"),
        line(day=FIRST, time="23:59:59", sent=2, ip="8.8.8.8", status=206),
        line(day=SECOND, time="00:00:00", sent=1, ip="-"),
        datasets=REEF,
    )
    archive.do(FIRST, line(time="09:08:07", sent=4), datasets=REEF)
    publish(archive.lake, EXACT)
    assert log(archive, "reef/logs/reef.txt/2024-06.tsv") == (
        "timestamp\tbytes_sent\tregion\n"
        "2024-06-01T09:08:07Z\t4\tbogon\n"
        "2024-06-01T23:59:59Z\t2\tUS\n"
        "2024-06-02T00:00:00Z\t1\tunknown\n"
        "2024-06-02T00:00:00Z\t3\tNL\n"
    )


@pytest.mark.parametrize("label", ["Campus", 'the "old" lab', '"north"', "lab, west; 2nd floor"])
def test_a_region_with_any_label_reads_back(archive, label):
    archive.do(
        FIRST, line(), line(sent=101), datasets=REEF, regions=offline_regions(labels={"192.0.2.10": label})
    )
    publish(archive.lake, EXACT)
    assert [row[2] for row in archive.rows("usage/reef/logs/reef.txt/2024-06.tsv")] == [label, label]
    assert [row[0] for row in archive.rows("usage/reef/by_region.tsv")] == [label]


def test_the_parquet_log_holds_all_assets_and_nothing_else(archive):
    content = [
        line(sent=1, ip="8.8.8.8"),
        line("zarr/1/0/0", sent=2, ip="8.8.8.8"),
        line("zarr/1/0/1", sent=3),
    ]
    archive.do(FIRST, *content, line("nobodys.txt"), datasets=REEF)
    publish(archive.lake, EXACT)
    at = datetime(2024, 6, 1, 10, tzinfo=UTC)
    assert [
        tuple(row.values()) for row in archive.parquet("usage/reef/logs/2024-06.parquet").to_pylist()
    ] == [
        ("reef.txt", at, 1, "US"),
        ("zarr/1", at, 2, "US"),
        ("zarr/1", at, 3, "bogon"),
    ]
    assert archive.parquet("usage/reef/logs/2024-06.parquet").column_names == [
        *("asset_path", "timestamp", "bytes_sent", "region")
    ]


def test_files_are_of_the_month_of_the_log_day(archive):
    archive.do(JUNE_30, line(day=JUNE_30, sent=1), datasets=REEF)
    archive.do(JULY, line(day=JUNE_30, time="23:59:59", sent=2), line(day=JULY, sent=3), datasets=REEF)
    publish(archive.lake, EXACT)
    june, july = (log(archive, f"reef/logs/reef.txt/2024-0{month}.tsv") for month in (6, 7))
    assert [row.split("\t")[1] for row in june.splitlines()[1:]] == ["1"]
    assert [row.split("\t")[1] for row in july.splitlines()[1:]] == ["2", "3"]


def test_traffic_that_nobody_claims_has_no_log(archive):
    archive.do(FIRST, line("nobodys.txt"), datasets=REEF)
    publish(archive.lake, EXACT)
    assert not [key for key in archive.files() if "/logs/" in key]


def test_an_asset_has_one_log_whatever_objects_it_had(archive):
    rows = [["old.txt", "reef", "1", "a.txt"], ["new.txt", "reef", "2", "a.txt"]]
    archive.do(FIRST, line("old.txt", sent=1), line("new.txt", sent=2), datasets=rows)
    publish(archive.lake, EXACT)
    assert [row[1] for row in archive.rows("usage/reef/logs/a.txt/2024-06.tsv")] == ["1", "2"]


def test_an_object_is_in_the_log_of_the_path_that_its_dataset_counts_it_under(archive):
    rows = [["k", "reef", version, path] for version, path in (("1", "old.nc"), ("2", "z.nc"), ("2", "a.nc"))]
    archive.do(FIRST, line("k"), datasets=rows)
    publish(archive.lake, EXACT)
    logs = {key for key in archive.files() if "/logs/" in key}
    assert logs == {"usage/reef/logs/a.nc/2024-06.tsv", "usage/reef/logs/2024-06.parquet"}
