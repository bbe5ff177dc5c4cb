"""Publish on top of an earlier publication: the bytes as from scratch, and no file written without need."""

from datetime import date

import pytest

from include.s3logs.errors import StoreUnavailableError
from include.s3logs.publishing import dataset_files
from include.s3logs.publishing import publish as module
from include.s3logs.publishing.limits import Limits
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import CHECKPOINT, UNFINISHED, publish
from include.s3logs.stores.folder import LocalStore
from tests.support.offline_regions import offline_regions
from tests.support.small_archive import EXACT, FIRST, Archive, line, lines

MAY, JULY = date(2024, 5, 20), date(2024, 7, 3)
CATALOG = [
    ["reef.txt", "reef", "1", "reef.txt"],
    ["reef.txt", "reef", "draft", "moved/reef.txt"],
    ["reef.nwb", "reef", "1", "reef.nwb"],
    ["kelp.txt", "kelp", "0.1", "kelp.txt"],
]
WITHOUT_KELP = [row for row in CATALOG if row[1] != "kelp"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """May, with traffic to everything, and June, without any to kelp; published exactly."""
    archive = Archive(tmp_path_factory.mktemp("published"))
    may = [
        line(key, day=MAY, sent=n + 1) for n, key in enumerate(("reef.txt", "reef.nwb", "kelp.txt", "x.txt"))
    ]
    archive.do(MAY, *may, datasets=CATALOG)
    archive.do(FIRST, line("reef.txt"), line("x.txt", ip="8.8.8.8"), datasets=CATALOG)
    publish(archive.lake, EXACT)
    return archive


@pytest.fixture
def archive(published, tmp_path):
    """A copy, to change."""
    return published.copy(tmp_path / "archive")


def a_new_day(archive):
    archive.do(JULY, line("reef.txt", day=JULY), line("new.txt", day=JULY), datasets=CATALOG)


def a_new_day_of_a_known_month(archive):
    archive.do(date(2024, 6, 2), line("kelp.txt", day=date(2024, 6, 2)), datasets=CATALOG)


def a_late_log_object(archive):
    archive.do(MAY, line("reef.nwb", day=MAY, sent=77, ip="193.0.6.139"), datasets=CATALOG, name="LATE")


def a_replaced_log_object(archive):
    found = (line("reef.txt", day=MAY, sent=5), line("kelp.txt", day=MAY, sent=6))
    archive.do(MAY, *found, datasets=CATALOG, force=True)


def a_dataset_without_traffic_any_more(archive):
    archive.do(MAY, line("reef.txt", day=MAY, sent=5), datasets=CATALOG, force=True)


def a_dataset_that_left_the_catalog(archive):
    archive.do(MAY, datasets=WITHOUT_KELP)
    archive.do(FIRST, datasets=WITHOUT_KELP)


def a_version_that_left_the_catalog(archive):
    rows = [row for row in CATALOG if row[2] != "draft"]
    archive.do(MAY, datasets=rows)
    archive.do(FIRST, datasets=rows)


def a_day_without_any_traffic_any_more(archive):
    archive.do(MAY, b"", datasets=CATALOG, force=True)


CHANGES = [
    a_new_day,
    a_new_day_of_a_known_month,
    a_late_log_object,
    a_replaced_log_object,
    a_dataset_without_traffic_any_more,
    a_dataset_that_left_the_catalog,
    a_version_that_left_the_catalog,
    a_day_without_any_traffic_any_more,
]


def rewritten(before, after):
    return {key for key, written in after.items() if before.get(key) != written}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("masking", [EXACT, Masking(2, 3)], ids=["same", "other-masking"])
def test_after_any_change_the_bytes_are_those_of_a_first_publication(archive, tmp_path, change, masking):
    before = archive.contents()
    change(archive)
    assert not publish(archive.lake, masking).reused
    assert archive.contents() != before
    scratch = archive.unpublished(tmp_path / "scratch")
    publish(scratch.lake, masking)
    assert archive.contents() == scratch.contents()
    assert archive.published() == scratch.published()
    publish(archive.lake, masking, force=True)
    assert archive.contents() == scratch.contents()


def test_another_masking_alone_gives_the_bytes_of_a_first_publication_with_it(archive, tmp_path):
    publish(archive.lake, Masking(2, 3))
    assert archive.table("usage/reef/by_day.tsv")["number_of_requests"].tolist() == ["3", "<2"]
    scratch = archive.unpublished(tmp_path / "scratch")
    publish(scratch.lake, Masking(2, 3))
    assert archive.contents() == scratch.contents()


def test_other_data_of_places_change_what_they_tell_and_no_log(archive, monkeypatch):
    assert archive.json("usage/totals.json")["reef"]["number_of_unique_countries"] == 0
    before = archive.files()
    monkeypatch.setattr(dataset_files, "country_of", {"bogon": "AQ", "US": "US"}.get)
    monkeypatch.setattr(module, "place_data_version", lambda: "newer")
    assert not publish(archive.lake, EXACT).reused
    assert archive.json("usage/totals.json")["reef"]["number_of_unique_countries"] == 1
    assert rewritten(before, archive.files()) == {"usage/totals.json", "usage/archive_totals.json"}
    assert publish(archive.lake, EXACT).reused


def test_a_new_day_rewrites_no_file_of_a_dataset_without_traffic_on_it(archive):
    before = archive.files()
    a_new_day(archive)
    publish(archive.lake, EXACT)
    touched = rewritten(before, archive.files())
    assert {key.split("/")[1] for key in touched if key.startswith("usage/")} == {
        *("reef", "unassociated", "archive", "totals.json", "archive_totals.json"),
    }
    assert not any(key.startswith("usage/kelp/") for key in touched)


def test_a_new_day_rewrites_no_asset_log_of_another_month_and_no_table_with_the_same_content(archive):
    before = archive.files()
    a_new_day(archive)
    publish(archive.lake, EXACT)
    logs = {key for key in rewritten(before, archive.files()) if "/logs/" in key}
    assert logs == {"usage/reef/logs/2024-07.parquet", "usage/reef/logs/moved%2Freef.txt/2024-07.tsv"}
    after = archive.files()
    for same in ("usage/region_coordinates.json", "usage/reef/requester_count.tsv"):
        assert after[same] == before[same]


def test_a_changed_day_rewrites_the_logs_of_its_month_that_changed_and_no_other(archive):
    before = archive.files()
    a_late_log_object(archive)
    publish(archive.lake, EXACT)
    logs = {key for key in rewritten(before, archive.files()) if "/logs/" in key}
    assert logs == {"usage/reef/logs/2024-05.parquet", "usage/reef/logs/reef.nwb/2024-05.tsv"}


def test_months_without_a_changed_day_are_not_merged_again(archive):
    before = archive.files("months/")
    a_new_day(archive)
    publish(archive.lake, EXACT)
    after = archive.files("months/")
    assert {key.split("/")[1] for key in rewritten(before, after)} == {"2024-07-01"}
    assert before.items() <= after.items()
    a_late_log_object(archive)
    publish(archive.lake, EXACT)
    assert {key.split("/")[1] for key in rewritten(after, archive.files("months/"))} == {"2024-05-01"}


def test_months_are_merged_again_when_somebody_deletes_them(archive, tmp_path):
    before = archive.contents()
    archive.lake.delete([info.key for info in archive.lake.list("months/")])
    publish(archive.lake, EXACT, force=True)
    assert archive.contents() == before
    assert list(archive.lake.list("months/2024-05-01/_checkpoint.json"))


@pytest.mark.parametrize("change", [a_dataset_that_left_the_catalog, a_dataset_without_traffic_any_more])
def test_a_retired_dataset_has_no_folder_left(archive, change):
    assert (archive.lake.root / "usage/kelp/logs").is_dir()
    change(archive)
    publish(archive.lake, EXACT)
    assert not (archive.lake.root / "usage/kelp").exists()
    assert "kelp" not in archive.json("usage/totals.json")


def test_a_retired_version_has_no_folder_left_and_the_logs_follow_the_path(archive):
    assert (archive.lake.root / "usage/reef/draft").is_dir()
    assert (archive.lake.root / "usage/reef/logs/moved%2Freef.txt").is_dir()
    a_version_that_left_the_catalog(archive)
    publish(archive.lake, EXACT)
    assert not (archive.lake.root / "usage/reef/draft").exists()
    assert {path.name for path in (archive.lake.root / "usage/reef/logs").iterdir()} == {
        *("reef.txt", "reef.nwb", "2024-05.parquet", "2024-06.parquet")
    }


def test_every_published_file_that_somebody_deletes_comes_back_alone(archive):
    before, content = archive.files(), archive.contents()
    keys = sorted(before)
    archive.lake.delete(keys[::2])
    publish(archive.lake, EXACT)
    assert archive.contents() == content
    assert rewritten(before, archive.files()) == set(keys[::2])


def test_all_of_what_was_published_comes_back(archive):
    content = archive.contents()
    archive.lake.delete(content)
    assert not publish(archive.lake, EXACT).reused
    assert archive.contents() == content


def test_a_region_that_could_not_be_asked_for_is_published_when_it_is_known(tmp_path):
    archive = Archive(tmp_path / "archive")
    archive.do(FIRST, line(ip="8.8.8.8"), regions=offline_regions(labels={"8.8.8.8": "undetermined"}))
    publish(archive.lake, EXACT)
    assert archive.table("usage/reef/by_region.tsv")["region"].tolist() == ["undetermined"]
    assert not archive.do(FIRST).reused
    publish(archive.lake, EXACT)
    assert archive.table("usage/reef/by_region.tsv")["region"].tolist() == ["US"]
    assert archive.table("usage/archive/by_region.tsv")["region"].tolist() == ["US"]
    scratch = archive.unpublished(tmp_path / "scratch")
    publish(scratch.lake, EXACT)
    assert archive.contents() == scratch.contents()


# A publication that dies


class DyingStore(LocalStore):
    """A lake whose process dies at the n-th object that it writes, alone or among many."""

    def __init__(self, root, nth=0):
        super().__init__(root)
        self.nth, self.writes, self.keys, self.dies_at = nth, 0, [], None

    def write(self, key, data, **kwargs):
        self._count(key)
        super().write(key, data, **kwargs)

    def write_many(self, files):
        for key, data in files.items():
            self.write(key, data, synced=False)

    def write_file(self, key, path):
        self._count(key)
        super().write_file(key, path)

    def _count(self, key):
        self.writes += 1
        self.keys.append(key)
        if self.writes == self.nth or key == self.dies_at:
            raise StoreUnavailableError(f"died before {key}")


@pytest.fixture(scope="module")
def died(published, tmp_path_factory):
    """An archive with a day that changed, the keys that its publication writes, and what must come of it."""
    folder = tmp_path_factory.mktemp("died")
    changed = published.copy(folder / "changed")
    a_replaced_log_object(changed)
    a_new_day(changed)
    done = changed.copy(folder / "done")
    store = DyingStore(done.lake.root)
    publish(store, EXACT)
    return changed, store.keys, done.contents()


@pytest.mark.parametrize("share", [0, 0.25, 0.45, 0.5, 0.6, 0.75, 0.9, 1])
def test_a_publication_that_died_at_any_write_is_finished_by_the_next(died, tmp_path, share):
    changed, keys, content = died
    nth = 1 + round(share * (len(keys) - 1))
    archive = changed.copy(tmp_path)
    with pytest.raises(StoreUnavailableError, match="died"):
        publish(DyingStore(archive.lake.root, nth), EXACT)
    publish(archive.lake, EXACT)
    assert archive.contents() == content
    assert not list(archive.lake.list(UNFINISHED))
    assert publish(archive.lake, EXACT).reused


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_publication_that_died_is_finished_also_when_a_day_changed_meanwhile(died, tmp_path, share):
    changed, keys, _ = died
    archive = changed.copy(tmp_path / "archive")
    with pytest.raises(StoreUnavailableError, match="died"):
        publish(DyingStore(archive.lake.root, round(share * len(keys))), EXACT)
    a_dataset_without_traffic_any_more(archive)
    publish(archive.lake, EXACT)
    scratch = archive.unpublished(tmp_path / "scratch")
    publish(scratch.lake, EXACT)
    assert archive.contents() == scratch.contents()


def test_a_publication_that_died_is_undone_when_the_days_are_again_what_they_were(archive):
    """The checkpoint of before is right again, the files are not: they even have the same sizes."""
    content = archive.contents()
    archive.do(FIRST, line("reef.txt", sent=900), line("x.txt", ip="9.9.9.9"), datasets=CATALOG)
    store = DyingStore(archive.lake.root)
    store.dies_at = CHECKPOINT
    with pytest.raises(StoreUnavailableError, match="died"):
        publish(store, EXACT)
    assert archive.contents() != content
    archive.do(FIRST, line("reef.txt"), line("x.txt", ip="8.8.8.8"), datasets=CATALOG)
    publish(archive.lake, EXACT)
    assert archive.contents() == content


def test_the_writes_that_a_publication_dies_at_are_of_months_files_and_the_checkpoint(died):
    _, keys, _ = died
    assert [key.split("/")[0] for key in (keys[0], keys[-1])] == ["months", "publish"]
    assert sum(key.startswith("usage/") for key in keys) > 20


@pytest.mark.parametrize("at_once", [1, 20])
def test_files_of_many_datasets_are_the_same_however_many_are_done_at_once(tmp_path, at_once):
    datasets = {f"{n}.nwb": f"d{n:02}" for n in range(7)}
    archive = Archive(tmp_path / "archive")
    archive.do(FIRST, *(lines(key, n + 1) for n, key in enumerate(datasets)), datasets=datasets)
    publish(archive.lake, EXACT)
    content = {key: data for key, data in archive.contents().items() if key.startswith("usage/")}
    assert archive.unpublished(tmp_path / "other").made(EXACT, Limits(rows=at_once)) == content
