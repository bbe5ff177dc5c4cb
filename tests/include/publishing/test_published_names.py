"""Published names: datasets, versions and assets whose names are no harmless file names."""

import csv
import re
from datetime import date
from io import StringIO

import pytest

from include.s3logs.catalogs.folders import folder_of
from include.s3logs.errors import CatalogError
from include.s3logs.publishing.figures import folder_in
from include.s3logs.publishing.publish import CHECKPOINT, STATUS, publish
from tests.support.small_archive import EXACT, FIRST, Archive, catalog, line

JULY = date(2024, 7, 1)


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


NASTY_DATASETS = [
    "../../x",
    "..",
    ".",
    "a/b",
    "/etc/passwd",
    ".hidden",
    "%2Ehidden",
    "café",
    "cafe\u0301",
    "tab\there",
    'quo"te',
    "new\nline",
    "back\\slash",
    "$(x)",
    "-rf",
    "a b",
    "reef\x00",
    "000001",
    "NA",
    "Archive",
]


def test_every_dataset_has_a_folder_of_its_own_directly_below_usage(archive):
    datasets = {f"k{n}": name for n, name in enumerate(NASTY_DATASETS)}
    archive.do(FIRST, *(line(key, sent=n + 1) for n, key in enumerate(datasets)), datasets=datasets)
    outside = {path for path in archive.lake.root.parent.rglob("*") if path.is_file()}
    publish(archive.lake, EXACT)
    assert all(path.is_dir() for path in (archive.lake.root / "months").iterdir())
    outside |= set((archive.lake.root / "months").rglob("*"))
    new = {path for path in archive.lake.root.parent.rglob("*") if path.is_file()} - outside
    usage = archive.lake.root / "usage"
    folders = {path.parent.name for path in new if path.parent.parent == usage}
    assert folders == {"archive", *map(folder_of, NASTY_DATASETS)}
    assert len(folders) == len(NASTY_DATASETS) + 1
    assert all(
        path.is_relative_to(usage)
        for path in new - {archive.lake.root / CHECKPOINT, archive.lake.root / STATUS}
    )
    for n, (key, name) in enumerate(datasets.items()):
        assert archive.table(f"usage/{folder_of(name)}/by_asset.tsv").values.tolist() == [
            [key, str(n + 1), "1", "1", str((n + 1) / 500)]
        ]
    assert set(archive.json("usage/totals.json")) == set(NASTY_DATASETS)
    assert set(archive.table("usage/archive/by_dataset.tsv")["dataset"]) == set(NASTY_DATASETS)


@pytest.mark.parametrize("name", NASTY_DATASETS)
def test_a_folder_name_is_one_visible_path_segment_of_plain_characters(name):
    folder = folder_of(name)
    assert folder.isascii()
    assert folder.isprintable()
    assert not set(folder) & set('/\\\t\n "$()')
    assert not folder.startswith(".")


@pytest.mark.parametrize("name", ["reef", "000026", "my-data_set.v1~x", "A.b"])
def test_a_harmless_name_is_the_folder_name(name):
    assert folder_of(name) == name


NASTY_PATHS = {  # as logged: encoded twice
    "tab%2509here.nc": "tab\there.nc",
    "new%250Aline.nc": "new\nline.nc",
    "carriage%250Dreturn.nc": "carriage\rreturn.nc",
    "both%250D%250Aof.nc": "both\r\nof.nc",
    "quo%2522te%2522.nc": 'quo"te".nc',
    "%2522all%2522": '"all"',
    "%2522": '"',
    "%2520lead": " lead",
    "trail%2520": "trail ",
    "caf%25C3%25A9": "café",
    "back%255Cslash": "back\\slash",
    "semi;comma,%23": "semi;comma,#",
    "NA": "NA",
    "null": "null",
    "=1+1": "=1+1",
}


@pytest.fixture(scope="module")
def nasty_rows(tmp_path_factory):
    """The rows that pandas reads, when each of the keys is a dataset's only asset but for a neighbour."""
    archive = Archive(tmp_path_factory.mktemp("nasty"))
    datasets = {path: f"d{n}" for n, path in enumerate(NASTY_PATHS.values())}
    neighbours = {f"zz{n}.nc": f"d{n}" for n in range(len(datasets))}
    content = [*(line(logged, sent=200) for logged in NASTY_PATHS), *(line(key) for key in neighbours)]
    archive.do(FIRST, *content, datasets=datasets | neighbours)
    publish(archive.lake, EXACT)
    return {
        logged: archive.table(f"usage/d{n}/by_asset.tsv").values.tolist()
        for n, logged in enumerate(NASTY_PATHS)
    }


@pytest.mark.parametrize("logged", NASTY_PATHS)
def test_a_row_with_any_asset_path_reads_back_with_pandas(nasty_rows, logged):
    rows = nasty_rows[logged]
    assert rows[0] == [NASTY_PATHS[logged], "200", "1", "1", "0.4"]
    assert [row[1:] for row in rows[1:]] == [["100", "1", "1", "0.2"]]


@pytest.mark.parametrize(
    "name", ["archive", "unassociated", "totals.json", "archive_totals.json", "region_coordinates.json"]
)
def test_no_dataset_has_the_name_of_a_published_file_or_folder(archive, name):
    archive.do(FIRST, line(), line("nobodys.txt"))
    publish(archive.lake, EXACT)
    assert name in {path.name for path in (archive.lake.root / "usage").iterdir()}
    with pytest.raises(CatalogError, match=re.escape(name)):
        catalog({"reef.txt": name})


# Versions and assets

OUR_OWN = ["logs", "by_day.tsv", "by_asset.parquet", "requester_count.tsv", "archive", "totals.json"]
NASTY_VERSIONS = [*OUR_OWN, "..", ".", "a/b", "%6Cogs", "%62y_day.tsv", ".tsv", "é.tsv", "draft", "0.1"]


def test_every_version_has_a_folder_of_its_own_that_is_none_of_the_datasets_own_names(archive):
    rows = [[f"k{n}", "reef", version, f"k{n}.nwb"] for n, version in enumerate(NASTY_VERSIONS)]
    archive.do(FIRST, *(line(row[0], sent=n + 1) for n, row in enumerate(rows)), datasets=rows)
    publish(archive.lake, EXACT)
    reef = archive.lake.root / "usage/reef"
    found = {path.parent.name: path for path in reef.glob("*/by_asset.tsv")}
    assert len(found) == len(NASTY_VERSIONS)
    assert {
        archive.rows(path.relative_to(archive.lake.root).as_posix())[0][0] for path in found.values()
    } == {row[3] for row in rows}
    assert not found.keys() & {*OUR_OWN[:4], "..", "."}
    assert {"archive", "totals.json", "draft", "0.1"} <= found.keys()
    assert (reef / "by_day.tsv").is_file()
    assert {path.name for path in (reef / "logs").iterdir()} == {
        *(f"k{n}.nwb" for n in range(len(rows))),
        "2024-06.parquet",
    }


def test_a_version_with_a_very_long_name_does_not_stop_the_publication(archive):
    """File systems take names of 255 bytes; the catalog refuses datasets that are too long, not versions."""
    versions = ["v" * 300, "v" * 299 + "w"]
    archive.do(FIRST, line(), datasets=[["reef.txt", "reef", version, "reef.txt"] for version in versions])
    publish(archive.lake, EXACT)
    assert len(list((archive.lake.root / "usage/reef").glob("*/by_day.tsv"))) == 2


NASTY_ASSETS = [
    *OUR_OWN,
    *("2024-06.tsv", "2024-06.parquet", "..", ".", "../../up.nwb", "/root.nwb", "a//b.nwb", "a/./b.nwb"),
    *(
        "end/",
        "//",
        "%6Cogs",
        "$(x)",
        "-rf",
        "tab\there",
        "new\nline",
        "nul\x00",
        "café.nwb",
        "cafe\u0301.nwb",
    ),
    *("l" * 300, "l" * 299 + "m", "/" * 150, "é" * 120, "l" * 200, "l" * 201),
]


def test_every_asset_has_a_log_of_its_own_in_the_folder_of_its_dataset(archive):
    rows = [[f"k{n}", "reef", "1", path] for n, path in enumerate(NASTY_ASSETS)]
    archive.do(FIRST, *(line(row[0], sent=n + 1) for n, row in enumerate(rows)), datasets=rows)
    publish(archive.lake, EXACT)
    logs = archive.lake.root / "usage/reef/logs"
    found = [path for path in logs.rglob("*") if path.is_file() and path.suffix == ".tsv"]
    assert {path.parent.parent for path in found} == {logs}
    assert all(path.name == "2024-06.tsv" and len(path.parent.name) <= 200 for path in found)
    sent = sorted(int(archive.rows(path.relative_to(archive.lake.root).as_posix())[0][1]) for path in found)
    assert sent == [n + 1 for n in range(len(NASTY_ASSETS))]
    assert [path.name for path in logs.iterdir() if path.is_file()] == ["2024-06.parquet"]
    by_path = archive.parquet("usage/reef/logs/2024-06.parquet").to_pylist()
    assert {row["asset_path"]: row["bytes_sent"] for row in by_path} == {
        path: n + 1 for n, path in enumerate(NASTY_ASSETS)
    }
    weeks = archive.lake.read("usage/reef/by_asset_per_week.tsv").decode()
    found = list(csv.reader(StringIO(weeks, newline=""), delimiter="\t"))
    assert dict(zip(*found, strict=True)) == {"week_start": "2024-05-27"} | {
        path: str(n + 1) for n, path in enumerate(NASTY_ASSETS)
    }


def test_an_asset_called_like_the_folder_of_a_long_one_has_a_log_of_its_own(archive):
    long = "l" * 300
    rows = [["k0", "reef", "1", long], ["k1", "reef", "1", folder_in(long)]]
    archive.do(FIRST, line("k0", sent=1), line("k1", sent=2), datasets=rows)
    publish(archive.lake, EXACT)
    found = [archive.rows(key)[0][1] for key in archive.files("usage/reef/logs/") if key.endswith(".tsv")]
    assert sorted(found) == ["1", "2"]


def test_a_second_publication_keeps_logs_of_assets_with_any_name(archive):
    rows = [[f"k{n}", "reef", "logs", path] for n, path in enumerate(NASTY_ASSETS)]
    archive.do(FIRST, *(line(row[0]) for row in rows), datasets=rows)
    publish(archive.lake, EXACT)
    before = archive.files()
    archive.do(JULY, line("k0", day=JULY), datasets=rows)
    publish(archive.lake, EXACT)
    after = archive.files()
    old = {key for key in before if "/logs/" in key and "2024-06." in key.rpartition("/")[2]}
    assert len(old) == len(NASTY_ASSETS) + 1
    assert all(after[key] == before[key] for key in old)
