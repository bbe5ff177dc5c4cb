"""What kind of data an asset is, and the weeks in which it was asked for."""

from datetime import date, timedelta

import pyarrow as pa
import pytest

from include.s3logs.publishing.asset_types import OTHERS, asset_types
from include.s3logs.publishing.publish import publish
from include.s3logs.publishing.weeks import by_week
from tests.support.small_archive import EXACT, Archive, line


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("sub-1/ses.nwb", "Neurophysiology"),
        ("SUB-1/SES.NWB", "Neurophysiology"),
        ("a.ome.zarr", "Microscopy"),
        ("a.zarr", "Microscopy"),
        ("a.tif", "Microscopy"),
        ("a.tiff", "Microscopy"),
        ("a.ome.tif", "Microscopy"),
        ("a.ome.btf", "Microscopy"),
        ("a.nd2", "Microscopy"),
        ("a.CZI", "Microscopy"),
        ("a.mp4", "Video"),
        ("a.avi", "Video"),
        ("a.mov", "Video"),
        ("a.mkv", "Video"),
        ("a.wmv", "Video"),
        ("a.WebM", "Video"),
        ("a.btf", OTHERS),
        ("a.tifff", OTHERS),
        ("a.nwb.json", OTHERS),
        ("nwb", OTHERS),
        ("a-nwb", OTHERS),
        ("a.nwb/b", OTHERS),
        ("a.nwb\n", OTHERS),
        ("mp4/readme", OTHERS),
        ("dataset_description.json", OTHERS),
        (".nwb", "Neurophysiology"),
        ("", OTHERS),
        ("İ.nwb", "Neurophysiology"),
        ("new\nline.mp4", "Video"),
    ],
)
def test_the_type_of_an_asset_is_by_the_end_of_its_path(path, kind):
    assert asset_types(pa.chunked_array([[path]], pa.string())).to_pylist() == [kind]


def test_types_of_a_column_in_several_chunks_and_of_none():
    paths = pa.chunked_array([["a.nwb", "b"], [], ["c.mp4", "d.tif"]], pa.string())
    assert asset_types(paths).to_pylist() == ["Neurophysiology", OTHERS, "Video", "Microscopy"]
    assert asset_types(pa.chunked_array([], pa.string())).to_pylist() == []


def table(*rows):
    """Sums by asset path and week, as months have them."""
    paths, weeks, sent = zip(*rows, strict=True)
    zeros = pa.array([0] * len(rows), pa.int64())
    measures = dict.fromkeys(("number_of_requests", "number_of_downloads", "normalized_downloads"), zeros)
    columns = {
        "asset_path": pa.array(paths),
        "week": pa.array(weeks, pa.date32()),
        "bytes_sent": pa.array(sent),
    }
    return pa.table(columns | measures)


MONDAY, NEXT = date(2024, 6, 3), date(2024, 6, 10)


def test_weeks_have_a_row_each_and_what_was_not_asked_for_is_0(tmp_path):
    found = ("a.mp4", MONDAY, 4), ("a.mp4", NEXT, 2), ("b.nwb", MONDAY, 1), ("c.mp4", NEXT, 3)
    files = dict(by_week(table(*found), tmp_path))
    assert files["by_asset_per_week.tsv"] == (
        b"week_start\ta.mp4\tb.nwb\tc.mp4\n2024-06-03\t4\t1\t0\n2024-06-10\t2\t0\t3\n"
    )
    assert files["by_asset_type_per_week.tsv"] == (
        b"week_start\tNeurophysiology\tVideo\n2024-06-03\t1\t4\n2024-06-10\t0\t5\n"
    )


def test_assets_are_in_order_of_their_path_also_when_they_are_called_like_a_type(tmp_path):
    found = ("Alga", MONDAY, 2), ("Miscellaneous", MONDAY, 3), ("Video", MONDAY, 1)
    files = dict(by_week(table(*found), tmp_path))
    assert files["by_asset_per_week.tsv"].split(b"\n")[0] == b"week_start\tAlga\tMiscellaneous\tVideo"


def test_asset_paths_in_the_header_are_quoted(tmp_path):
    files = dict(by_week(table(("a.nwb", MONDAY, 2), ('quo"te\t.nwb', MONDAY, 1)), tmp_path))
    assert files["by_asset_per_week.tsv"].split(b"\n")[0] == b'week_start\ta.nwb\t"quo""te\t.nwb"'


def monday_of(day):
    return str(day - timedelta(days=day.isoweekday() - 1))


@pytest.mark.parametrize(
    ("day", "time", "week"),
    [
        (date(2024, 6, 3), "00:00:00", "2024-06-03"),
        (date(2024, 6, 9), "23:59:59", "2024-06-03"),
        (date(2024, 6, 10), "00:00:00", "2024-06-10"),
        (date(2024, 12, 29), "23:59:59", "2024-12-23"),
        (date(2024, 12, 30), "00:00:00", "2024-12-30"),
        (date(2025, 1, 1), "12:00:00", "2024-12-30"),
        (date(2025, 1, 5), "23:59:59", "2024-12-30"),
        (date(2024, 2, 29), "12:00:00", "2024-02-26"),
    ],
)
def test_a_week_begins_on_monday(tmp_path, day, time, week):
    archive = Archive(tmp_path)
    archive.do(date(2025, 1, 6), line(day=day, time=time))
    publish(archive.lake, EXACT)
    assert archive.rows("usage/reef/by_asset_per_week.tsv") == [[week, "100"]]
    assert week == monday_of(day)


def test_a_week_in_two_months_of_log_days_is_one_row(tmp_path):
    archive = Archive(tmp_path)
    archive.do(date(2024, 12, 31), line(day=date(2024, 12, 31), sent=1))
    archive.do(date(2025, 1, 1), line(day=date(2025, 1, 1), sent=2))
    publish(archive.lake, EXACT)
    assert archive.rows("usage/reef/by_asset_per_week.tsv") == [["2024-12-30", "3"]]
    assert archive.rows("usage/reef/by_asset_type_per_week.tsv") == [["2024-12-30", "3"]]
    assert archive.parquet("usage/reef/by_asset_per_week.parquet").to_pylist() == [
        {"week_start": date(2024, 12, 30), "asset_path": "reef.txt", "bytes_sent": 3}
    ]
