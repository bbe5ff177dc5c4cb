"""The tables by week: every cell against a computation of its own."""

import random
from collections import Counter, defaultdict
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.s3logs.publishing.limits import LIMITS, Limits
from include.s3logs.publishing.weeks import by_week
from tests.support.small_archive import EXACT, FIRST, SECOND, Archive, line

MONDAY = date(2024, 5, 27)
KINDS = {".nwb": "Neurophysiology", ".txt": "Miscellaneous", ".mp4": "Video", ".TIF": "Microscopy"}


def sums(count):
    """{(asset path, week): bytes} where there was traffic: in few of the weeks, sometimes without bytes."""
    rng = random.Random(count)
    return {
        (f"{n:04}{ending}", MONDAY + timedelta(weeks=week)): rng.choice([0, 1, 10**15 + n])
        for n in range(count)
        for ending in [rng.choice(list(KINDS))]
        for week in rng.sample(range(40), rng.choice([1, 2, 5]))
    }


def published(found, folder, **asked):
    """{file: content}; the table comes in several chunks."""
    rows = sorted((path, week, sent) for (path, week), sent in found.items())
    kinds = {"asset_path": pa.string(), "week": pa.date32(), "bytes_sent": pa.int64()}
    table = pa.concat_tables(
        pa.table(
            {
                name: pa.array([row[n] for row in rows[first : first + 7]], kind)
                for n, (name, kind) in enumerate(kinds.items())
            }
        )
        for first in range(0, len(rows), 7)
    )
    return {
        name: content.read_bytes() if isinstance(content, Path) else content
        for name, content in by_week(table, folder, **asked)
    }


@pytest.fixture(params=[LIMITS, Limits(cells=3, small=10)], ids=["as it is", "little at once"])
def limits(request):
    """The bytes do not depend on it."""
    return request.param


@pytest.mark.parametrize("count", [1, 2, 300])
def test_every_week_has_a_row_and_every_asset_a_column(tmp_path, limits, count):
    found = sums(count)
    paths, mondays = sorted({path for path, _ in found}), sorted({week for _, week in found})
    expected = [["week_start", *paths]]
    expected += [[str(week), *(str(found.get((path, week), 0)) for path in paths)] for week in mondays]
    files = published(found, tmp_path, limits=limits)
    assert files["by_asset_per_week.tsv"].decode() == "".join("\t".join(row) + "\n" for row in expected)
    long = pq.read_table(BytesIO(files["by_asset_per_week.parquet"])).to_pylist()
    assert [(row["week_start"], row["asset_path"], row["bytes_sent"]) for row in long] == sorted(
        (week, path, sent) for (path, week), sent in found.items()
    )


def test_types_are_summed_by_week_and_those_without_traffic_are_left_out(tmp_path, limits):
    found = {key: sent for key, sent in sums(200).items() if not key[0].endswith(".mp4")}
    expected = Counter()
    for (path, week), sent in found.items():
        expected[week, KINDS[path[4:]]] += sent
    mondays = sorted({week for week, _ in expected})
    shown = ["Neurophysiology", "Microscopy", "Miscellaneous"]
    rows = [["week_start", *shown]]
    rows += [[str(week), *(str(expected[week, kind]) for kind in shown)] for week in mondays]
    files = published(found, tmp_path, limits=limits)
    assert files["by_asset_type_per_week.tsv"].decode() == "".join("\t".join(row) + "\n" for row in rows)
    by_type = defaultdict(int)
    for (path, week), sent in found.items():
        by_type[week, KINDS[path[4:]]] += sent
    long = pq.read_table(BytesIO(files["by_asset_type_per_week.parquet"])).to_pylist()
    assert [tuple(row.values()) for row in long] == sorted((*key, sent) for key, sent in by_type.items())


def test_with_too_many_assets_only_the_wide_table_of_them_is_left_out(tmp_path):
    found = sums(20)
    every = published(found, tmp_path)
    assert published(found, tmp_path, most_columns=20) == every
    del every["by_asset_per_week.tsv"]
    assert published(found, tmp_path, most_columns=19) == every


def test_of_very_many_keys_that_nobody_claims_there_is_no_wide_table_any_more(tmp_path):
    archive = Archive(tmp_path)
    wide = {f"usage/{name}/by_asset_per_week.tsv" for name in ("reef", "unassociated")}
    claimed = {f"{n}.txt": "reef" for n in range(4)}
    archive.do(FIRST, *map(line, [*claimed, "x.txt", "y.txt"]), datasets=claimed)
    assert wide < set(archive.made(EXACT, Limits(columns=2)))
    archive.do(SECOND, line("z.txt", day=SECOND), datasets=claimed)
    files = archive.made(EXACT, Limits(columns=2))
    assert wide & set(files) == {"usage/reef/by_asset_per_week.tsv"}
    long = pq.read_table(BytesIO(files["usage/unassociated/by_asset_per_week.parquet"]))
    assert long["asset_path"].to_pylist() == ["x.txt", "y.txt", "z.txt"]
