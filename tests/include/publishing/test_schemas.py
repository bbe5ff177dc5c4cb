"""Every published file is one that is declared, with just the columns that are declared."""

import csv
import json
import re
from io import BytesIO, StringIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.s3logs.catalogs.folders import RESERVED
from include.s3logs.lake import stages
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import publish
from include.s3logs.publishing.schemas import (
    FILES,
    MEASURES,
    TOTALS_OF_DATASETS,
    MaskedColumn,
    pattern_of,
    published_at,
)
from include.s3logs.stores.folder import LocalStore
from include.s3logs.tables.totals import TOTALS
from tests.support.golden import cases, stages_of

MASKED, EXACT = Masking(50, 20), Masking(0, 1)
BY_BYTES = "`bytes_sent`, most first"
WIDE = re.compile(r"<.*>")


@pytest.fixture(scope="module")
def worlds(tmp_path_factory, lake):
    """[(lake, what was masked)]: the golden worlds, each twice, and the sample."""
    found = [(lake, EXACT)]
    for case in cases("publish"):
        folder = tmp_path_factory.mktemp(case.name)
        for delivery in case.deliveries():
            case.deliver(delivery, folder / "source")
        stages_of(case, LocalStore(folder / "lake"), {"logs": LocalStore(folder / "source")})
        for masking in (MASKED, EXACT):
            copy = LocalStore(folder / f"round to {masking.round_to}")
            for info in LocalStore(folder / "lake").list():
                copy.write(info.key, LocalStore(folder / "lake").read(info.key))
            publish(copy, masking)
            found.append((copy, masking))
    return found


@pytest.fixture(scope="module")
def published(worlds):
    """[(key, content, what was masked)] of all worlds."""
    return [
        (info.key, lake.read(info.key), masking)
        for lake, masking in worlds
        for prefix in ("usage/", "status/")
        for info in lake.list(prefix)
    ]


def of_kind(published, kind):
    return [(key, data, masking) for key, data, masking in published if key.endswith(f".{kind}")]


def rows(data):
    return list(csv.reader(StringIO(data.decode(), newline=""), "excel-tab"))


def test_all_that_is_published_is_declared_and_all_that_is_declared_is_published(published):
    keys = {key for key, _, _ in published}
    assert [key for key in keys if published_at(key) is None] == []
    unseen = {own for file in FILES for own in file.places if own not in keys}
    assert {own for own in unseen if not any(re.fullmatch(pattern_of(own), key) for key in keys)} == set()


def test_every_parquet_file_has_the_schema_that_is_declared(published):
    for key, data, masking in of_kind(published, "parquet"):
        expected = published_at(key).schema
        if masking.round_to > 1 and "normalized_downloads" in expected.names:
            at = expected.get_field_index("normalized_downloads")
            expected = expected.set(at, pa.field("normalized_downloads", pa.int64()))
        assert pq.read_schema(BytesIO(data)).equals(expected), key


def test_every_tsv_has_the_header_that_is_declared(published):
    for key, data, _ in of_kind(published, "tsv"):
        file = published_at(key)
        header, *content = rows(data)
        if not file.has_header:
            assert not content
            assert len(header) == len(file.columns) == 1
        elif WIDE.fullmatch(file.names[-1]):
            assert header[: len(file.names) - 1] == list(file.names[:-1]), key
            assert len(header) >= len(file.names), key
        else:
            assert data.startswith(file.header), key
            assert header == list(file.names), key
        assert {len(row) for row in content} <= {len(header)}, key


def test_every_json_file_has_the_keys_that_are_declared(published):
    for key, data, _ in of_kind(published, "json"):
        file, content = published_at(key), json.loads(data)
        several = content.values() if file.order else [content]
        assert {frozenset(one) for one in several if one is not None} <= {frozenset(file.names)}, key


def test_just_the_columns_that_are_declared_so_are_masked(published):
    masked = set()
    for key, data, masking in of_kind(published, "tsv"):
        file = published_at(key)
        content = rows(data)[file.has_header :]
        for column, values in zip(file.columns, zip(*content, strict=True), strict=False):
            hidden = f"<{masking.below}" in values
            assert isinstance(column, MaskedColumn) or not hidden, (key, column)
            masked |= {column.name} if hidden else set()
            if isinstance(column, MaskedColumn) and masking is MASKED:
                assert all(value == "<50" or int(value) % 20 == 0 for value in values), (key, column)
    declared = {
        column.name
        for file in FILES
        if "tsv" in file.kinds
        for column in file.columns
        if isinstance(column, MaskedColumn)
    }
    assert masked == declared


def test_rows_are_in_the_order_that_is_declared(published):
    compared = set()
    for key, data, _ in of_kind(published, "parquet"):
        file, table = published_at(key), pq.read_table(BytesIO(data))
        if file.order == BY_BYTES:
            found = [-sent for sent in table["bytes_sent"].to_pylist()]
        else:
            time = next((name for name in ("date", "week_start", "timestamp") if name in file.names), "")
            words = [word.strip("`") for word in file.order.split(", ") if word]
            names = [time if word in ("time", "week") else word for word in words]
            found = list(zip(*(table[name].to_pylist() for name in names), strict=True))
        assert found == sorted(found), key
        compared.add(file.order)
    assert compared == {file.order for file in FILES if "parquet" in file.kinds}


def test_the_measures_are_what_is_summed_up():
    assert tuple(column.name for column in MEASURES) == TOTALS
    assert tuple(column.name for column in stages.MEASURES) == TOTALS


def test_no_dataset_can_have_the_name_of_a_file_or_folder_that_is_declared():
    places = {own.removeprefix("usage/").partition("/")[0] for file in FILES for own in file.places}
    assert {place for place in places if place not in ("<dataset>", "status")} <= RESERVED


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("usage/totals.json", TOTALS_OF_DATASETS),
        ("usage/reef/notes.tsv", None),
        ("usage/reef/logs/notes.tsv", None),
        ("usage/reef/logs/a.nwb/2024.tsv", None),
        ("usage/reef/1/2/by_day.tsv", None),
        ("usage/by_day.tsv", None),
        ("mapped/2024-06-01/by_day.parquet", None),
    ],
)
def test_what_somebody_put_below_usage_is_not_ours(key, found):
    assert published_at(key) is found
