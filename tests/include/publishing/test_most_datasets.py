"""A catalog of key prefixes that finds more datasets than may be published: nothing is written."""

from datetime import UTC, datetime

import pytest

from include.s3logs.errors import SettingsError
from include.s3logs.pipeline import run
from include.s3logs.publishing.most_datasets import most_datasets
from include.s3logs.publishing.publish import publish
from include.s3logs.settings import Settings
from tests.support.small_archive import EXACT, FIRST, SECOND, Archive, line

NOW = datetime(2024, 6, 10, 12, tzinfo=UTC)


def settings(archive, **values):
    given = {"sources": (str(archive.source.root),), "lake": str(archive.lake.root), "catalog": "prefix:2"}
    return Settings(_env_file=None, **{**given, **values})


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path)
    keys = [f"reef/{n}/0/{chunk}" for n in range(3) for chunk in "ab"] + ["readme.txt"]
    archive.source.write(f"{FIRST}-11-00-00-A", b"".join(map(line, keys)))
    return archive


def test_too_many_datasets_are_refused_and_nothing_is_published(archive):
    report = run(settings(archive, most_datasets=2), now=NOW)
    assert report.published is None
    for part in ("S3LOGS_MOST_DATASETS=2", "3 datasets", "reef%2F0, reef%2F1, reef%2F2", "N", "raise"):
        assert part in report.error
    assert archive.files("usage/", "status/", "publish/") == {}


def test_what_was_published_before_stays(archive):
    run(settings(archive, most_datasets=3), now=NOW)
    before = archive.files("usage/", "status/", "publish/")
    archive.source.write(f"{SECOND}-11-00-00-A", line("reef/new/0/a", day=SECOND))
    assert "4 datasets" in run(settings(archive, most_datasets=3), now=NOW).error
    assert before == archive.files("usage/", "status/", "publish/")


@pytest.mark.parametrize("values", [{"most_datasets": 4}, {"catalog": "prefix:1", "most_datasets": 1}])
def test_a_raised_bound_or_a_smaller_n_publishes(archive, values):
    run(settings(archive, most_datasets=2), now=NOW)
    report = run(settings(archive, **values), now=NOW)
    assert (report.exit_status, report.error) == (0, "")


def test_what_nobody_claims_is_none_of_them(archive):
    assert run(settings(archive, most_datasets=3), now=NOW).exit_status == 0
    assert archive.rows("usage/unassociated/by_asset.tsv")


def test_the_error_names_no_more_than_some_datasets_and_not_at_length(archive):
    archive.source.write(f"{SECOND}-11-00-00-A", b"".join(line(f"{'x' * 150}/{n}/a") for n in range(20)))
    error = run(settings(archive, most_datasets=2), now=NOW).error
    assert "23 datasets" in error
    assert len(error) < 1000


def test_catalogs_that_list_their_datasets_have_no_such_bound(archive):
    assert most_datasets(settings(archive, catalog="dandi", most_datasets=1)) is None
    archive.do(SECOND, line("reef.txt", day=SECOND), line("kelp.txt", day=SECOND))
    publish(archive.lake, EXACT, most_datasets=None)
    with pytest.raises(SettingsError):
        publish(archive.lake, EXACT, force=True, most_datasets=1)
