"""What the page says of the lake is what a lake holds: its keys, its pointers, its tables."""

import dataclasses
import re
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from include.s3logs.documents.kept import POINTERS, TABLES, layout
from include.s3logs.lake.pointer import Pointer
from include.s3logs.lake.stages import by_name
from include.s3logs.logs.rolled_up import manifest
from include.s3logs.publishing.schemas import pattern_of, published_at
from include.s3logs.stages.retention import retain_day
from include.s3logs.tables.schemas import check_columns
from tests.support.old_lake import CHECKED, DAYS, releases, unpack

ONLY_IF_THERE_ARE_SOME = {"marks"}
PATTERNS = {re.compile(pattern_of(key)): key for keys, _ in layout() for key in keys}


@pytest.fixture(params=releases())
def lake(request, tmp_path):
    """One that holds all there is, finished and read by the code of today."""
    old = unpack(request.param, tmp_path)
    old.do()
    old.publish()
    retain_day(old.lake, DAYS[0], old.regions(), CHECKED)
    return old.lake


def pattern(key):
    return next((shown for found, shown in PATTERNS.items() if found.fullmatch(key)), None)


def test_every_key_of_a_lake_is_on_the_page(lake):
    keys = [info.key for info in lake.list() if published_at(info.key) is None]
    assert [key for key in keys if pattern(key) is None] == []
    never = {shown for shown in PATTERNS.values() if not any(pattern(key) == shown for key in keys)}
    at_work = {"open/<log day>", "listings/<run>/<log day>.tsv", "publish/_unfinished-<attempt>"}
    of_trouble = {"unreadable/_asked.json"}
    of_other_dags = {"regions/region_coordinates.json", "audit/logging.txt", "audit/logging.json"}
    derived = {"regions/networks/<digest>.table"}  # these regions are offline
    rest = never - at_work - of_trouble - of_other_dags - derived
    assert rest == {
        "status/log_days.tsv",
        "usage/…",
    }  # that is published


def test_every_pointer_says_what_the_page_says(lake):
    keys = [info.key for info in lake.list()]
    for shown, kind in POINTERS.items():
        if kind is not manifest.KIND:
            found = [key for key in keys if re.fullmatch(pattern_of(shown), key)]
            assert found, shown
            told = {key: set(Pointer(lake, key, kind).read().content) for key in found}
            for key, names in told.items():
                assert set(kind.says) - names <= ONLY_IF_THERE_ARE_SOME, key
            assert set().union(*told.values()) == set(kind.says)


def test_every_field_of_a_manifest_is_on_the_page():
    assert set(manifest.KIND.says) == {field.name for field in dataclasses.fields(manifest.Manifest)}
    parts = {*manifest.Member._fields, *(field.name for field in dataclasses.fields(manifest.RollUpFile))}
    told = " ".join(manifest.KIND.says.values())
    assert {part for part in parts if f"`{part}`" not in told} == set()


def test_every_table_of_a_lake_has_the_columns_that_the_page_says(lake, tmp_path):
    compared = set()
    for info in lake.list():
        if not info.key.endswith(".parquet") or published_at(info.key):
            continue
        shown, stage = pattern(info.key), by_name(info.key.partition("/")[0])
        role = info.key.rpartition("/")[2].rpartition("-")[0]
        columns = stage.file(role).columns if stage else TABLES[shown]
        path = tmp_path / "table"
        path.write_bytes(lake.read(info.key))
        assert check_columns(path, columns) == "", info.key
        assert pq.read_schema(BytesIO(path.read_bytes())).names == [column.name for column in columns]
        compared.add(shown)
    assert compared == {shown for shown in PATTERNS.values() if shown.endswith(".parquet")}
