"""Publish again: what is touched, what goes, and what comes back."""

import json
import os
from dataclasses import replace

import pytest

from include.s3logs.errors import StoreUnavailableError
from include.s3logs.publishing.publish import CHECKPOINT, STATUS, publish
from include.s3logs.stores.folder import LocalStore
from tests.support.small_archive import EXACT, FIRST, SECOND, Archive, line


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


def test_nothing_new_means_nothing_is_touched(archive):
    archive.do(FIRST, line())
    first = publish(archive.lake, EXACT)
    before = archive.files()
    again = publish(archive.lake, EXACT)
    assert (first.reused, again.reused) == (False, True)
    assert archive.files() == before
    assert (again.totals, again.files, again.days) == (first.totals, first.files, first.days)


def test_files_of_a_dataset_without_new_traffic_are_not_touched(archive):
    archive.do(FIRST, line("reef.txt"), line("kelp.txt"))
    publish(archive.lake, EXACT)
    before = archive.files()
    archive.do(SECOND, line("kelp.txt", day=SECOND))
    assert not publish(archive.lake, EXACT).reused
    after = archive.files()
    changed = {key for key in after if after[key] != before.get(key)}
    assert {key for key in changed if key.startswith("usage/reef/")} == set()
    assert {"usage/kelp/by_day.tsv", "usage/archive/by_day.tsv", "usage/totals.json", STATUS} <= changed


def test_a_late_log_object_without_counted_requests_changes_the_state_of_its_day_and_nothing_else(archive):
    archive.do(FIRST, *(line(sent=n) for n in range(1, 31)))
    publish(archive.lake, EXACT)
    before = archive.files()
    archive.do(FIRST, line(status=404), line(sent=1), b"garbage\n", name="LATE")
    assert not publish(archive.lake, EXACT).reused
    after = archive.files()
    assert {key for key in after if after[key] != before[key]} == {STATUS}
    assert archive.rows(STATUS) == [
        ["2024-06-01", "2", "0", "0", "33", "32", "1", "1", "1", "30", "465", "complete", ""]
    ]


def test_with_force_everything_is_computed_again_to_the_same_content(archive):
    archive.do(FIRST, line())
    publish(archive.lake, EXACT)
    before = archive.contents()
    assert not publish(archive.lake, EXACT, force=True).reused
    assert archive.contents() == before


def test_the_folder_of_a_dataset_that_left_the_catalog_is_removed(archive):
    archive.do(FIRST, line("reef.txt"), line("kelp.txt"))
    publish(archive.lake, EXACT)
    archive.do(FIRST, datasets={"reef.txt": "reef"})
    publish(archive.lake, EXACT)
    assert not (archive.lake.root / "usage" / "kelp").exists()
    assert set(archive.json("usage/totals.json")) == {"reef", "unassociated"}
    assert archive.table("usage/unassociated/by_asset.tsv")["asset_path"].tolist() == ["kelp.txt"]


def test_what_somebody_else_put_beside_the_figures_is_left_alone(archive):
    archive.do(FIRST, line("reef.txt"), line("kelp.txt"))
    archive.lake.write("usage/README.md", b"how to read this")
    archive.lake.write("usage/kelp/notes.txt", b"mine")
    archive.lake.write("usage/kelp/figures/plot.tsv", b"mine")
    publish(archive.lake, EXACT)
    archive.do(FIRST, datasets={"reef.txt": "reef"})
    publish(archive.lake, EXACT, force=True)
    assert archive.lake.read("usage/README.md") == b"how to read this"
    assert [info.key for info in archive.lake.list("usage/kelp/")] == [
        "usage/kelp/figures/plot.tsv",
        "usage/kelp/notes.txt",
    ]


class StoppedAt(LocalStore):
    """A lake on which a process dies when it comes to delete, or to write a certain key."""

    def __init__(self, root, stop):
        super().__init__(root)
        self.stop = stop

    def write(self, key, data, **kwargs):
        if key == self.stop:
            raise StoreUnavailableError("stopped")
        super().write(key, data, **kwargs)

    def delete(self, keys):
        if self.stop == "delete":
            raise StoreUnavailableError("stopped")
        super().delete(keys)


@pytest.mark.parametrize(
    "stop", ["usage/archive/by_dataset.tsv", "usage/unassociated/by_day.tsv", CHECKPOINT, "delete"]
)
def test_a_publish_that_died_is_finished_by_the_next_one(archive, tmp_path, stop):
    archive.do(FIRST, line("reef.txt"), line("kelp.txt"))
    publish(archive.lake, EXACT)
    archive.do(FIRST, datasets={"reef.txt": "reef"})
    with pytest.raises(StoreUnavailableError):
        publish(StoppedAt(archive.lake.root, stop), EXACT)
    publish(archive.lake, EXACT)
    untroubled = Archive(tmp_path / "untroubled")
    untroubled.do(FIRST, line("reef.txt"), line("kelp.txt"), datasets={"reef.txt": "reef"})
    publish(untroubled.lake, EXACT)
    assert archive.contents() == untroubled.contents()


def test_a_dataset_that_left_while_a_publish_died_before_its_checkpoint_is_removed(archive):
    archive.do(FIRST, line("reef.txt"), line("kelp.txt"))
    with pytest.raises(StoreUnavailableError):
        publish(StoppedAt(archive.lake.root, CHECKPOINT), EXACT)
    archive.do(FIRST, datasets={"reef.txt": "reef"})
    publish(archive.lake, EXACT)
    assert not (archive.lake.root / "usage" / "kelp").exists()


def damaged(archive, key, how):
    data = archive.lake.read(key)
    if how == "deleted":
        archive.lake.delete([key])
    elif how == "truncated":
        archive.lake.write(key, data[:-3])
    else:
        archive.lake.write(key, b"")
    return data


@pytest.mark.parametrize(
    ("key", "how"),
    [
        ("usage/reef/by_day.tsv", "deleted"),
        ("usage/reef/by_day.tsv", "truncated"),
        ("usage/reef/by_day.parquet", "deleted"),
        ("usage/reef/1/by_asset.tsv", "deleted"),
        ("usage/reef/by_asset_per_week.tsv", "truncated"),
        ("usage/reef/requester_count.tsv", "deleted"),
        ("usage/reef/logs/2024-06.parquet", "deleted"),
        ("usage/reef/logs/reef.txt/2024-06.tsv", "truncated"),
        ("usage/archive/by_region.tsv", "emptied"),
        ("usage/region_coordinates.json", "deleted"),
        ("usage/totals.json", "truncated"),
        (STATUS, "deleted"),
    ],
)
def test_a_damaged_published_file_is_restored_by_the_next_publish(archive, key, how):
    archive.do(FIRST, line())
    publish(archive.lake, EXACT)
    before, content = archive.files(), damaged(archive, key, how)
    assert not publish(archive.lake, EXACT).reused
    assert archive.lake.read(key) == content
    after = archive.files()
    assert {other for other in before if after[other] != before[other]} == {key}


@pytest.mark.parametrize("key", ["usage/reef/by_day.tsv", "usage/totals.json", STATUS])
def test_a_published_file_with_other_content_of_the_same_size_is_restored(archive, key):
    archive.do(FIRST, line())
    publish(archive.lake, EXACT)
    before, content = archive.files(), archive.lake.read(key)
    archive.lake.write(key, content.replace(b"100", b"999"))
    assert not publish(archive.lake, EXACT).reused
    assert archive.lake.read(key) == content
    after = archive.files()
    assert {other for other in before if after[other] != before[other]} == {key}


@pytest.mark.parametrize("how", ["named", "force"])
def test_damage_that_no_etag_tells_is_restored_where_it_is_known(archive, how):
    archive.do(FIRST, line())
    publish(archive.lake, EXACT)
    key = "usage/reef/by_day.tsv"
    path, content = archive.lake.root / key, archive.lake.read(key)
    written = path.stat().st_mtime_ns
    path.write_bytes(content.replace(b"100", b"999"))
    os.utime(path, ns=(written, written))
    assert publish(archive.lake, EXACT).reused
    publish(archive.lake, EXACT, **{"named": {"damaged": [key]}, "force": {"force": True}}[how])
    assert archive.lake.read(key) == content


def test_a_copied_lake_is_read_once_and_nothing_in_it_is_written_anew(archive, tmp_path):
    archive.do(FIRST, line())
    publish(archive.lake, EXACT)
    copied = archive.copy(tmp_path / "copy")
    for key in copied.files():
        os.utime(copied.lake.root / key)
    before = copied.files()
    assert publish(copied.lake, EXACT).reused
    assert copied.files() == before
    noted = copied.published()
    assert {key: file.etag for key, file in noted.files.items()} == {
        key: file.etag for key, file in before.items()
    }
    assert noted == archive.published()


def test_of_a_publication_without_etags_files_are_compared(archive):
    archive.do(FIRST, line())
    publish(archive.lake, EXACT)
    found = archive.published()
    before = {
        "format": 1,
        "files": {key: {"size": f.size, "sha256": f.sha256} for key, f in found.files.items()},
    }
    archive.lake.write(CHECKPOINT, json.dumps(before | dict(found.content)).encode())
    assert publish(archive.lake, EXACT).reused
    assert (archive.published(), archive.published().format) == (replace(found, format=2), 2)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b'{"fingerprint": "f", "files": [], "totals": {}}',
        b'{"fingerprint": "f", "files": {"usage/reef/by_day.tsv": {}}, "totals": {}}',
    ],
    ids=repr,
)
def test_after_damage_to_the_checkpoint_everything_is_published_anew(archive, damage):
    archive.do(FIRST, line())
    publish(archive.lake, EXACT)
    checkpoint, content = archive.published(), archive.contents()
    archive.lake.write(CHECKPOINT, damage)
    assert not publish(archive.lake, EXACT).reused
    assert archive.published() == checkpoint
    assert archive.contents() == content


def test_a_dataset_that_left_while_the_checkpoint_was_damaged_is_removed(archive):
    archive.do(FIRST, line("reef.txt"), line("kelp.txt"))
    publish(archive.lake, EXACT)
    archive.lake.write(CHECKPOINT, b"")
    archive.do(FIRST, datasets={"reef.txt": "reef"})
    publish(archive.lake, EXACT)
    assert not (archive.lake.root / "usage" / "kelp").exists()
