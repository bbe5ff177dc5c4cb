"""What all catalogs share, the catalog that is the keys themselves, and which datasets are wanted."""

import traceback

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.catalogs.claims import CLAIMS, claims_digest, first_claims
from include.s3logs.catalogs.datasets import ALL, DatasetFilter
from include.s3logs.catalogs.manifest import ManifestCatalog
from include.s3logs.catalogs.prefix import PrefixCatalog
from include.s3logs.catalogs.table import TableCatalog, in_order
from include.s3logs.errors import SettingsError
from include.s3logs.settings import load_settings
from include.s3logs.settings.catalog_choice import DANDI_ARCHIVE, choose

NAMES = st.text("ab/.", max_size=3)
ROWS = st.lists(
    st.tuples(NAMES, st.sampled_from("XYZ"), st.sampled_from(["", "0.9", "0.10", "draft"]), NAMES),
    max_size=12,
)


def table(rows):
    columns = list(zip(*rows, strict=True)) or [[]] * 4
    return pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], schema=CLAIMS)


def rows_of(claims):
    return [tuple(row.values()) for row in claims.to_pylist()]


def restrict(*names, **values):
    return DatasetFilter(restrict_to=frozenset(names), **values)


# The choice


@pytest.mark.parametrize(
    ("setting", "choice"),
    [
        ("", ("none", "")),
        ("/data/catalog.csv", ("manifest", "/data/catalog.csv")),
        ("s3://bucket/dandi.parquet", ("manifest", "s3://bucket/dandi.parquet")),
        ("prefix", ("manifest", "prefix")),
        ("danid", ("manifest", "danid")),
        ("./dandi", ("manifest", "./dandi")),
        ("prefix:2", ("prefix", "2")),
        ("dandi", ("dandi", DANDI_ARCHIVE)),
        ("dandi:https://api.example.org:8443/api/", ("dandi", "https://api.example.org:8443/api")),
        ("dandi:http://[::1]:80/api", ("dandi", "http://[::1]:80/api")),
    ],
)
def test_the_setting_names_one_kind_of_catalog(setting, choice):
    assert choose(setting) == choice


@pytest.mark.parametrize(
    "setting",
    [
        "prefix:0",
        "prefix:513",
        "prefix:-1",
        "prefix:",
        "prefix:x",
        "prefix:1.5",
        "dandi:",
        "dandi:x",
        "dandi:ftp://x/y",
        "dandi:http://:80/api",
        "dandi:http://x:port/api",
        "dandi:http://x:99999/api",
        "dandi:http://a..b/api",
    ],
)
def test_a_kind_with_a_value_that_makes_no_sense_is_refused_before_any_work(settings_env, setting):
    settings_env(catalog=setting)
    with pytest.raises(SettingsError, match=f"S3LOGS_CATALOG='{setting}'.*write (prefix|dandi):<"):
        load_settings()


def test_an_address_with_a_password_is_refused_and_the_password_not_shown(settings_env):
    settings_env(catalog="dandi:https://me:pass-word@api.example.org/api")
    with pytest.raises(SettingsError, match=r"S3LOGS_CATALOG=…: .*without a user") as error:
        load_settings()
    assert "pass-word" not in "".join(traceback.format_exception(error.value))


def test_restrict_and_exclude_together_are_refused_before_any_work(settings_env):
    settings_env(restrict_to_datasets="000003", exclude_datasets="000021")
    with pytest.raises(SettingsError, match=r"S3LOGS_EXCLUDE_DATASETS=.*S3LOGS_RESTRICT_TO_DATASETS"):
        load_settings()


# Which datasets are wanted


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (ALL, ["a", "b", "c"]),
        (restrict("c", "a"), ["a", "c"]),
        (DatasetFilter(exclude=frozenset("b")), ["a", "c"]),
        (DatasetFilter(limit=2), ["a", "b"]),
        (DatasetFilter(exclude=frozenset("a"), limit=1), ["b"]),
        (restrict("c", "b", limit=1), ["b"]),
    ],
)
def test_datasets_are_chosen_in_order_of_their_names(wanted, chosen):
    assert wanted.chosen(["c", "a", "b"]) == chosen


def test_a_dataset_to_restrict_to_that_the_catalog_does_not_have_is_refused():
    manifest = b"object_key,dataset,version,asset_path\nk,typhoon,1,p\n"
    with pytest.raises(SettingsError, match=r"RESTRICT_TO_DATASETS.*typhon \(did you mean typhoon\?\), x\."):
        ManifestCatalog(manifest, "catalog.csv", restrict("typhoon", "x", "typhon"))


def test_one_to_exclude_that_it_does_not_have_is_told(caplog):
    manifest = b"object_key,dataset,version,asset_path\nk,a,1,p\n"
    datasets = DatasetFilter(exclude=frozenset({"typo"}))
    assert ManifestCatalog(manifest, "catalog.csv", datasets).claims(["k"]).num_rows == 1
    assert "S3LOGS_EXCLUDE_DATASETS: the catalog has no dataset typo." in caplog.text


def test_the_filter_of_the_settings(settings_env):
    settings_env(exclude_datasets="b, c", dataset_limit=3)
    assert DatasetFilter.of(load_settings()) == DatasetFilter(exclude=frozenset("bc"), limit=3)


# Tables of claims


@given(ROWS, st.lists(NAMES, max_size=6))
def test_every_key_counts_for_one_dataset_with_all_its_versions_in_order(rows, keys):
    answer = TableCatalog(in_order(table(rows)), "", ALL).claims(keys)
    assert answer.schema.equals(CLAIMS)
    found = rows_of(answer)
    owners = {key: min((dataset for k, dataset, *_ in rows if k == key), default=None) for key in keys}
    assert set(found) == {row for row in rows if row[1] == owners.get(row[0])}
    assert len(found) == len(set(found))
    age = ["draft", "0.10", "0.9", ""].index
    assert found == sorted(found, key=lambda row: (row[0], age(row[2]), row[3]))
    first = {}
    for row in found:
        first.setdefault(row[0], row)
    assert rows_of(first_claims(answer)) == list(first.values())


@given(ROWS, ROWS)
def test_claims_have_the_same_digest_when_and_only_when_they_are_the_same(some, others):
    assert (claims_digest([table(some)]) == claims_digest([table(others)])) == (some == others)


@given(ROWS, st.integers(0, 12))
def test_the_digest_does_not_depend_on_how_arrow_keeps_the_claims(rows, cut):
    whole = table(rows)
    padded = pa.concat_tables([table([("x", "y", "z", "w")]), whole]).combine_chunks().slice(1)
    parts = [whole.slice(0, cut), whole.slice(cut)]
    for same in ([pa.concat_tables(parts)], parts, [padded]):
        assert claims_digest(same) == claims_digest([whole])


def test_a_catalog_that_claims_something_else_has_another_fingerprint():
    rows = in_order(table([("k", "X", "", "a"), ("l", "Y", "", "b")]))
    fingerprints = {TableCatalog(rows, digest, ALL).fingerprint for digest in ("1", "2")}
    fingerprints |= {TableCatalog(rows, "1", restrict("X")).fingerprint, PrefixCatalog(1).fingerprint}
    fingerprints |= {PrefixCatalog(2).fingerprint, PrefixCatalog(1, restrict("X")).fingerprint}
    assert len(fingerprints) == 6
    assert TableCatalog(rows, "1", ALL).fingerprint == TableCatalog(rows, "1", ALL).fingerprint


def test_a_filtered_datasets_objects_are_nobodys_unless_another_has_them_too():
    rows = in_order(table([("k", "X", "", "a"), ("l", "X", "", "b"), ("l", "Y", "", "c")]))
    found = TableCatalog(rows, "", DatasetFilter(exclude=frozenset("X")))
    assert rows_of(found.claims(["k", "l"])) == [("l", "Y", "", "c")]


# The first segments of a key


@pytest.mark.parametrize(
    ("segments", "key", "claim"),
    [
        (1, "ds000001/sub-01/anat.nii", ("ds000001", "", "sub-01/anat.nii")),
        (2, "org/ds1/sub/a", ("org/ds1", "", "sub/a")),
        (1, "ds1//x", ("ds1", "", "/x")),
        (1, "ds1/a\nb", ("ds1", "", "a\nb")),
        (1, "../../etc", ("..", "", "../etc")),
        (1, "é/ß", ("é", "", "ß")),
        (1, "ds1", None),
        (1, "ds1/", None),
        (2, "org/ds1", None),
        (2, "org//x", None),
        (1, "/ds1/x", None),
        (1, "", None),
        (1, "-", None),
        (1, "archive/x", None),
        (1, "unassociated/x", None),
        (1, f"{'é' * 50}/x", None),
    ],
)
def test_the_first_segments_are_the_dataset_and_the_rest_is_the_path(segments, key, claim):
    claims = PrefixCatalog(segments).claims([key])
    assert claims.schema.equals(CLAIMS)
    assert rows_of(claims) == ([(key, *claim)] if claim else [])


def test_keys_are_answered_once_and_in_order():
    claims = PrefixCatalog(1).claims(["b/1", "a/2", "b/1", "c", "a/1"])
    assert claims["object_key"].to_pylist() == ["a/1", "a/2", "b/1"]
    assert PrefixCatalog(1).claims([]).schema.equals(CLAIMS)
    assert rows_of(PrefixCatalog(1).claims(pa.array(["a/2"]))) == [("a/2", "a", "", "2")]


@pytest.mark.parametrize("wanted", [restrict("a"), DatasetFilter(exclude=frozenset("b"))])
def test_datasets_that_are_filtered_away_claim_nothing(wanted):
    assert PrefixCatalog(1, wanted).claims(["a/1", "b/1"])["dataset"].to_pylist() == ["a"]


def test_a_limit_is_refused_because_there_is_no_list_of_datasets():
    with pytest.raises(SettingsError, match="S3LOGS_DATASET_LIMIT"):
        PrefixCatalog(1, DatasetFilter(limit=1))
