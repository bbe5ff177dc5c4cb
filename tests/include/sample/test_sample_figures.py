"""Every published figure of the sample against a computation of its own from the raw lines."""

import json
import shutil
from collections import Counter, defaultdict
from io import BytesIO, StringIO

import pandas as pd
import pyarrow.parquet as pq
import pytest

from include.s3logs.publishing.asset_types import OTHERS, TYPES
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import publish
from include.s3logs.stores.folder import LocalStore
from tests.support import independent
from tests.support.small_archive import COLUMNS, Archive

TABLES = ("by_day", "by_asset", "by_region", "by_dataset")
SUFFIXES = {"nwb": "Neurophysiology", "zarr": "Microscopy"}  # all there are in the sample, but for keys

MIDDLES = {  # of countries, in whole degrees, as any atlas has them
    **{"US": (38, -97), "CA": (60, -95), "BR": (-10, -55), "DE": (51, 9), "FR": (46, 2), "GB": (54, -2)},
    **{"JP": (36, 138), "IN": (20, 77), "AU": (-27, 133), "ZA": (-29, 24), "SE": (62, 15), "IS": (65, -18)},
}


@pytest.fixture(scope="module")
def requests(sample):
    return independent.requests(sample)


@pytest.fixture(scope="module")
def expected(requests):
    return independent.tables(requests)


@pytest.fixture(scope="module")
def datasets(requests):
    """{dataset: requests}."""
    found = defaultdict(list)
    for request in requests:
        found[request.dataset].append(request)
    return found


def read(lake, key):
    """A TSV file as {first column: the other columns}, all text."""
    rows = pd.read_csv(StringIO(lake.read(key).decode()), sep="\t", dtype=str, keep_default_na=False)
    return rows.set_index(rows.columns[0])


def parquet(lake, key):
    return pq.read_table(BytesIO(lake.read(key)))


def test_there_is_a_table_for_each_that_the_requests_give_and_no_other(lake, expected):
    published = {
        info.key.removeprefix("usage/").removesuffix(".tsv")
        for info in lake.list("usage/")
        if info.key.endswith(tuple(f"/{name}.tsv" for name in TABLES))
    }
    assert published == set(expected)
    assert sum(name.count("/") == 2 for name in published) == 3 * (3 + 2 + 1 + 1 + 2)  # versions of each


def test_every_table_has_the_rows_and_counts_of_the_requests(lake, expected):
    for name, rows in expected.items():
        found = {row[0]: tuple(map(int, row[1:4])) for row in read(lake, f"usage/{name}.tsv").itertuples()}
        assert found == {key: sums[:3] for key, sums in rows.items()}, name


def test_normalized_downloads_are_bytes_by_object_size_of_each_request(lake, expected):
    differing = 0
    for name, rows in expected.items():
        found = read(lake, f"usage/{name}.tsv")["normalized_downloads"]
        for key, (_, count, downloads, exact) in rows.items():
            rounding = 0.0005 + count * 0.5e-6
            assert abs(float(found[key]) - float(exact)) <= rounding * 1.000001, (name, key)
            differing += abs(downloads - exact) > 1
    assert differing > 100  # it is a measure of its own


def test_the_requests_of_all_datasets_are_those_of_the_archive_to_the_byte(lake, requests):
    total = sum(request.sent for request in requests)
    for name in ("by_day", "by_region", "by_dataset"):
        assert read(lake, f"usage/archive/{name}.tsv")["bytes_sent"].astype(int).sum() == total
    totals = json.loads(lake.read("usage/totals.json")).values()
    assert sum(dataset["total_bytes_sent"] for dataset in totals) == total
    assert sum(dataset["total_number_of_requests"] for dataset in totals) == len(requests)
    assert json.loads(lake.read("usage/archive_totals.json"))["total_bytes_sent"] == total


def test_totals_of_each_dataset_and_of_the_archive(lake, requests, datasets):
    def summary(own):
        regions = {request.region for request in own}
        return {
            "total_bytes_sent": sum(request.sent for request in own),
            "total_number_of_requests": len(own),
            "total_number_of_downloads": sum(request.status == 200 for request in own),
            "number_of_requesters": independent.requesters(own),
            "number_of_unique_regions": len(regions),
            "number_of_unique_countries": len(regions - {"bogon", "unknown"}),
        }

    found = json.loads(lake.read("usage/totals.json"))
    assert found == {name: summary(own) for name, own in datasets.items()}
    assert json.loads(lake.read("usage/archive_totals.json")) == summary(requests)


def test_requester_counts_are_those_of_different_addresses(lake, requests, datasets):
    for name, own in {**datasets, "archive": requests}.items():
        count = lake.read(f"usage/{name}/requester_count.tsv")
        assert count == f"{independent.requesters(own)}\n".encode(), name
        table = parquet(lake, f"usage/{name}/requester_count.parquet")
        assert table.to_pylist() == [{"number_of_requesters": independent.requesters(own)}]
    # Many ask for several datasets: they count once in the archive.
    assert independent.requesters(requests) < sum(map(independent.requesters, datasets.values()))


def test_weeks_of_assets(lake, datasets):
    for name, own in datasets.items():
        sums = Counter()
        for request in own:
            sums[str(request.week), request.path] += request.sent
        weeks = read(lake, f"usage/{name}/by_asset_per_week.tsv")
        assert list(weeks.index) == sorted({str(request.week) for request in own})
        assert set(weeks.columns) == {request.path for request in own}
        assert weeks.astype(int).stack().to_dict() == {
            (week, path): sums[week, path] for week in weeks.index for path in weeks.columns
        }
        long = parquet(lake, f"usage/{name}/by_asset_per_week.parquet").to_pylist()
        assert {(str(row["week_start"]), row["asset_path"]): row["bytes_sent"] for row in long} == dict(sums)
        assert [(row["week_start"], row["asset_path"]) for row in long] == sorted(
            {(request.week, request.path) for request in own}
        )


def test_weeks_of_asset_types(lake, datasets):
    for name, own in datasets.items():
        sums = Counter()
        for request in own:
            kind = SUFFIXES.get(request.path.rpartition(".")[2], "Miscellaneous")
            sums[str(request.week), kind] += request.sent
        weeks = read(lake, f"usage/{name}/by_asset_type_per_week.tsv")
        kinds = {kind for _, kind in sums}
        assert list(weeks.columns) == [kind for kind in [*TYPES, OTHERS] if kind in kinds]
        assert weeks.astype(int).stack().to_dict() == {
            (week, kind): sums[week, kind] for week in weeks.index for kind in kinds
        }
        long = parquet(lake, f"usage/{name}/by_asset_type_per_week.parquet").to_pylist()
        assert {(str(row["week_start"]), row["type"]): row["bytes_sent"] for row in long} == dict(sums)


def test_the_log_of_each_asset_has_its_requests(lake, datasets):
    """Months are those of the log days: what was delivered in June and happened in May is in June's files."""
    expected = defaultdict(list)
    for name, own in datasets.items():
        for request in own:
            if name != "unassociated":
                row = (f"{request.time:%Y-%m-%dT%H:%M:%SZ}", str(request.sent), request.region)
                expected[name, request.path, f"{request.log_day:%Y-%m}"].append(row)
    keys = {
        f"usage/{name}/logs/{path.replace('/', '%2F')}/{month}.tsv": sorted(
            rows, key=lambda row: (row[0], int(row[1]), row[2])
        )
        for (name, path, month), rows in expected.items()
    }
    assert {i.key for i in lake.list("usage/") if "/logs/" in i.key and i.key.endswith(".tsv")} == set(keys)
    for key, rows in keys.items():
        lines = lake.read(key).decode().splitlines()
        assert lines[0] == "timestamp\tbytes_sent\tregion"
        assert [tuple(line.split("\t")) for line in lines[1:]] == rows, key


def test_the_parquet_log_of_a_dataset_is_those_of_its_assets(lake, datasets):
    for name in sorted(set(datasets) - {"unassociated"}):
        table = parquet(lake, f"usage/{name}/logs/2024-06.parquet")
        assert table.column_names == ["asset_path", "timestamp", "bytes_sent", "region"]
        found = Counter(tuple(row.values()) for row in table.to_pylist())
        assert found == Counter((r.path, r.time, r.sent, r.region) for r in datasets[name])


def test_coordinates_are_given_for_every_region_and_for_no_service_or_unknown(lake, requests):
    places = json.loads(lake.read("usage/region_coordinates.json"))
    assert set(places) == {request.region for request in requests}
    assert {region for region, place in places.items() if place is None} == {"bogon", "unknown"}
    for country, (latitude, longitude) in MIDDLES.items():
        found = places[country]
        assert abs(found["latitude"] - latitude) < 6, country
        assert abs(found["longitude"] - longitude) < 12, country


@pytest.mark.parametrize("masking", [Masking(50, 20), Masking(50, 1), Masking(0, 7), Masking(0, 1)])
def test_parquet_and_tsv_say_the_same(lake, tmp_path, masking):
    archive = Archive(tmp_path)
    archive.lake = _copy(lake, tmp_path / "lake")
    publish(archive.lake, masking)
    compared = masked = 0
    for info in list(archive.lake.list("usage/")):
        name, _, ending = info.key.rpartition(".")
        if ending != "parquet" or name.rpartition("/")[2] not in TABLES:
            continue
        table, text = archive.parquet(info.key), archive.table(f"{name}.tsv")
        assert table.column_names == list(text.columns)
        assert table.column_names[1:] == list(COLUMNS)
        assert [str(value) for value in table.column(0).to_pylist()] == text.iloc[:, 0].tolist()
        for column in COLUMNS:
            shown, values = text[column].tolist(), table[column].to_pylist()
            if column == "bytes_sent":
                assert list(map(int, shown)) == values
            assert [None if value == f"<{masking.below}" else float(value) for value in shown] == values
            masked += values.count(None)
        compared += 1
    assert compared == 48
    assert (masked > 0) == (masking.below > 0)


def _copy(lake, root):
    """A lake with the same mapped days, that nobody published."""
    shutil.copytree(lake.root / "mapped", root / "mapped")
    return LocalStore(root)
