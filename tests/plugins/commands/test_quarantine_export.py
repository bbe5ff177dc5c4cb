"""`make quarantine-export`: which lake, which days, what the person is told."""

import json
from datetime import date
from pathlib import Path

import pytest

from include.s3logs.lake.checkpoint import KIND, RETAINED, amend, checkpoint_key, load_checkpoint
from include.s3logs.lake.pointer import Pointer
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from s3logs_airflow.commands.quarantine_export import main
from s3logs_airflow.local.home import Home, Instance
from tests.support.one_day import reduce_day

BAD = b"alice.example is no record\nalice.example [32/May/2024] x\n"


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """A lake with two days in quarantine; the command works in an empty folder with a home of its own."""
    source = {"src": LocalStore(tmp_path / "logs")}
    store = LocalStore(tmp_path / "lake")
    for day in (date(2024, 6, 1), date(2024, 6, 2)):
        source["src"].write(f"{day}-11-00-00-A", BAD)
        listing = find_log_objects(source, day, day)
        reduce_day(store, source, day, listing, Settings(_env_file=None, rejection_limit=1))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("S3LOGS_AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("S3LOGS_LAKE", "")  # so that it is put back, whatever the command does
    return store


def exported(name="quarantine-export.jsonl"):
    return [json.loads(text) for text in Path(name).read_text().splitlines()]


def test_writes_the_lines_of_the_lake_that_is_set(lake, settings_env, capsys):
    settings_env(lake=lake.root)
    assert main([]) == 0
    assert len(exported()) == 4
    assert "alice" not in Path("quarantine-export.jsonl").read_text()
    told = capsys.readouterr().out
    assert f"4 unreadable lines of {lake.root} are in quarantine-export.jsonl" in told
    assert "4  header fields malformed" in told
    assert "before you send it" in told


@pytest.mark.parametrize(
    ("days", "lines"),
    [("2024-06-01:2024-06-02", 4), ("2024-06-02:", 2), (":2024-06-01", 2), ("2024-06-02,2024-06-09", 2)],
)
def test_days(lake, settings_env, days, lines):
    settings_env(lake=lake.root)
    assert main(["--days", days, "--output", "other.jsonl"]) == 0
    assert len(exported("other.jsonl")) == lines


def test_without_a_setting_the_lake_of_the_last_start(lake, tmp_path):
    home = Home(tmp_path / "airflow")
    with home.hold():
        home.remember(Instance(settings={"S3LOGS_SOURCES": "x", "S3LOGS_LAKE": str(lake.root)}))
    assert main([]) == 0
    assert len(exported()) == 4


def test_of_days_whose_lines_went_it_says_when(lake, settings_env, capsys):
    settings_env(lake=lake.root)
    day = date(2024, 6, 1)
    version = Pointer(lake, checkpoint_key("reduced", day), KIND).version()
    amend(lake, load_checkpoint(lake, "reduced", day), {}, {RETAINED: "2024-08-01"}, over=version)
    assert main([]) == 0
    assert len(exported()) == 2
    told = " ".join(capsys.readouterr().out.split())
    assert "Those of 1 log days went with their addresses (S3LOGS_KEEP_ADDRESSES_DAYS)" in told
    assert "first of 2024-06-01, retained on 2024-08-01" in told


def test_nothing_in_quarantine(lake, settings_env, capsys):
    settings_env(lake=lake.root)
    assert main(["--days", "2024-07-01:"]) == 0
    assert "nothing was written" in capsys.readouterr().out
    assert not Path("quarantine-export.jsonl").exists()


def test_settings_that_make_no_sense(lake, settings_env, capsys):
    settings_env(lake=lake.root, settling_days="many")
    assert main([]) == 1
    assert "S3LOGS_SETTLING_DAYS='many'" in capsys.readouterr().out


def test_a_lake_that_is_none(lake, settings_env, capsys):
    settings_env(lake="ftp://example.org/lake")
    assert main([]) == 1
    assert "neither a folder nor an s3:// address" in capsys.readouterr().out


def test_a_file_that_cannot_be_written(lake, settings_env, capsys):
    settings_env(lake=lake.root)
    assert main(["--output", "nowhere/x.jsonl"]) == 1
    assert "nowhere/x.jsonl cannot be written" in capsys.readouterr().out


def test_days_that_are_none_are_refused(lake, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--days", "yesterday"])
    assert ended.value.code == 2
    assert "'yesterday' is no date" in capsys.readouterr().err
