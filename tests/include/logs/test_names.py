import json
from dataclasses import asdict
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.logs.names import LogObjectName, log_day, parse_key
from tests.support.paths import EXAMPLES

CASES = [json.loads(line) for line in (EXAMPLES / "object_keys.jsonl").read_text().splitlines()]
CHECKED = ("layout", "prefix", "unique", "account", "region", "bucket")
NAME = "2026-10-21-11-16-03-B2C3D4E5F6A7B8C9"
PARTITION = "111122223333/eu-north-1/amzn-s3-demo-reef/"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["key"])
def test_example(case):
    expected, name = case["expected"], parse_key(case["key"])
    assert (name is not None) == expected["is_log"]
    if name is None:
        return
    assert name.time == datetime.fromisoformat(expected["timestamp"])
    assert name.day == name.time.date()
    found = asdict(name)
    assert {k: found[k] for k in CHECKED if k in expected} == {
        k: expected[k] for k in CHECKED if k in expected
    }


@pytest.mark.parametrize(
    ("key", "layout", "prefix"),
    [
        (NAME, "simple", ""),
        (f"s3{NAME}", "simple", "s3"),
        (f"2025-01-01-00-00-00-{NAME}", "simple", "2025-01-01-00-00-00-"),
        (f"a\nb/{NAME}", "simple", "a\nb/"),
        (f"logs/2026/13/21/{NAME}", "simple", "logs/2026/13/21/"),
        (f"2026/10/21/{NAME}", "date-folders", ""),
        (f"bucket/2026/10/21/{NAME}", "date-folders", "bucket/"),
        (f"{PARTITION}2026/10/21/{NAME}", "partitioned", ""),
        (f"s3{PARTITION}2026/10/21/{NAME}", "partitioned", "s3"),
        (f"7{PARTITION}2026/10/21/{NAME}", "partitioned", "7"),
        (f"{PARTITION}{NAME}", "simple", PARTITION),
    ],
)
def test_layout_and_prefix(key, layout, prefix):
    name = parse_key(key)
    assert (name.layout, name.prefix, name.unique) == (layout, prefix, "B2C3D4E5F6A7B8C9")


def test_partition_says_whose_log_it_is():
    name = parse_key(f"logs/{PARTITION}2026/10/21/{NAME}")
    assert (name.account, name.region, name.bucket) == ("111122223333", "eu-north-1", "amzn-s3-demo-reef")


@pytest.mark.parametrize("folders", ["2026/10/22/", f"{PARTITION}2026/10/22/"])
def test_the_name_outranks_its_folders(folders):
    assert parse_key(folders + NAME).day == date(2026, 10, 21)


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".zst"])
@pytest.mark.parametrize("prefix", ["", "logs/", "logs/2023/", "a\nb"])
def test_day_file(prefix, ending):
    assert parse_key(f"{prefix}2024/06/01.log{ending}") == LogObjectName("day-file", prefix, date(2024, 6, 1))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "2023-02-29-00-00-00-AB",
        "2024-06-31-00-00-00-AB",
        "2024-06-01-24-00-00-AB",
        "2024-06-01-00-00-60-AB",
        "0000-06-01-00-00-00-AB",
        "2024-06-01-00-00-00-",
        "2024-06-01-00-00-00-AB.txt",
        "2024-06-01-00-00-00-AB/",
        "2024-06-01-00-00-00-AB\n",
        "٢٠٢٤-06-01-00-00-00-AB",
        "2024-6-1-0-0-0-AB",
        "2024/06/31.log",
        "2023/02/29.log.gz",
        "2024/06/01.txt",
        "2024/06/01.log.xz",
        "2024/06/01.log\n",
        "2024/06/01/",
    ],
)
def test_no_log_object(key):
    assert parse_key(key) is None


@given(
    prefix=st.text(max_size=30),
    time=st.datetimes(timezones=st.just(UTC)).map(lambda t: t.replace(microsecond=0)),
    unique=st.text("0123456789ABCDEFxyz", min_size=1),
)
def test_what_is_built_is_read_back(prefix, time, unique):
    stamp = f"{time.year:04}-{time.month:02}-{time.day:02}-{time.hour:02}-{time.minute:02}-{time.second:02}"
    name = parse_key(f"{prefix}{stamp}-{unique}")
    assert (name.day, name.time, name.unique) == (time.date(), time, unique)
    assert prefix.startswith(name.prefix)


PIECES = [
    "2026-10-21-11-16-03",
    "2026-02-30-11-16-03",
    "2026-10-21-24-00-00",
    "0000-01-01-00-00-00",
    "-",
    "/",
]
PIECES += ["2026-W10-1-11-16-03", "2026-10-21-11-16-60", "2026/10/21", "2026/13/21", ".log", ".log.gz", ".gz"]
PIECES += ["A1", "٣", "é", "\n", "", "logs/", PARTITION, NAME, "\uff19", "²", "/"]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map("".join))
def test_the_log_day_alone_is_that_of_the_name(key):
    name = parse_key(key)
    assert log_day(key) == (name and name.day)
