"""The catalog in a CSV or Parquet file: what it claims, and what it is refused for."""

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.s3logs.catalogs.claims import CLAIMS, EmptyCatalog, first_claims
from include.s3logs.catalogs.manifest import ManifestCatalog
from include.s3logs.errors import CatalogError

HEADER = "object_key,dataset,version,asset_path"


def catalog(*rows, header=HEADER):
    return ManifestCatalog("\n".join([header, *rows, ""]).encode(), "catalog.csv")


def claims(found, *keys):
    """{object key: (dataset, version, asset path)}, what the dataset's own figures use"""
    return {
        row["object_key"]: (row["dataset"], row["version"], row["asset_path"])
        for row in first_claims(found.claims(keys)).to_pylist()
    }


def parquet(columns):
    sink = BytesIO()
    pq.write_table(pa.table(columns), sink)
    return ManifestCatalog(sink.getvalue(), "catalog.parquet")


# What it claims


def test_a_key_is_claimed_with_its_dataset_version_and_path_and_others_are_not():
    found = catalog("blobs/1,reef,0.1,sub/a.nc", "blobs/2,kelp,draft,b.nc")
    assert claims(found, "blobs/1", "blobs/3") == {"blobs/1": ("reef", "0.1", "sub/a.nc")}


@pytest.mark.parametrize(
    "found", [catalog("k,reef,1,a"), catalog(), EmptyCatalog()], ids=lambda c: type(c).__name__
)
def test_an_answer_has_the_same_shape_when_nothing_is_claimed(found):
    for keys in ([], ["nobody's"]):
        answer = found.claims(keys)
        assert answer.schema.equals(CLAIMS)
        assert answer.num_rows == 0


def test_a_key_asked_for_twice_is_answered_once_and_answers_are_in_order_of_the_key():
    found = catalog("c,reef,1,c.nc", "a,reef,1,a.nc", "b,reef,1,b.nc")
    assert found.claims(["b", "c", "b", "a"])["object_key"].to_pylist() == ["a", "b", "c"]
    assert found.claims(["b"]).schema.equals(CLAIMS)


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        (["0.9", "0.10"], "0.10"),
        (["0.10", "0.9", "draft"], "draft"),
        (["9.0.0", "10.0.0", "2.99.99"], "10.0.0"),
        (["0.210831.2033", "0.220126.1903"], "0.220126.1903"),
        (["1", "1.0"], "1.0"),
        (["", "0.1"], "0.1"),
        (["99999999999999999999", "draft"], "draft"),
    ],
)
def test_the_newest_version_of_a_key_wins_wherever_its_row_stands(versions, newest):
    rows = [f"k,reef,{version},in/{version}.nc" for version in versions]
    for order in (rows, rows[::-1]):
        assert claims(catalog(*order), "k") == {"k": ("reef", newest, f"in/{newest}.nc")}


def test_of_several_paths_in_one_version_the_same_one_is_taken_wherever_its_row_stands():
    rows = ["k,reef,1,b.nc", "k,reef,1,a.nc"]
    assert claims(catalog(*rows), "k") == claims(catalog(*rows[::-1]), "k") == {"k": ("reef", "1", "a.nc")}


def test_every_version_and_path_is_claimed_newest_version_first_then_by_path():
    rows = [
        "k,reef,0.9,b.nc",
        "k,reef,draft,z.nc",
        "k,reef,0.10,b.nc",
        "k,reef,0.10,a.nc",
        "j,reef,0.9,c.nc",
        "k,reef,0.9,b.nc",
    ]
    for order in (rows, rows[::-1]):
        answer = catalog(*order).claims(["k", "j"])
        assert [tuple(row.values())[::2] for row in answer.to_pylist()] == [
            ("j", "0.9"),
            ("k", "draft"),
            ("k", "0.10"),
            ("k", "0.10"),
            ("k", "0.9"),
        ]
        assert answer["asset_path"].to_pylist() == ["c.nc", "z.nc", "a.nc", "b.nc", "b.nc"]


def test_a_zarr_is_claimed_by_its_id_with_or_without_trailing_slash():
    found = catalog("zarr/1/,reef,1,one.zarr", "zarr/2,reef,1,two.zarr")
    assert claims(found, "zarr/1", "zarr/2") == {
        "zarr/1": ("reef", "1", "one.zarr"),
        "zarr/2": ("reef", "1", "two.zarr"),
    }


def test_a_byte_order_mark_is_no_part_of_the_first_column():
    found = ManifestCatalog(f"\ufeff{HEADER}\r\nk,reef,1,a.nc\r\n".encode(), "catalog.csv")
    assert claims(found, "k") == {"k": ("reef", "1", "a.nc")}


def test_quoted_fields_may_hold_commas_quotes_and_newlines():
    found = catalog('"k,1",reef,1,"a, ""b""\n.nc"', '"k,2","reef, the",1,b.nc')
    assert claims(found, "k,1", "k,2") == {
        "k,1": ("reef", "1", 'a, "b"\n.nc'),
        "k,2": ("reef, the", "1", "b.nc"),
    }


@pytest.mark.parametrize("text", ["NA", "null", "None", "nan", "NaN", "N/A", "007", "1e5", "True", "1.10"])
def test_every_value_stays_the_text_it_is(text):
    assert claims(catalog(f"{text},{text},{text},{text}"), text) == {text: (text, text, text)}


def test_columns_may_stand_in_any_order_and_others_are_ignored():
    found = catalog("1,a.nc,note,reef,k", header="version,asset_path,comment,dataset,object_key")
    assert claims(found, "k") == {"k": ("reef", "1", "a.nc")}


def test_a_repeated_row_does_no_harm():
    found = catalog("k,reef,1,a.nc", "k,reef,1,a.nc", "zarr/1,reef,1,z", "zarr/1/,reef,1,z")
    assert found.claims(["k", "zarr/1"]).num_rows == 2


def test_a_version_may_be_missing():
    assert claims(catalog("k,reef,,a.nc"), "k") == {"k": ("reef", "", "a.nc")}


# The same in Parquet


def test_a_parquet_file_says_the_same_as_a_csv_file():
    columns = {"asset_path": ["a", "b"], "object_key": ["k", "zarr/1/0"], "dataset": ["reef", "kelp"]}
    found = parquet({**columns, "version": pa.array([None, "1"]).dictionary_encode(), "note": [1, 2]})
    assert claims(found, "k", "zarr/1") == {"k": ("reef", "", "a"), "zarr/1": ("kelp", "1", "b")}


def test_an_empty_parquet_file_claims_nothing():
    answer = parquet({name: pa.array([], pa.string()) for name in CLAIMS.names}).claims(["k"])
    assert answer.schema.equals(CLAIMS)
    assert answer.num_rows == 0


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"object_key": ["k"], "dataset": ["d"], "asset_path": ["a"]}, "lacks the column version"),
        (
            {"object_key": ["k"], "dataset": [None], "version": ["1"], "asset_path": ["a"]},
            "without .*'k,,1,a'",
        ),
        (
            {"object_key": [b"\xff"], "dataset": ["d"], "version": ["1"], "asset_path": ["a"]},
            "no readable Parq",
        ),
        (
            {"object_key": [["k"]], "dataset": ["d"], "version": ["1"], "asset_path": ["a"]},
            "no readable Parq",
        ),
    ],
    ids=["column", "empty", "not-utf8", "nested"],
)
def test_a_parquet_file_is_refused_for_the_same_reasons(columns, problem):
    with pytest.raises(CatalogError, match=rf"catalog\.parquet .*{problem}"):
        parquet(columns)


def test_a_parquet_file_that_is_cut_off_is_refused():
    with pytest.raises(CatalogError, match=r"catalog\.parquet is no readable Parquet"):
        ManifestCatalog(b"PAR1 and no more", "catalog.parquet")


# What it is refused for


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe\x00garbage", f'{HEADER}\n"k,reef,1,never closed'.encode(), b"\x1f\x8b\x08\x00\x00"],
    ids=["empty", "not-utf8", "quote-never-closed", "gzip"],
)
def test_a_file_that_is_no_csv_is_refused_by_name(data):
    with pytest.raises(CatalogError, match=r"The catalog s3://b/catalog\.csv"):
        ManifestCatalog(data, "s3://b/catalog.csv")


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_named(column):
    header = HEADER.replace(column, "other")
    with pytest.raises(CatalogError, match=f"catalog.csv lacks the column {column}"):
        catalog("k,reef,1,a.nc", header=header)


@pytest.mark.parametrize("row", [",reef,1,a.nc", "k,,1,a.nc", "k,reef,1,"], ids=["key", "dataset", "path"])
def test_an_empty_value_is_refused_with_its_row(row):
    with pytest.raises(CatalogError, match=rf"catalog\.csv .*without object_key, .*: '{row}'"):
        catalog("k1,reef,1,a.nc", row, "k3,reef,1,c.nc")


@pytest.mark.parametrize("row", ["k", "k,reef", "k,reef,1"])
def test_a_row_with_too_few_values_is_refused_with_its_row(row):
    with pytest.raises(CatalogError, match=rf"catalog\.csv .*: '{row},+'"):
        catalog("k1,reef,1,a.nc", row)


def test_a_row_with_too_many_values_is_refused():
    with pytest.raises(CatalogError, match=r"catalog\.csv.*line 3\b"):
        catalog("k1,reef,1,a.nc", "k2,reef,1,a,b.nc")


def test_values_are_never_read_one_column_further_left_when_every_row_has_one_too_many():
    with pytest.raises(CatalogError, match=r"catalog\.csv"):
        catalog("k1,reef,1,a,b.nc", "k2,reef,1,c,d.nc")


@pytest.mark.parametrize("name", ["unassociated", "archive", "totals.json", "archive_totals.json"])
def test_a_dataset_may_not_have_a_name_that_usage_needs_itself(name):
    with pytest.raises(CatalogError, match=rf"catalog\.csv calls a dataset '{name}'"):
        catalog("k1,reef,1,a.nc", f"k2,{name},1,b.nc")


@pytest.mark.parametrize(
    "rows",
    [
        ["k,reef,1,a.nc", "k,kelp,1,a.nc"],
        ["k,reef,1,a.nc", "x,reef,1,x.nc", "k,kelp,draft,b.nc"],
        ["zarr/k/,reef,1,a.nc", "zarr/k,kelp,1,a.nc"],
        ["zarr/k/0/0,reef,1,a.nc", "zarr/k,kelp,1,a.nc"],
    ],
    ids=["same-path", "other-version", "trailing-slash", "chunk"],
)
def test_a_key_that_two_datasets_claim_is_refused_naming_the_key_and_both(rows):
    with pytest.raises(CatalogError, match=r"catalog\.csv gives the object (zarr/)?k .*\(kelp and reef\)"):
        catalog(*rows)


def test_a_key_may_end_with_a_slash():
    assert claims(catalog("folder/,reef,1,folder", "folder,kelp,1,file"), "folder/", "folder") == {
        "folder/": ("reef", "1", "folder"),
        "folder": ("kelp", "1", "file"),
    }


def test_a_dataset_name_that_no_file_system_takes_is_refused():
    with pytest.raises(CatalogError, match=r"catalog\.csv has a dataset name that is too long"):
        catalog(f"k,{'é' * 50},1,a.nc")
