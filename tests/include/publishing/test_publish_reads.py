"""What a publication reads: rows only of changed months, only for the logs of datasets that changed."""

import hashlib
import json
import sys
from dataclasses import replace
from datetime import date
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from include.s3logs.lake.checkpoint import KIND, checkpoint_key, load_checkpoint
from include.s3logs.lake.pointer import OutputFile, Pointer
from include.s3logs.publishing.limits import Limits
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import publish
from include.s3logs.stores.folder import LocalStore
from include.s3logs.tables import merging, temporary
from tests.bench.publishing import map_invented_day
from tests.support import processes
from tests.support.arrow_memory import counted
from tests.support.memory_run import PROC
from tests.support.paths import PROJECT
from tests.support.small_archive import EXACT, FIRST, SECOND, Archive, line

MAY, JULY = date(2024, 5, 20), date(2024, 7, 3)
ROWS = 3_000


class ReadingStore(LocalStore):
    """A lake that notes which keys are read."""

    def __init__(self, root):
        super().__init__(root)
        self.keys = []

    def read(self, key, etag=None):
        self.keys.append(key)
        return super().read(key, etag)

    def read_pieces(self, key, size, etag=None):
        self.keys.append(key)
        return super().read_pieces(key, size, etag)

    def days_of(self, role):
        """The log days of whose mapped outputs one was read."""
        return {key.split("/")[1] for key in self.keys if key.startswith("mapped/") and f"/{role}-" in key}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    archive = Archive(tmp_path_factory.mktemp("published"))
    for day in (MAY, FIRST, SECOND):
        archive.do(day, *(line(key, day=day) for key in ("reef.txt", "kelp.txt", "x.txt")))
    publish(archive.lake, EXACT)
    return archive


@pytest.fixture
def archive(published, tmp_path):
    copy = published.copy(tmp_path / "archive")
    copy.lake = ReadingStore(copy.lake.root)
    return copy


def published_again(archive, masking=EXACT):
    archive.lake.keys.clear()
    assert not publish(archive.lake, masking).reused


def test_the_first_publication_reads_all_rows(archive, tmp_path):
    scratch = archive.unpublished(tmp_path / "scratch")
    scratch.lake = ReadingStore(scratch.lake.root)
    publish(scratch.lake, EXACT)
    assert scratch.lake.days_of("rows") == {str(MAY), str(FIRST), str(SECOND)}


def test_a_changed_day_reads_the_rows_of_its_month_and_no_others(archive):
    archive.do(SECOND, line("reef.txt", day=SECOND, sent=7), name="LATE")
    published_again(archive)
    assert archive.lake.days_of("rows") == {str(FIRST), str(SECOND)}
    assert archive.lake.days_of("by_day") == {str(FIRST), str(SECOND)}


def test_a_new_day_with_traffic_that_nobody_claims_reads_no_rows(archive):
    archive.do(JULY, line("x.txt", day=JULY))
    published_again(archive)
    assert archive.lake.days_of("rows") == set()
    assert archive.lake.days_of("by_day") == {str(JULY)}


@pytest.mark.parametrize("masking", [Masking(50, 1), Masking(0, 20)], ids=["below", "rounding"])
def test_another_masking_reads_nothing_of_the_days_and_makes_no_log(archive, tmp_path, masking):
    before = archive.files()
    published_again(archive, masking)
    assert not [key for key in archive.lake.keys if key.startswith("mapped/") and "_checkpoint" not in key]
    after = archive.files()
    changed = {key for key in after if after[key] != before[key]}
    assert {"usage/reef/by_day.tsv", "usage/kelp/1/by_asset.parquet", "usage/totals.json"} <= changed
    assert not [key for key in changed if "/logs/" in key]
    scratch = archive.unpublished(tmp_path / "scratch")
    publish(scratch.lake, masking)
    assert archive.contents() == scratch.contents()
    assert archive.published() == scratch.published()


def test_another_masking_and_a_changed_day_read_the_rows_of_its_month(archive):
    archive.do(SECOND, line("reef.txt", day=SECOND, sent=7), name="LATE")
    published_again(archive, Masking(50, 20))
    assert archive.lake.days_of("rows") == {str(FIRST), str(SECOND)}


def test_a_missing_log_comes_back_also_with_another_masking(archive):
    key = "usage/kelp/logs/kelp.txt/2024-05.tsv"
    content = archive.lake.read(key)
    archive.lake.delete([key])
    published_again(archive, Masking(50, 20))
    assert archive.lake.read(key) == content
    assert archive.lake.days_of("rows") == {str(MAY)}


def a_row_group_for_each_row(archive, day):
    checkpoint = load_checkpoint(archive.lake, "mapped", day)
    sink = BytesIO()
    pq.write_table(archive.output("mapped", day, "rows"), sink, row_group_size=1)
    data = sink.getvalue()
    rows = OutputFile(checkpoint.files["rows"].key, len(data), hashlib.sha256(data).hexdigest())
    archive.lake.write(rows.key, data)
    changed = replace(checkpoint, files={**checkpoint.files, "rows": rows})
    pointer = Pointer(archive.lake, checkpoint_key("mapped", day), KIND)
    pointer.put(changed.files, changed.told(), over=pointer.version())


def test_of_the_rows_only_row_groups_of_changed_datasets_are_decoded(archive, monkeypatch):
    read = []

    class Recording(pq.ParquetFile):
        def iter_batches(self, *args, **kwargs):
            if "timestamp" in kwargs["columns"]:
                groups = kwargs["row_groups"]
                read.extend(self.read_row_group(n, ["dataset"])["dataset"][0].as_py() for n in groups)
            yield from super().iter_batches(*args, **kwargs)

    datasets = {f"{name}.txt": name for name in ("algae", "kelp", "reef")}
    for day in (FIRST, SECOND):
        archive.do(day, *(line(key, day=day, sent=3) for key in (*datasets, "x.txt")), datasets=datasets)
        a_row_group_for_each_row(archive, day)
    publish(archive.lake, EXACT)
    third = date(2024, 6, 3)
    archive.do(third, line("kelp.txt", day=third), datasets=datasets)
    monkeypatch.setattr(merging.pq, "ParquetFile", Recording)
    publish(archive.lake, EXACT)
    assert read == ["kelp"] * 3


# How much at once


def shown(content):
    """What may be shown, without the states of the days."""
    return {key: data for key, data in content.items() if key.startswith("usage/")}


@pytest.fixture(scope="module")
def invented(tmp_path_factory):
    """Three days of two datasets, of each many rows, with the bytes that a publication makes."""
    archive = Archive(tmp_path_factory.mktemp("invented"))
    archive.source.root.mkdir()
    for day in (FIRST, SECOND, JULY):
        map_invented_day(archive.lake, day, 2, ROWS)
    other = archive.copy(archive.folder / "published")
    publish(other.lake, Masking(50, 20))
    return archive, other.contents()


@pytest.mark.parametrize("at_once", [10, 1_000])
def test_the_bytes_do_not_depend_on_how_much_is_held_at_once(invented, tmp_path, at_once):
    archive, content = invented
    little = Limits(merging=merging.Limits(at_once, 10), lines=at_once, cells=at_once)
    assert archive.copy(tmp_path).made(Masking(50, 20), little) == shown(content)


def test_the_bytes_do_not_depend_on_which_texts_grow_on_disk(invented, tmp_path):
    archive, content = invented
    assert archive.copy(tmp_path).made(Masking(50, 20), Limits(small=100)) == shown(content)


def test_the_bytes_do_not_depend_on_which_files_are_written_from_the_disk(invented, tmp_path):
    archive, content = invented
    other = archive.copy(tmp_path)
    publish(other.lake, Masking(50, 20), limits=Limits(small=0, waiting=0))
    assert other.contents() == content
    assert publish(other.lake, Masking(50, 20)).reused


LOGGED = ["dataset", "asset_path", "timestamp", "bytes_sent", "region"]


def test_the_rows_of_a_log_are_those_of_the_days_in_order(invented):
    archive, content = invented
    expected = [
        row
        for day in (FIRST, SECOND)
        for row in archive.output("mapped", day, "rows").select(LOGGED).to_pylist()
        if row["dataset"] == "000001"
    ]
    expected.sort(key=lambda row: tuple(row.values()))
    key = "usage/000001/logs/2024-06.parquet"
    found = pq.read_table(BytesIO(content[key])).to_pylist()
    assert found == [{name: row[name] for name in row if name != "dataset"} for row in expected]
    assert len(found) > ROWS / 2


def test_row_groups_of_a_log_are_of_a_fixed_number_of_rows(invented, tmp_path):
    archive, _ = invented
    other = archive.copy(tmp_path)
    found = [
        other.made(EXACT, Limits(row_group=500, merging=merging.Limits(at_once, 50)))
        for at_once in (1 << 18, 100)
    ]
    assert found[0] == found[1]
    data = BytesIO(found[0]["usage/000001/logs/2024-06.parquet"])
    metadata = pq.ParquetFile(data).metadata
    sizes = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
    assert set(sizes[:-1]) == {500}
    assert len(sizes) > 2


def test_local_files_are_gone_when_a_publication_is_done(archive, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(temporary.tempfile, "tempdir", str(folder))
    seen = []
    monkeypatch.setattr(archive.lake, "read_pieces", lambda *a: seen.extend(folder.iterdir()) or pieces(*a))
    pieces = ReadingStore(archive.lake.root).read_pieces
    archive.do(SECOND, line("reef.txt", day=SECOND, sent=7), name="LATE")
    seen.clear()
    published_again(archive)
    assert seen
    assert list(folder.iterdir()) == []


def test_the_rows_of_a_month_are_never_in_memory_as_a_whole(tmp_path):
    archive = Archive(tmp_path)
    for day in (FIRST, SECOND):
        map_invented_day(archive.lake, day, 2, 100_000)
    publish(archive.lake, EXACT)  # so that the month is merged
    with counted() as memory:
        archive.made(Masking(50, 20), Limits(row_group=10_000, merging=merging.Limits(rows=10_000)))
    rows = sum(archive.output("mapped", day, "rows").nbytes for day in (FIRST, SECOND))
    assert 0 < memory.max_memory() < rows


@pytest.mark.slow
@pytest.mark.skipif(not (PROC / "clear_refs").exists(), reason="Linux tells the peak")
def test_a_month_of_very_many_requests_takes_little_memory(tmp_path):
    """As tables and sorted as a whole these took 600 MB; now 230 MB, be they twice or half as many."""
    lake = LocalStore(tmp_path / "lake")
    for day in (FIRST, SECOND, date(2024, 6, 3)):
        map_invented_day(lake, day, 2, 800_000)
    run = processes.run(sys.executable, "-m", "tests.support.publish_memory_run", tmp_path, cwd=PROJECT)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["requests"] == 2_400_000
    assert found["growth"] < 330_000_000
