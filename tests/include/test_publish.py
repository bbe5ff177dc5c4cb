"""Publish: the figures of all log days, below usage/ and nowhere else."""

import csv
import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import date
from io import BytesIO, StringIO

import pandas as pd
import pytest

from include.s3logs.binning import bin_day
from include.s3logs.catalogs import folder_of
from include.s3logs.catalogs.manifest import ManifestCatalog
from include.s3logs.checkpoint import checkpoint_key, open_days
from include.s3logs.errors import ReconciliationError, StoreUnavailableError, TooManyRejectionsError
from include.s3logs.mapping import map_day
from include.s3logs.privacy import Masking
from include.s3logs.publish import CHECKPOINT, STATUS, publish
from include.s3logs.reduce import reduce_day
from include.s3logs.settings import Settings
from include.s3logs.sources import find_log_objects
from include.s3logs.store import LocalStore

EXACT = Masking(0, 1)
FIRST, SECOND, THIRD = date(2024, 6, 1), date(2024, 6, 2), date(2024, 6, 3)
BOTH = {"reef.txt": "reef", "kelp.txt": "kelp"}


def line(key="reef.txt", *, day=FIRST, ip="192.0.2.10", status=200, sent=100):
    return (
        f"owner bucket [{day:%d/%b/%Y}:10:00:00 +0000] {ip} - R1 REST.GET.OBJECT {key} "
        f'"GET /x HTTP/1.1" {status} - {sent} 500 9 8 "-" "curl/8" -\n'
    ).encode()


def lines(key, requests, **values):
    """As many records that differ, in one byte or more, from each other."""
    return b"".join(line(key, **values).replace(b" R1 ", b" R%d " % n) for n in range(requests))


def catalog(datasets):
    """A catalog that gives each key to a dataset, with the key as asset path."""
    text = StringIO()
    rows = [[key, dataset, "1", key] for key, dataset in datasets.items()]
    csv.writer(text).writerows([["object_key", "dataset", "version", "asset_path"], *rows])
    return ManifestCatalog(text.getvalue().encode(), "catalog.csv")


class Archive:
    """A lake, its source and the stages before publish."""

    def __init__(self, folder):
        self.lake = LocalStore(folder / "lake")
        self.source = LocalStore(folder / "source")

    def do(self, day, *content, datasets=BOTH, name="A"):
        """Deliver one object (none: go on with what is there) and do all stages of the day."""
        if content:
            self.source.write(f"{day}-11-00-00-{name}", b"".join(content))
        stores = {"source": self.source}
        listing = find_log_objects(stores, day, day)
        reduced = reduce_day(self.lake, stores, day, listing, Settings(_env_file=None))
        binned = bin_day(self.lake, reduced.checkpoint)
        return map_day(self.lake, binned.checkpoint, catalog(datasets))

    def table(self, key):
        return pd.read_csv(
            BytesIO(self.lake.read(key)), sep="\t", dtype=str, keep_default_na=False, index_col=False
        )

    def json(self, key):
        return json.loads(self.lake.read(key))

    def files(self):
        """{key: (size, ETag, time written)} of what may be shown."""
        return {info.key: info for prefix in ("usage/", "status/") for info in self.lake.list(prefix)}

    def contents(self):
        return {key: self.lake.read(key) for key in self.files()}


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


# Content


def test_what_is_published_has_the_promised_names_and_nothing_else_is_there(archive):
    archive.do(FIRST, line("reef.txt"), line("other.txt"))
    publish(archive.lake, EXACT)
    assert set(archive.files()) == {
        *(
            f"usage/{name}/{t}.tsv"
            for name in ("reef", "unassociated")
            for t in ("by_day", "by_asset", "by_region")
        ),
        *(f"usage/archive/{t}.tsv" for t in ("by_day", "by_region", "by_dataset")),
        "usage/totals.json",
        "usage/archive_totals.json",
        "status/log_days.tsv",
    }
    assert archive.lake.read("usage/reef/by_asset.tsv") == (
        b"asset_path\tbytes_sent\tnumber_of_requests\tnumber_of_downloads\nreef.txt\t100\t1\t1\n"
    )
    for role, name in (("by_day", "date"), ("by_region", "region")):
        assert archive.lake.read(f"usage/reef/{role}.tsv").startswith(name.encode() + b"\tbytes_sent\t")
    assert archive.lake.read("usage/archive/by_dataset.tsv").startswith(b"dataset\tbytes_sent\t")


def test_an_event_day_in_two_log_days_is_one_row(archive):
    archive.do(FIRST, line(sent=1))
    archive.do(SECOND, line(sent=2, day=FIRST), line(sent=4, day=SECOND, status=206))
    publish(archive.lake, EXACT)
    assert archive.table("usage/reef/by_day.tsv").values.tolist() == [
        ["2024-06-01", "3", "2", "2"],
        ["2024-06-02", "4", "1", "0"],
    ]


def test_days_are_in_order_and_all_else_by_bytes_most_first_then_by_name(archive):
    ips = {"8.8.8.8": 5, "193.0.6.139": 7, "192.0.2.1": 5}
    keys = {"m.txt": 5, "z.txt": 9, "a.txt": 5, "b.txt": 5}
    datasets = {"m.txt": "kelp", "z.txt": "reef", "a.txt": "kelp", "b.txt": "algae"}
    archive.do(THIRD, *(line(key, sent=n, day=THIRD) for key, n in keys.items()), datasets={})
    archive.do(FIRST, *(line("one.txt", sent=n, ip=ip) for ip, n in ips.items()), datasets={})
    archive.do(SECOND, line("one.txt", sent=1, day=SECOND), datasets={})
    publish(archive.lake, EXACT)

    def first_column(key):
        return archive.table(key).iloc[:, 0].tolist()

    assert first_column("usage/unassociated/by_day.tsv") == ["2024-06-01", "2024-06-02", "2024-06-03"]
    assert first_column("usage/unassociated/by_asset.tsv") == ["one.txt", "z.txt", "a.txt", "b.txt", "m.txt"]
    assert first_column("usage/unassociated/by_region.tsv") == ["bogon", "NL", "US"]
    archive.do(THIRD, datasets=datasets)
    publish(archive.lake, EXACT)
    assert first_column("usage/archive/by_dataset.tsv") == ["unassociated", "kelp", "reef", "algae"]
    assert first_column("usage/kelp/by_asset.tsv") == ["a.txt", "m.txt"]


def test_rows_with_equal_bytes_are_in_order_of_their_name(archive):
    archive.do(FIRST, *(line(f"{name}.txt") for name in "dacb"), line("z.txt", sent=101), datasets={})
    publish(archive.lake, EXACT)
    assert archive.table("usage/unassociated/by_asset.tsv")["asset_path"].tolist() == [
        "z.txt",
        "a.txt",
        "b.txt",
        "c.txt",
        "d.txt",
    ]


def test_numbers_are_sorted_as_numbers_not_as_they_are_shown(archive):
    archive.do(FIRST, line("a", sent=9), line("b", sent=10), line("c", sent=100), datasets={})
    publish(archive.lake, Masking(50, 20))
    assert archive.table("usage/unassociated/by_asset.tsv")["asset_path"].tolist() == ["c", "b", "a"]


def test_totals_count_regions_and_the_countries_among_them(archive):
    ips = ("8.8.8.8", "9.9.9.9", "193.0.6.139", "192.0.2.1", "-")
    archive.do(FIRST, *(line(ip=ip) for ip in ips), line("kelp.txt", status=206))
    publication = publish(archive.lake, EXACT)
    regions = archive.table("usage/reef/by_region.tsv")["region"].tolist()
    totals = archive.json("usage/totals.json")
    assert totals["reef"] == {
        "total_bytes_sent": 500,
        "total_number_of_requests": 5,
        "total_number_of_downloads": 5,
        "number_of_unique_regions": len(regions),
        "number_of_unique_countries": len(set(regions) - {"bogon", "unknown"}),
    }
    assert {"US", "NL", "bogon", "unknown"} <= set(regions)
    assert totals["kelp"]["total_number_of_downloads"] == 0
    assert publication.totals == archive.json("usage/archive_totals.json")
    assert publication.totals["total_number_of_requests"] == 6


def test_a_lake_without_any_log_day_is_published_as_empty_tables(archive):
    publication = publish(archive.lake, EXACT)
    assert archive.table("usage/archive/by_day.tsv").empty
    assert archive.json("usage/totals.json") == {}
    assert publication.totals["total_bytes_sent"] == 0
    assert publication.missing == []


def test_counts_of_map_that_are_not_in_the_tables_are_an_error_and_nothing_is_published(archive):
    checkpoint = archive.do(FIRST, line()).checkpoint
    tampered = replace(checkpoint, counts={**checkpoint.counts, "bytes_sent": 101})
    archive.lake.write(checkpoint_key("mapped", FIRST), tampered.to_json())
    with pytest.raises(ReconciliationError, match="101"):
        publish(archive.lake, EXACT)
    assert archive.files() == {}


# Masking


def test_small_counts_are_masked_from_the_exact_sum_of_all_days(archive):
    archive.do(FIRST, lines("reef.txt", 30), lines("kelp.txt", 3))
    archive.do(SECOND, lines("reef.txt", 25, day=SECOND, status=206))
    publish(archive.lake, Masking(50, 20))
    assert archive.table("usage/reef/by_day.tsv").values.tolist() == [
        ["2024-06-01", "3000", "<50", "<50"],
        ["2024-06-02", "2500", "<50", "<50"],
    ]
    assert archive.table("usage/reef/by_asset.tsv").values.tolist() == [["reef.txt", "5500", "60", "<50"]]
    assert archive.table("usage/archive/by_dataset.tsv").values.tolist() == [
        ["reef", "5500", "60", "<50"],
        ["kelp", "300", "<50", "<50"],
    ]
    assert archive.json("usage/archive_totals.json")["total_number_of_requests"] == 60
    assert archive.json("usage/totals.json")["kelp"]["total_number_of_downloads"] == "<50"


def test_no_exact_small_count_is_in_anything_that_is_published(archive):
    archive.do(FIRST, lines("reef.txt", 37, sent=1000), lines("other.txt", 37, sent=1000))

    def holding(number):
        found = re.compile(rb"(?<![0-9])%d(?![0-9])" % number)
        return {
            key for key, data in archive.contents().items() if key.startswith("usage/") and found.search(data)
        }

    publish(archive.lake, Masking(50, 20))
    assert holding(37) == holding(74) == set()
    publish(archive.lake, EXACT)
    assert {"usage/reef/by_day.tsv", "usage/unassociated/by_asset.tsv", "usage/totals.json"} <= holding(37)
    assert {"usage/archive/by_day.tsv", "usage/archive_totals.json"} <= holding(74)


@pytest.mark.parametrize("masking", [Masking(5, 20), Masking(50, 7), Masking(0, 1)])
def test_other_masking_settings_publish_again_without_mapping_again(archive, masking):
    archive.do(FIRST, lines("reef.txt", 33))
    publish(archive.lake, Masking(50, 20))
    stages = {
        info.key: info for stage in ("reduced/", "binned/", "mapped/") for info in archive.lake.list(stage)
    }
    publication = publish(archive.lake, masking)
    assert not publication.reused
    shown = str(masking.show(33))
    assert archive.table("usage/reef/by_day.tsv").values.tolist() == [["2024-06-01", "3300", shown, shown]]
    assert {
        info.key: info for stage in ("reduced/", "binned/", "mapped/") for info in archive.lake.list(stage)
    } == stages
    assert archive.do(FIRST).reused


# What is touched, and what goes


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
    publish(archive.lake, EXACT)
    archive.do(FIRST, datasets={"reef.txt": "reef"})
    publish(archive.lake, EXACT, force=True)
    assert archive.lake.read("usage/README.md") == b"how to read this"
    assert [info.key for info in archive.lake.list("usage/kelp/")] == ["usage/kelp/notes.txt"]


class StoppedAt(LocalStore):
    """A lake on which a process dies when it comes to delete, or to write a certain key."""

    def __init__(self, root, stop):
        super().__init__(root)
        self.stop = stop

    def write(self, key, data):
        if key == self.stop:
            raise StoreUnavailableError("stopped")
        super().write(key, data)

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
        ("usage/archive/by_region.tsv", "emptied"),
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


def test_a_published_file_with_other_content_of_the_same_size_is_restored_with_force(archive):
    archive.do(FIRST, line())
    publish(archive.lake, EXACT)
    key = "usage/reef/by_day.tsv"
    content = archive.lake.read(key)
    archive.lake.write(key, content.replace(b"100", b"999"))
    publish(archive.lake, EXACT, force=True)
    assert archive.lake.read(key) == content


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
    checkpoint, content = archive.lake.read(CHECKPOINT), archive.contents()
    archive.lake.write(CHECKPOINT, damage)
    assert not publish(archive.lake, EXACT).reused
    assert archive.lake.read(CHECKPOINT) == checkpoint
    assert archive.contents() == content


def test_a_dataset_that_left_while_the_checkpoint_was_damaged_is_removed(archive):
    archive.do(FIRST, line("reef.txt"), line("kelp.txt"))
    publish(archive.lake, EXACT)
    archive.lake.write(CHECKPOINT, b"")
    archive.do(FIRST, datasets={"reef.txt": "reef"})
    publish(archive.lake, EXACT)
    assert not (archive.lake.root / "usage" / "kelp").exists()


# The state of the log days


def test_every_log_day_is_listed_with_its_numbers_and_state(archive):
    archive.do(FIRST, line(), line(), line("kelp.txt", status=404), b"garbage\n" + lines("reef.txt", 30))
    publication = publish(archive.lake, EXACT)
    assert archive.lake.read(STATUS).decode().split("\n") == [
        "log_day\tobjects\tlines\trecords\trejections\texact_duplicates\treduced_rows\tbytes_sent\tstate",
        "2024-06-01\t1\t34\t33\t1\t2\t30\t3000\tcomplete",
        "",
    ]
    assert publication.missing == []


def test_a_day_that_was_asked_for_and_has_no_figures_is_incomplete(archive):
    archive.do(FIRST, line())
    publication = publish(archive.lake, EXACT, asked=[FIRST, SECOND])
    assert archive.lake.read(STATUS).decode().split("\n")[2] == "2024-06-02" + "\t" * 8 + "incomplete"
    assert [(day.log_day, day.state) for day in publication.missing] == [("2024-06-02", "incomplete")]
    assert archive.json("usage/archive_totals.json")["total_bytes_sent"] == 100


def test_a_day_whose_newest_attempt_failed_is_outdated_and_keeps_its_old_figures(archive):
    archive.do(FIRST, line())
    archive.do(SECOND, line(day=SECOND))
    publish(archive.lake, EXACT)
    with pytest.raises(TooManyRejectionsError):
        archive.do(SECOND, b"garbage\n" * 9, name="LATE")
    publication = publish(archive.lake, EXACT)
    assert not publication.reused
    assert archive.table(STATUS)["state"].tolist() == ["complete", "outdated"]
    assert archive.table(STATUS)["bytes_sent"].tolist() == ["100", "100"]
    assert [(day.log_day, day.state) for day in publication.missing] == [("2024-06-02", "outdated")]
    assert archive.json("usage/archive_totals.json")["total_bytes_sent"] == 200


def test_a_day_whose_first_attempt_failed_is_incomplete_also_when_nobody_asks(archive):
    with suppress(TooManyRejectionsError):
        archive.do(FIRST, b"garbage\n")
    assert open_days(archive.lake) == {"2024-06-01"}
    assert [(day.log_day, day.state) for day in publish(archive.lake, EXACT).missing] == [
        ("2024-06-01", "incomplete")
    ]


@pytest.mark.parametrize("damage", [b"{", b'{"format": 1, "files": []}'])
def test_a_day_whose_mapped_checkpoint_is_damaged_is_not_in_the_figures_and_incomplete(archive, damage):
    archive.do(FIRST, line())
    archive.do(SECOND, line(day=SECOND))
    archive.lake.write(checkpoint_key("mapped", FIRST), damage)
    publication = publish(archive.lake, EXACT, asked=[FIRST])
    assert [(day.log_day, day.state) for day in publication.missing] == [("2024-06-01", "incomplete")]
    assert archive.table("usage/archive/by_day.tsv")["date"].tolist() == ["2024-06-02"]


def test_a_day_that_got_finished_is_published_as_complete_again(archive):
    archive.do(FIRST, line())
    archive.lake.write(f"open/{FIRST}", b"")
    assert len(publish(archive.lake, EXACT).missing) == 1
    archive.do(FIRST)
    assert publish(archive.lake, EXACT).missing == []
    assert archive.table(STATUS)["state"].tolist() == ["complete"]


# Names that are no harmless file names


NASTY_DATASETS = [
    "../../x",
    "..",
    ".",
    "a/b",
    "/etc/passwd",
    ".hidden",
    "%2Ehidden",
    "café",
    "cafe\u0301",
    "tab\there",
    'quo"te',
    "new\nline",
    "back\\slash",
    "$(x)",
    "-rf",
    "a b",
    "reef\x00",
    "000001",
    "NA",
    "Archive",
]


def test_every_dataset_has_a_folder_of_its_own_directly_below_usage(archive):
    datasets = {f"k{n}": name for n, name in enumerate(NASTY_DATASETS)}
    archive.do(FIRST, *(line(key, sent=n + 1) for n, key in enumerate(datasets)), datasets=datasets)
    outside = {path for path in archive.lake.root.parent.rglob("*") if path.is_file()}
    publish(archive.lake, EXACT)
    new = {path for path in archive.lake.root.parent.rglob("*") if path.is_file()} - outside
    usage = archive.lake.root / "usage"
    folders = {path.parent.name for path in new if path.parent.parent == usage}
    assert folders == {"archive", *map(folder_of, NASTY_DATASETS)}
    assert len(folders) == len(NASTY_DATASETS) + 1
    assert all(
        path.is_relative_to(usage)
        for path in new - {archive.lake.root / CHECKPOINT, archive.lake.root / STATUS}
    )
    for n, (key, name) in enumerate(datasets.items()):
        assert archive.table(f"usage/{folder_of(name)}/by_asset.tsv").values.tolist() == [
            [key, str(n + 1), "1", "1"]
        ]
    assert set(archive.json("usage/totals.json")) == set(NASTY_DATASETS)
    assert set(archive.table("usage/archive/by_dataset.tsv")["dataset"]) == set(NASTY_DATASETS)


@pytest.mark.parametrize("name", NASTY_DATASETS)
def test_a_folder_name_is_one_visible_path_segment_of_plain_characters(name):
    folder = folder_of(name)
    assert folder.isascii()
    assert folder.isprintable()
    assert not set(folder) & set('/\\\t\n "$()')
    assert not folder.startswith(".")


@pytest.mark.parametrize("name", ["reef", "000026", "my-data_set.v1~x", "A.b"])
def test_a_harmless_name_is_the_folder_name(name):
    assert folder_of(name) == name


NASTY_PATHS = {  # as logged: encoded twice
    "tab%2509here.nc": "tab\there.nc",
    "new%250Aline.nc": "new\nline.nc",
    "carriage%250Dreturn.nc": "carriage\rreturn.nc",
    "both%250D%250Aof.nc": "both\r\nof.nc",
    "quo%2522te%2522.nc": 'quo"te".nc',
    "%2522all%2522": '"all"',
    "%2522": '"',
    "%2520lead": " lead",
    "trail%2520": "trail ",
    "caf%25C3%25A9": "café",
    "back%255Cslash": "back\\slash",
    "semi;comma,%23": "semi;comma,#",
    "NA": "NA",
    "null": "null",
    "=1+1": "=1+1",
}


@pytest.fixture(scope="module")
def nasty_rows(tmp_path_factory):
    """The rows that pandas reads, when each of the keys is a dataset's only asset but for a neighbour."""
    archive = Archive(tmp_path_factory.mktemp("nasty"))
    datasets = {path: f"d{n}" for n, path in enumerate(NASTY_PATHS.values())}
    neighbours = {f"zz{n}.nc": f"d{n}" for n in range(len(datasets))}
    content = [*(line(logged, sent=200) for logged in NASTY_PATHS), *(line(key) for key in neighbours)]
    archive.do(FIRST, *content, datasets=datasets | neighbours)
    publish(archive.lake, EXACT)
    return {
        logged: archive.table(f"usage/d{n}/by_asset.tsv").values.tolist()
        for n, logged in enumerate(NASTY_PATHS)
    }


@pytest.mark.parametrize("logged", NASTY_PATHS)
def test_a_row_with_any_asset_path_reads_back_with_pandas(nasty_rows, logged):
    rows = nasty_rows[logged]
    assert rows[0] == [NASTY_PATHS[logged], "200", "1", "1"]
    assert [row[1:] for row in rows[1:]] == [["100", "1", "1"]]
