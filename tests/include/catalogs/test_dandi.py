"""The catalog of a DANDI-style archive: what is asked, what it claims, what happens when the API fails."""

import json
import logging
import re
import time
import traceback
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pyarrow as pa
import pytest

from include.s3logs.catalogs.claims import CLAIMS, first_claims
from include.s3logs.catalogs.dandi import ASSETS, FOLDER, KIND, POINTER, Fetched, open_cached, refresh
from include.s3logs.catalogs.dandi_api import DandiApi
from include.s3logs.catalogs.datasets import ALL, DatasetFilter
from include.s3logs.catalogs.rest import LIMITS, PARALLEL_REQUESTS, RestApi
from include.s3logs.errors import (
    AccessDeniedError,
    CatalogError,
    CatalogUnavailableError,
    ChangedObjectError,
    NewerLakeError,
    NotFoundError,
    S3LogsError,
    SettingsError,
)
from include.s3logs.lake.pointer import Attempt, Pointer
from include.s3logs.stores.folder import LocalStore
from include.s3logs.tables.parquet import to_parquet
from tests.support.dandi_server import dandi_server

ONE, TWO, THREE = (f"{n}{n}{n}00000-aaaa-4aaa-8aaa-000000000000" for n in (1, 2, 3))


def key(blob):
    return f"blobs/{blob[:3]}/{blob[3:6]}/{blob}"


@pytest.fixture
def archive():
    with dandi_server(page_limit=2) as server:
        server.put("000003", "0.9", ("old.nwb", ONE))
        server.put("000003", "0.10", ("one.nwb", ONE), ("copy/one.nwb", ONE))
        server.put("000003", "draft", ("one.nwb", ONE), ("two.nwb", TWO), ("z.ome.zarr", "zarr/z-1"))
        server.put("000021", "draft", ("three.nwb", THREE))
        yield server


class Deployment:
    def __init__(self, archive, folder):
        self.archive, self.lake, self.slept = archive, LocalStore(folder / "lake"), []

    def refresh(self, datasets=ALL, **limits):
        self.archive.asked.clear()
        limits = replace(LIMITS, **{"read": 10, "sleep": self.slept.append, **limits})
        with closing(RestApi(self.archive.address, limits)) as api:
            return refresh(self.lake, DandiApi(api), datasets)

    def catalog(self, datasets=ALL):
        return open_cached(self.lake, self.archive.address, datasets)

    def claims(self, *blobs, datasets=ALL):
        """{object key or zarr: [(dataset, version, asset path)]}"""
        found = {}
        for row in self.catalog(datasets).claims([b if "/" in b else key(b) for b in blobs]).to_pylist():
            object_key, *rest = row.values()
            found.setdefault(object_key, []).append(tuple(rest))
        return found

    def files(self):
        return {info.key for info in self.lake.list("catalog/")}


@pytest.fixture
def deployment(archive, tmp_path):
    return Deployment(archive, tmp_path)


# What it claims


def test_blobs_and_zarrs_are_claimed_in_every_version_and_path_newest_first(deployment):
    summary = deployment.refresh()
    assert deployment.claims(ONE, THREE, "zarr/z-1", "blobs/none") == {
        key(ONE): [
            ("000003", "draft", "one.nwb"),
            ("000003", "0.10", "copy/one.nwb"),
            ("000003", "0.10", "one.nwb"),
            ("000003", "0.9", "old.nwb"),
        ],
        key(THREE): [("000021", "draft", "three.nwb")],
        "zarr/z-1": [("000003", "draft", "z.ome.zarr")],
    }
    assert deployment.catalog().claims([key(ONE)]).schema.equals(CLAIMS)
    del summary["fetched"]
    counts = {"datasets": 2, "versions": 4, "assets": 7, "versions_read": 4}
    none = {"versions_kept": 0, "refused": 0, "shared_keys": 0}
    assert summary == {"outcome": "fetched", **counts, **none}


def test_a_blob_of_several_datasets_counts_for_the_lowest_identifier_and_their_number_is_told(
    deployment, archive
):
    archive.put("000001", "draft", ("early.nwb", THREE))
    archive.put("000100", "draft", ("late.nwb", THREE), ("late.nwb", ONE))
    assert deployment.refresh()["shared_keys"] == 2
    assert deployment.claims(ONE, THREE)[key(THREE)] == [("000001", "draft", "early.nwb")]
    assert {row[0] for row in deployment.claims(ONE)[key(ONE)]} == {"000003"}
    assert first_claims(deployment.catalog().claims([key(ONE), key(THREE)])).num_rows == 2


@pytest.mark.parametrize(
    ("datasets", "owner"),
    [
        (DatasetFilter(restrict_to=frozenset({"000021"})), {key(THREE): "000021"}),
        (DatasetFilter(exclude=frozenset({"000021"})), {key(ONE): "000003"}),
        (DatasetFilter(limit=1), {key(ONE): "000003"}),
        (DatasetFilter(exclude=frozenset({"000003"}), limit=1), {key(THREE): "000021"}),
    ],
    ids=["restrict", "exclude", "limit", "exclude-and-limit"],
)
def test_datasets_that_are_filtered_away_are_not_even_asked_for(deployment, archive, datasets, owner):
    deployment.refresh(datasets)
    (wanted,) = set(owner.values())
    assert all(f"/{wanted}/" in address for address in archive.asked_for("/versions/"))
    found = deployment.claims(ONE, THREE, datasets=datasets)
    assert {name: rows[0][0] for name, rows in found.items()} == owner
    assert deployment.refresh(ALL)["datasets"] == 2


def test_a_dataset_that_the_archive_does_not_have_is_told_once_and_one_it_has_never(deployment, caplog):
    datasets = DatasetFilter(exclude=frozenset({"000021", "000022"}))
    deployment.refresh(datasets)
    deployment.catalog(datasets)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == ["S3LOGS_EXCLUDE_DATASETS: the catalog has no dataset 000022."]


def test_figures_of_nothing_but_a_dataset_that_the_archive_does_not_have_are_refused(deployment):
    datasets = DatasetFilter(restrict_to=frozenset({"000021", "000022"}))
    with pytest.raises(SettingsError, match=r"RESTRICT_TO_DATASETS: the catalog has no dataset 000022\."):
        deployment.refresh(datasets)


# Asked for again only when it changed


def test_what_did_not_change_is_not_asked_for_again(deployment, archive):
    first, files = deployment.refresh(), deployment.files()
    digest = deployment.catalog().fingerprint
    assert deployment.refresh()["outcome"] == "unchanged"
    assert archive.asked_for("/versions/") == []
    assert deployment.files() == files
    archive.put("000021", "draft", ("three.nwb", THREE), ("two.nwb", TWO))
    archive.put("000021", "0.1", ("three.nwb", THREE))
    again = deployment.refresh()
    assert (again["outcome"], again["versions_read"], again["assets"]) == ("fetched", 2, first["assets"] + 2)
    assert archive.asked_for("000003") == []
    assert [row[1] for row in deployment.claims(THREE)[key(THREE)]] == ["draft", "0.1"]
    assert deployment.catalog().fingerprint != digest


def test_published_versions_never_change_and_are_read_once(deployment, archive):
    deployment.refresh()
    archive.put("000003", "0.10", ("one.nwb", ONE))  # its metadata was touched
    archive.put("000003", "draft", ("one.nwb", ONE))
    assert deployment.refresh()["versions_read"] == 1
    assert archive.asked_for("/0.10/") == []


def test_an_archive_that_does_not_list_states_is_asked_for_its_versions_but_not_their_assets(
    deployment, archive
):
    archive.lists_states = False
    deployment.refresh()
    assert deployment.refresh()["outcome"] == "unchanged"
    assert len(archive.asked_for("/versions/")) == 3  # two pages of one dataset, one of the other
    assert archive.asked_for("/assets/") == []


def test_an_archive_that_does_not_say_when_something_changed_is_read_again(deployment, archive):
    for versions in archive.datasets.values():
        for version in versions.values():
            del version["modified"]
    deployment.refresh()
    assert deployment.refresh()["versions_read"] == 2  # the drafts


def test_datasets_and_versions_that_go_away_are_claimed_no_more(deployment, archive):
    deployment.refresh()
    del archive.datasets["000021"]
    del archive.datasets["000003"]["draft"]
    assert deployment.refresh()["outcome"] == "fetched"
    assert deployment.claims(TWO, THREE) == {}
    assert [row[1] for row in deployment.claims(ONE)[key(ONE)]] == ["0.10", "0.10", "0.9"]


def test_a_change_while_it_is_read_is_seen_by_the_next_fetch(deployment, archive):
    def change():
        archive.put("000021", "draft", ("three.nwb", THREE), ("two.nwb", TWO))

    archive.faults["000021/versions/draft/assets/"] = [("call", change)]
    deployment.refresh()
    assert deployment.refresh()["versions_read"] == 1
    assert deployment.refresh()["outcome"] == "unchanged"


def test_fetching_everything_again_gives_the_same_catalog(deployment, archive, tmp_path):
    deployment.refresh()
    archive.put("000021", "draft", ("moved.nwb", THREE))
    deployment.refresh()
    fresh = Deployment(archive, tmp_path / "fresh")
    fresh.refresh()
    assert fresh.catalog().rows.equals(deployment.catalog().rows)
    assert fresh.catalog().fingerprint == deployment.catalog().fingerprint


def test_requests_run_in_parallel_but_not_more_than_allowed(deployment, archive):
    for n in range(40):
        archive.put(f"1{n:05}", "draft", (f"{n}.nwb", f"{n:06}-blob"))
    archive.faults["/assets/"] = [("hang", 0.05)] * 40
    deployment.refresh()
    assert 1 < archive.largest_at_once <= PARALLEL_REQUESTS


# The API in trouble


@pytest.mark.parametrize(
    "fault",
    [
        ("status", 500),
        ("status", 503),
        ("status", 429),
        ("hang", 0.6),
        ("body", b"<html>"),
        ("body", b"[]"),
        ("body", b'{"results": "many", "next": null}'),
        ("body", b'{"results": [], "next": 7}'),
    ],
    ids=str,
)
@pytest.mark.parametrize("where", ["dandisets/?", "000003/versions/?", "draft/assets/?", "page=2"])
def test_trouble_that_passes_is_waited_out(deployment, archive, fault, where):
    archive.faults[where] = [fault] * 2
    assert deployment.refresh(read=0.3)["assets"] == 7
    assert deployment.slept[:2] in ([1, 2], [1, 1])  # of one request, or of two at the same time


def in_a_minute():
    return format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        (lambda: "7", 7, 7),
        (in_a_minute, 1, 60),
        (lambda: "soon", 1, 1),
        (lambda: f"Mon, 01 Jan 2024 00:00:00 +{'9' * 30}", 1, 1),
    ],
    ids=["seconds", "date", "nonsense", "zone"],
)
def test_a_server_that_asks_to_wait_is_waited_for(deployment, archive, value, least, most):
    archive.faults["dandisets/?"] = [("status", 429, {"Retry-After": value()})]
    deployment.refresh()
    (slept,) = deployment.slept
    assert least <= slept <= most


def test_a_server_that_asks_to_wait_for_an_hour_is_given_up_for_now(deployment, archive):
    archive.faults["dandisets/?"] = [("status", 429, {"Retry-After": "3600"})]
    with pytest.raises(CatalogUnavailableError, match=r"/api/dandisets/.*429.*3600 s"):
        deployment.refresh()
    assert deployment.slept == []


FOR_GOOD = [("status", 500)] * 99


@pytest.mark.parametrize(
    ("where", "page"), [("dandisets/?", 1), ("000021/versions/?", 1), ("0.9/assets/?", 1), ("page=2", 2)]
)
def test_without_a_last_good_catalog_a_failed_fetch_fails_naming_the_address(
    deployment, archive, where, page
):
    archive.faults[where] = list(FOR_GOOD)
    path = where.strip("?") if page == 1 else "dandisets/000003/"
    with pytest.raises(CatalogUnavailableError, match=rf"http://127.*{path}.*status 500.* page {page} of"):
        deployment.refresh()
    assert deployment.files() == set()
    assert deployment.slept[:1] == [1]


@pytest.mark.parametrize(
    "fault", [("status", 500), ("body", b"no"), ("status", 404), ("status", 403)], ids=str
)
def test_with_one_it_is_kept_and_that_is_said(deployment, archive, fault, caplog):
    good = deployment.refresh()
    archive.put("000021", "draft", ("moved.nwb", THREE))
    archive.faults["dandisets/?"] = [fault] * 99
    before = {name: deployment.lake.read(name) for name in deployment.files()}
    with caplog.at_level(logging.ERROR):
        kept = deployment.refresh()
    assert (kept["outcome"], kept["fetched"], kept["assets"]) == ("kept", good["fetched"], good["assets"])
    assert f"{archive.address}/dandisets/" in kept["error"]
    assert good["fetched"] in caplog.text
    assert kept["error"] in caplog.text
    assert {name: deployment.lake.read(name) for name in deployment.files()} == before
    assert deployment.claims(THREE)[key(THREE)] == [("000021", "draft", "three.nwb")]
    archive.faults.clear()
    assert deployment.refresh()["outcome"] == "fetched"
    assert deployment.claims(THREE)[key(THREE)] == [("000021", "draft", "moved.nwb")]


def test_an_archive_that_answers_no_more_is_an_outage(tmp_path):
    with dandi_server() as archive:
        pass
    gone = Deployment(archive, tmp_path)
    with pytest.raises(CatalogUnavailableError, match=r"http://127.*Connect"):
        gone.refresh()


TOKEN = "the-key"


@pytest.mark.parametrize(
    "fault",
    [
        *(("status", status) for status in (403, 404, 418, 500)),
        ("status", 429, {"Retry-After": "9999"}),
        ("status", 302, {"Location": "https://localhost:9/"}),
        ("hang", 0.6),
        ("body", b"<html>"),
        ("body", b" " * 300_000),
        ("body", b'{"results": [], "next": "http://[::1"}'),
    ],
    ids=str,
)
@pytest.mark.parametrize("page", [1, 2])
def test_no_error_and_no_log_line_shows_what_is_secret_in_an_address(archive, caplog, fault, page):
    following = f"http://other-user:other-pw@x/api/dandisets/?page=2&token={TOKEN}"
    first = json.dumps({"results": [], "next": following}).encode()
    archive.faults["dandisets/"] = [*([("body", first)] if page > 1 else []), *[fault] * 9]
    address = archive.address.replace("://", "://the-user:the-password@")
    limits = replace(LIMITS, read=0.3, size=100_000, pauses=(0,))
    with (
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, "httpx"),
        closing(RestApi(address, limits)) as api,
        pytest.raises(S3LogsError, match="/api/dandisets/") as caught,
    ):
        list(api.pages("dandisets/", token=TOKEN))
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    secrets = (TOKEN, "the-user", "the-password", "other-user", "other-pw")
    assert not [secret for secret in secrets if secret in said]


def test_a_wrong_address_is_said_to_be_wrong(archive, deployment):
    archive.address += "/v9"
    with pytest.raises(NotFoundError, match=r"/api/v9/dandisets/.*404"):
        deployment.refresh()


def test_an_archive_that_may_not_be_read_is_said_so(archive, deployment):
    archive.faults["dandisets/?"] = [("status", 401)]
    with pytest.raises(AccessDeniedError, match=r"/api/dandisets/.*401"):
        deployment.refresh()


def test_embargoed_datasets_are_passed_over_and_counted(deployment, archive, caplog):
    archive.embargoed.add("000021")
    assert deployment.refresh()["refused"] == 1
    assert deployment.claims(THREE) == {}
    assert "000021 is passed over" in caplog.text
    archive.embargoed.clear()
    assert deployment.refresh()["refused"] == 0
    assert THREE in str(deployment.claims(THREE))


@pytest.mark.parametrize("status", [403, 404])
def test_a_version_that_may_not_be_read_is_passed_over_and_asked_for_again_by_the_next_run(
    deployment, archive, status
):
    archive.faults["000021/versions/draft/assets/"] = [("status", status)]
    assert deployment.refresh()["refused"] == 1
    assert deployment.claims(THREE) == {}
    assert deployment.refresh()["refused"] == 0
    assert THREE in str(deployment.claims(THREE))


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("where", ["/versions/", "/versions/?", "/assets/"])
def test_known_versions_that_may_not_be_read_now_keep_their_rows_and_that_is_said(
    deployment, archive, status, where, caplog
):
    deployment.refresh()
    archive.put("000003", "draft", ("one.nwb", ONE), ("moved.nwb", TWO), ("z.ome.zarr", "zarr/z-1"))
    archive.put("000021", "draft", ("moved.nwb", THREE))
    before, digest = deployment.catalog().rows, deployment.catalog().fingerprint
    archive.faults[where] = [("status", status)] * 9
    for _ in range(2):
        kept = deployment.refresh()
        assert (kept["outcome"], kept["assets"], kept["refused"]) == ("partly kept", 7, 0)
        assert kept["versions_kept"] == (2 if where == "/assets/" else 4)
        assert f"({status})" in kept["error"]
        assert kept["error"] in caplog.text
        assert "000021/draft is kept" in caplog.text
        assert deployment.catalog().rows.equals(before)
        assert deployment.catalog().fingerprint == digest
    archive.faults.clear()
    healed = deployment.refresh()
    assert (healed["outcome"], healed["versions_read"], healed["versions_kept"]) == ("fetched", 2, 0)
    assert deployment.claims(TWO, THREE) == {
        key(TWO): [("000003", "draft", "moved.nwb")],
        key(THREE): [("000021", "draft", "moved.nwb")],
    }


def test_beside_a_version_that_is_kept_others_are_read_and_new_ones_passed_over(deployment, archive):
    deployment.refresh()
    archive.put("000003", "draft", ("moved.nwb", TWO))
    archive.put("000021", "draft", ("moved.nwb", THREE))
    archive.put("000021", "0.1", ("first.nwb", THREE))
    archive.put("000044", "draft", ("new.nwb", "44444444"))
    archive.faults |= {f"{where}/assets/": [("status", 403)] for where in ("000021/versions/draft", "0.1")}
    archive.faults["000044/versions/"] = [("status", 403)]
    kept = deployment.refresh()
    counts = {name: kept[name] for name in ("versions_read", "versions_kept", "refused")}
    assert counts == {"versions_read": 1, "versions_kept": 1, "refused": 2}
    assert deployment.claims(TWO, THREE, "44444444") == {
        key(TWO): [("000003", "draft", "moved.nwb")],
        key(THREE): [("000021", "draft", "three.nwb")],
    }
    assert deployment.refresh()["versions_read"] == 3


def test_what_is_kept_goes_when_it_is_listed_no_more(deployment, archive):
    deployment.refresh()
    archive.put("000021", "draft", ("three.nwb", THREE))
    archive.faults["000021/versions/"] = [("status", 403)]
    assert deployment.refresh()["versions_kept"] == 1
    del archive.datasets["000021"]
    assert deployment.refresh()["versions_kept"] == 0
    assert deployment.claims(THREE) == {}


def test_a_known_dataset_that_is_listed_as_embargoed_is_claimed_no_more(deployment, archive):
    deployment.refresh()
    entries = '{"identifier": "000003"}, {"identifier": "000021", "embargo_status": "EMBARGOED"}'
    archive.faults["dandisets/?"] = [("body", f'{{"next": null, "results": [{entries}]}}'.encode())]
    summary = deployment.refresh()
    assert (summary["outcome"], summary["versions_kept"], summary["refused"]) == ("fetched", 0, 1)
    assert deployment.claims(THREE) == {}


EMPTY = ("body", b'{"count": 0, "next": null, "results": []}')


def test_an_archive_that_lists_no_dataset_at_all_any_more_is_an_outage(deployment, archive):
    archive.faults["dandisets/?"] = [EMPTY]
    assert deployment.refresh()["datasets"] == 0  # a new one may have none
    good = deployment.refresh()
    archive.faults["dandisets/?"] = [EMPTY]
    kept = deployment.refresh()
    assert (kept["outcome"], kept["fetched"], kept["datasets"]) == ("kept", good["fetched"], 2)
    assert kept["error"] == f"{archive.address}/dandisets/ lists no dataset at all; 2 are known."


@pytest.mark.parametrize(("counted", "is_believed"), [(1, False), (0, True), (None, True), ("7", True)])
def test_a_version_without_assets_is_believed_unless_the_api_counts_some(
    deployment, archive, counted, is_believed
):
    deployment.refresh()
    archive.put("000021", "draft", ("moved.nwb", THREE))
    archive.datasets["000021"]["draft"]["asset_count"] = counted
    archive.faults["000021/versions/draft/assets/"] = [EMPTY]
    summary = deployment.refresh()
    assert summary["outcome"] == ("fetched" if is_believed else "partly kept")
    assert deployment.claims(THREE) == (
        {} if is_believed else {key(THREE): [("000021", "draft", "three.nwb")]}
    )
    if not is_believed:
        assert summary["error"].endswith("counts 1 assets and lists none.")
        assert deployment.refresh()["versions_read"] == 1


def test_a_page_that_gets_lost_half_way_makes_the_version_be_read_again(deployment, archive):
    archive.faults["page=2"] = [("status", 404)]
    assert deployment.refresh()["assets"] == 7


def test_a_list_that_ends_early_is_read_again(deployment, archive):
    archive.faults["000003/versions/draft/assets/"] = [("body", b'{"count": 3, "next": null, "results": []}')]
    assert deployment.refresh()["assets"] == 7


def test_a_list_that_always_ends_early_is_an_error_naming_it(deployment, archive):
    archive.faults["000003/versions/draft/assets/"] = [
        ("body", b'{"count": 3, "next": null, "results": []}')
    ] * 3
    with pytest.raises(
        CatalogUnavailableError, match=r"000003/.*/draft/assets/ .*announces 3 entries and lists 0\."
    ):
        deployment.refresh()


def test_a_list_that_never_ends_is_an_error(deployment, archive):
    again = f'{{"results": [], "next": "{archive.address}/dandisets/?page=2"}}'.encode()
    archive.faults["dandisets/?page=2"] = [("body", again)] * 9
    archive.faults["dandisets/?page_size"] = [("body", again)]
    with pytest.raises(CatalogUnavailableError, match="comes again as its own next page 3"):
        deployment.refresh()


def test_a_list_that_goes_on_beyond_what_it_announces_is_left(deployment, archive):
    where = f"{archive.address}/dandisets/000021/versions/?page="
    archive.faults["000021/versions/?"] = [
        ("body", f'{{"count": 3, "results": [{{"version": "{n}"}}], "next": "{where}{n}"}}'.encode())
        for n in range(30)
    ]
    with pytest.raises(CatalogUnavailableError, match="announces 3 entries and lists 4"):
        deployment.refresh()
    assert len(archive.asked_for("000021/versions/?")) == 3 * 4


@pytest.mark.parametrize(
    ("where", "entry", "named"),
    [
        ("dandisets/?", '{"id": 3}', "without identifier"),
        ("dandisets/?", '{"identifier": "../../x"}', "lists the dataset '../../x'"),
        ("dandisets/?", '{"identifier": "archive"}', "lists the dataset 'archive'"),
        ("dandisets/?", f'{{"identifier": "{"a" * 201}"}}', "lists the dataset 'aaa"),
        ("000021/versions/?", '{"version": 1}', "without version"),
        ("000021/versions/draft/assets/", '{"path": "a", "blob": null, "zarr": null}', "without blob"),
        ("000021/versions/draft/assets/", '{"blob": "abc"}', "without path"),
        ("000021/versions/?", r'{"version": "\ud800"}', "whose version is no text"),
        ("000021/versions/draft/assets/", r'{"path": "\ud800", "blob": "abc"}', "whose path is no text"),
        ("000021/versions/draft/assets/", r'{"path": "a", "blob": "\ud800abc"}', "whose blob is no text"),
        ("000021/versions/draft/assets/", r'{"path": "a", "zarr": "\udfff"}', "whose zarr is no text"),
    ],
)
def test_entries_that_make_no_sense_are_an_error_naming_the_list(deployment, archive, where, entry, named):
    archive.faults[where] = [("body", f'{{"next": null, "results": [{entry}]}}'.encode())]
    with pytest.raises(CatalogUnavailableError, match=named) as error:
        deployment.refresh()
    assert where.partition("?")[0] in str(error.value)
    str(error.value).encode()


@pytest.mark.parametrize(
    "following", ["http://[::1", r"http://x/\u0000a", r"http://x/\ud800", "x" * 70_000], ids=lambda f: f[:20]
)
def test_a_next_page_that_is_no_address_is_an_error_naming_the_list(deployment, archive, following):
    archive.faults["dandisets/?"] = [("body", f'{{"results": [], "next": "{following}"}}'.encode())]
    with pytest.raises(CatalogUnavailableError, match="next page that is no address") as error:
        deployment.refresh()
    assert f"{archive.address}/dandisets/ " in str(error.value)
    str(error.value).encode()


@pytest.mark.parametrize("where", ["dandisets/?", "000021/versions/?", "000021/versions/draft/assets/"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"results": [], "next": "http://[::1"}',
        rb'{"results": [], "next": "http://x/\u0000a"}',
        rb'{"results": [{"identifier": "\ud800", "version": "\ud800", "path": "\ud800"}], "next": null}',
        rb'{"count": "\ud800", "results": [], "next": null}',
        b"[" * 100_000,
    ],
    ids=lambda body: body[:40].decode(),
)
def test_with_a_last_good_catalog_it_is_kept_whatever_garbage_comes(deployment, archive, where, body):
    good = deployment.refresh()
    archive.put("000021", "draft", ("moved.nwb", THREE))
    archive.faults[where] = [("body", body)] * 9
    kept = deployment.refresh()
    assert (kept["outcome"], kept["fetched"]) == ("kept", good["fetched"])
    kept["error"].encode()
    assert deployment.claims(THREE)[key(THREE)] == [("000021", "draft", "three.nwb")]


@pytest.mark.parametrize("elsewhere", ["http://a..b/", "http://xn--/", "mailto:x", "http://[::1", "ftp://x/"])
def test_with_a_last_good_catalog_it_is_kept_wherever_a_redirect_leads(deployment, archive, elsewhere):
    good = deployment.refresh()
    archive.faults["dandisets/?"] = [("status", 302, {"Location": elsewhere})] * 9
    kept = deployment.refresh()
    assert (kept["outcome"], kept["fetched"]) == ("kept", good["fetched"])
    assert f"{archive.address}/dandisets/ " in kept["error"]


@pytest.mark.parametrize("pause", [0.01, 0])
def test_an_answer_without_end_is_an_outage(deployment, archive, pause):
    good = deployment.refresh()
    archive.faults["dandisets/?"] = [("pieces", (time.sleep(pause) or b" " * 99 for _ in range(100_000)))]
    kept = deployment.refresh(**({"whole": 0.2} if pause else {"size": 100_000}))
    assert (kept["outcome"], kept["fetched"]) == ("kept", good["fetched"])
    assert re.search(r"dandisets/ cannot be read: the answer has no end", kept["error"])


def test_an_answer_in_an_encoding_that_makes_no_text_is_an_outage(deployment, archive):
    archive.faults["dandisets/?"] = [("status", 500, {"Content-Type": "text/html; charset=base64"})] * 9
    with pytest.raises(CatalogUnavailableError, match="status 500"):
        deployment.refresh()


# In the lake


def test_a_task_without_a_fetched_catalog_says_what_to_do(deployment):
    with pytest.raises(CatalogError, match=r"_catalog\.json holds no catalog of http.*discover"):
        deployment.catalog()


def test_the_catalog_of_another_archive_is_not_used(deployment, archive):
    deployment.refresh()
    with pytest.raises(CatalogError, match=r"no catalog of https://other\.example/api"):
        open_cached(deployment.lake, "https://other.example/api", ALL)


def fetched(lake):
    return Fetched.of(Pointer(lake, POINTER, KIND).read())


@pytest.mark.parametrize("broken", ["pointer", "file", "gone"])
def test_a_broken_catalog_is_fetched_anew(deployment, broken, caplog):
    deployment.refresh()
    pointer = fetched(deployment.lake)
    match broken:
        case "pointer":
            deployment.lake.write(POINTER, b"{")
        case "file":
            deployment.lake.write(pointer.file.key, b"PAR1")
        case "gone":
            deployment.lake.delete([pointer.file.key])
    with pytest.raises(CatalogError):
        deployment.catalog()
    assert deployment.refresh()["versions_read"] == 4
    assert deployment.claims(THREE)


def test_a_catalog_of_a_later_release_is_refused_and_left_alone(deployment):
    deployment.refresh()
    content = json.loads(deployment.lake.read(POINTER)) | {"format": 99}
    deployment.lake.write(POINTER, json.dumps(content).encode())
    for use in (deployment.catalog, deployment.refresh):
        with pytest.raises(NewerLakeError, match=r"_catalog\.json was written by a later release"):
            use()
    assert json.loads(deployment.lake.read(POINTER))["format"] == 99


def test_of_two_fetches_at_once_the_later_one_throws_its_file_away(deployment, archive):
    deployment.refresh()
    archive.put("000021", "draft", ("moved.nwb", THREE))
    write, others = deployment.lake.write, []

    def after_another(name, data, **condition):
        if name == POINTER and not others:
            others.append(name)
            deployment.refresh()
        write(name, data, **condition)

    deployment.lake.write = after_another
    with pytest.raises(ChangedObjectError, match="another run"):
        deployment.refresh()
    assets = {info.key for info in deployment.lake.list("catalog/dandi/assets-")}
    assert len(assets) == 2  # that of before, which may be being read, and that of the first
    assert fetched(deployment.lake).file.key in assets
    assert deployment.claims(THREE)[key(THREE)] == [("000021", "draft", "moved.nwb")]


def test_the_pointer_is_written_last(deployment, archive):
    deployment.refresh()
    archive.put("000021", "draft", ("moved.nwb", THREE))
    write = deployment.lake.write

    def dies_before_the_pointer(name, data, **condition):
        if name == POINTER:
            raise KeyboardInterrupt
        write(name, data, **condition)

    deployment.lake.write = dies_before_the_pointer
    with pytest.raises(KeyboardInterrupt):
        deployment.refresh()
    deployment.lake.write = write
    assert deployment.claims(THREE)[key(THREE)] == [("000021", "draft", "three.nwb")]
    deployment.refresh()
    assert deployment.claims(THREE)[key(THREE)] == [("000021", "draft", "moved.nwb")]


def test_files_that_nobody_names_are_removed_when_they_are_old(deployment, archive):
    import os
    import time

    deployment.refresh()
    old = time.time() - 90_000
    for _ in range(3):
        archive.put("000021", "draft", ("three.nwb", THREE), *[("x.nwb", TWO)] * len(archive.asked))
        deployment.refresh()
        for name in deployment.files():
            os.utime(deployment.lake.root / name, (old, old))
    assert len(deployment.files()) == 3  # the pointer, its file, and the one before that may be being read


def test_a_table_with_other_columns_is_no_catalog_and_is_fetched_anew(deployment, caplog):
    deployment.refresh()
    pointer, attempt = Pointer(deployment.lake, POINTER, KIND), Attempt(deployment.lake, FOLDER)
    attempt.write(ASSETS, "parquet", to_parquet(pa.table({"object_key": [key(ONE)], "dataset": ["000003"]})))
    pointer.put(attempt.files, pointer.read().content, over=pointer.version())
    with pytest.raises(CatalogError, match=r"holds no catalog .* that can be read"):
        deployment.catalog()
    assert "has the columns object_key string, dataset string, and not object_key string" in caplog.text
    assert deployment.refresh()["outcome"] == "fetched"
    assert deployment.catalog().claims([key(ONE)]).num_rows > 0
