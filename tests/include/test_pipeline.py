"""All stages over the sample data, checked against what its generator counted while writing it."""

import hashlib
import json
from io import StringIO

import pandas as pd

from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import publish
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.support.independent import raw_lines
from tests.support.paths import PROJECT
from tests.support.sample_run import run

EXACT = Masking(0, 1)
ATTEMPTS = ("reduced", "binned", "mapped", "months")
MEASURES = ("bytes_sent", "number_of_requests", "number_of_downloads")


def table(lake, key):
    return pd.read_csv(StringIO(lake.read(key).decode()), sep="\t", dtype={0: str}, keep_default_na=False)


def figures(frame):
    """{key: [bytes, requests, downloads]} as the truth has it."""
    assert list(frame.columns[1:]) == [*MEASURES, "normalized_downloads"]
    return {row[0]: list(row[1:4]) for row in frame.itertuples(index=False)}


def content(lake):
    return {info.key: lake.read(info.key) for info in lake.list()}


def test_log_days_agree_with_the_truth(lake, truth):
    status = table(lake, "status/log_days.tsv")
    columns = ["objects", "lines", "records", "rejections", "exact_duplicates", "reduced_rows", "bytes_sent"]
    found = {row["log_day"]: {c: row[c] for c in columns} for _, row in status.iterrows()}
    assert found == {day: {c: counts[c] for c in columns} for day, counts in truth["days"].items()}
    assert set(status["state"]) == {"complete"}


def test_every_published_figure_agrees_with_the_truth(lake, truth):
    compared = 0
    for dataset, tables in truth["usage"].items():
        for name, expected in tables.items():
            assert figures(table(lake, f"usage/{dataset}/{name}.tsv")) == expected, (dataset, name)
            compared += 1
    assert compared == 7 * 3  # five datasets, what nobody claims, and the archive


def test_datasets_and_unassociated_add_up_to_the_archive(lake):
    by_dataset = table(lake, "usage/archive/by_dataset.tsv")
    by_day = table(lake, "usage/archive/by_day.tsv")
    status = table(lake, "status/log_days.tsv")
    by_region = table(lake, "usage/archive/by_region.tsv")
    for column in MEASURES:
        assert by_dataset[column].sum() == by_day[column].sum() == by_region[column].sum()
    assert by_dataset["bytes_sent"].sum() == status["bytes_sent"].sum()
    assert by_dataset["number_of_requests"].sum() == status["reduced_rows"].sum()
    assert "unassociated" in set(by_dataset["dataset"])


def test_totals_agree_with_the_tables(lake):
    totals = json.loads(lake.read("usage/totals.json"))
    archive = json.loads(lake.read("usage/archive_totals.json"))
    by_dataset = table(lake, "usage/archive/by_dataset.tsv").set_index("dataset")
    assert set(totals) == set(by_dataset.index)
    for dataset, total in totals.items():
        regions = set(table(lake, f"usage/{dataset}/by_region.tsv")["region"])
        assert total["total_bytes_sent"] == by_dataset.loc[dataset, "bytes_sent"]
        assert total["number_of_unique_regions"] == len(regions)
        assert total["number_of_unique_countries"] == len(regions - {"bogon", "unknown"})
    assert archive["total_bytes_sent"] == by_dataset["bytes_sent"].sum()


def test_a_second_run_reuses_everything_and_touches_nothing(lake, sample, days):
    before = {info.key: info for info in lake.list()}
    assert all(outcome.reused for outcome in run(lake, sample, days))
    assert publish(lake, EXACT).reused
    assert {info.key: info for info in lake.list()} == before


def test_another_lake_gets_the_same_bytes(lake, sample, days, tmp_path):
    """Also in another order of days."""
    other = LocalStore(tmp_path)
    run(other, sample, reversed(days))
    publish(other, EXACT)

    def digests(store):
        return {
            k.rpartition("-")[0] if k.split("/")[0] in ATTEMPTS else k: hashlib.sha256(v).hexdigest()
            for k, v in content(store).items()
            if not k.endswith("_checkpoint.json")
        }

    assert digests(other) == digests(lake)


def test_published_counts_are_masked_from_exact_sums(sample, days, lake, tmp_path):
    masked = LocalStore(tmp_path)
    run(masked, sample, days)
    publish(masked, Masking(50, 20))
    for key in (
        "usage/archive/by_dataset.tsv",
        "usage/unassociated/by_asset.tsv",
        "usage/archive/by_day.tsv",
    ):
        exact, shown = table(lake, key), table(masked, key)
        assert list(exact["bytes_sent"]) == list(shown["bytes_sent"])
        for column in (*MEASURES[1:], "normalized_downloads"):
            assert list(shown[column].astype(str)) == [str(Masking(50, 20).show(n)) for n in exact[column]]
    assert "<50" in masked.read("usage/unassociated/by_asset.tsv").decode()


def test_no_ip_of_the_sample_is_in_the_mapped_or_published_files(lake, sample):
    seen = {line.split(b" ")[4] for _, line in raw_lines(sample) if line.count(b" ") > 10}
    ips = {ip for ip in seen if ip.count(b".") == 3 or ip.count(b":") > 1}
    assert len(ips) > 50
    for info in lake.list():
        if info.key.startswith(("usage/", "status/", "publish/")):
            data = lake.read(info.key)
            assert not [ip for ip in ips if ip in data], info.key


def test_an_excluded_address_counts_nowhere(sample, days, truth, tmp_path):
    from include.s3logs.sample import MONITOR_IP

    lake = LocalStore(tmp_path)
    settings = Settings(_env_file=None, excluded_ips=(MONITOR_IP,))
    reduced = run(lake, sample, days[:1], settings)[0].checkpoint
    assert 0 < reduced.counts["reduced_rows"] < truth["days"]["2024-06-01"]["reduced_rows"]
    assert reduced.counts["records"] == truth["days"]["2024-06-01"]["records"]


def test_the_rows_in_the_readme_are_those_of_the_sample(sample, days, tmp_path):
    lake = LocalStore(tmp_path)
    run(lake, sample, days)
    publish(lake, Masking(50, 20))
    published = {
        line for info in lake.list() if info.key.endswith(".tsv") for line in lake.read(info.key).split(b"\n")
    }
    readme = (PROJECT / "README.md").read_text(encoding="utf-8").split("\n")
    shown = [[cell.strip() for cell in line[1:-1].split("|")] for line in readme if line.startswith("| ")]
    assert len(shown) == 7 * 4  # header and three rows of each file
    for row in shown:
        assert "\t".join(row).encode() in published, row
    totals = json.loads(lake.read("usage/totals.json"))
    assert f'{{"000003": {json.dumps(totals["000003"])}, …}}' in readme
