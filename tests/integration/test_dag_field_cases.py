"""Some of the field's cases (`tests/include/test_field_cases.py` has them all) through the DAG."""

import pytest

from include.s3logs.stores.folder import LocalStore
from tests.support.paths import FIELD

DAY = "2024-06-01"


@pytest.fixture
def lake(tmp_path):
    return LocalStore(tmp_path / "lake")


@pytest.fixture
def case(lake, settings_env):
    """case(name) makes the settings those of the case."""

    def set_(name, **more):
        source = FIELD / name / "source"
        settings_env(sources=source, lake=lake.root, catalog="prefix:1", mask_below=0, round_to=1, **more)

    return set_


def days(lake, *names):
    header, *rows = (row.split("\t") for row in lake.read("status/log_days.tsv").decode().splitlines())
    return [tuple(dict(zip(header, row, strict=True))[name] for name in names) for row in rows]


def test_all_filtered_away(case, run_dag, lake, capfd):
    case("all-filtered-away")
    run = run_dag(days=[DAY])
    told = (
        "No record has this operation (S3LOGS_OPERATIONS=REST.GET.OBJECT); those that were there: "
        "WEBSITE.GET.OBJECT."
    )
    assert run.state == "success"
    assert days(lake, "lines", "filtered", "reduced_rows", "state") == [("2", "2", "0", "complete")]
    assert run.xcoms["publish", None]["warnings"] == [told]
    assert "".join(capfd.readouterr()).count(told) >= 2  # by publish, and by the last task


def test_dated_prefix(case, run_dag, lake):
    case("dated-prefix")
    run = run_dag(last_day="2024-06-30")
    assert run.state == "success"
    assert days(lake, "log_day", "objects", "bytes_sent", "state") == [
        (f"2024-06-0{n}", "1", "100", "complete") for n in (1, 2, 3)
    ]
    assert lake.read("usage/archive/by_dataset.tsv").splitlines()[1].startswith(b"ds1\t300\t3\t")


def test_skip_leaves_no_trace(case, run_dag, lake):
    case("skip-leaves-no-trace", on_unreadable="skip")
    run = run_dag(days=[DAY])
    assert run.states["complete", None] == "failed"
    assert run.xcoms["publish", None]["failures"] == [f"Not complete: {DAY} (partial)."]
    assert days(lake, "objects", "unreadable", "lines", "state") == [("2", "1", "1", "partial")]


def test_a_catalog_of_which_no_key_was_asked_for(case, run_dag):
    case("key-of-storj")
    (told,) = run_dag(days=[DAY]).xcoms["publish", None]["warnings"]
    assert told.startswith(f"0 of 1 keys of {DAY} are in the catalog")


def test_all_that_makes_no_sense_is_told_at_once(case, run_dag, lake, capfd, settings_env):
    case("dated-prefix", operations="GET", rejection_limit=2, catalogue="x")
    settings_env(lake=FIELD / "dated-prefix/source/lake")
    run = run_dag(days=[DAY])
    assert run.states["discover", None] == "failed"
    log = "".join(capfd.readouterr())
    for part in (
        "'GET' is no operation; did you mean REST.GET.OBJECT?",
        "S3LOGS_REJECTION_LIMIT='2': Input should be less",
        "S3LOGS_CATALOGUE is no setting",
        "lies inside the source",
    ):
        assert part in log
    assert not lake.root.exists()
    assert not (FIELD / "dated-prefix/source/lake").exists()
