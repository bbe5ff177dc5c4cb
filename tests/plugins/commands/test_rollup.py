"""The command behind `make rollup`: the plan first, then the work, and an exit status."""

import pytest

from s3logs_airflow.commands.rollup import main
from s3logs_airflow.connections.deployment import open_deployment
from tests.support.reduce_world import line


@pytest.fixture
def logs(tmp_path, settings_env):
    settings_env(sources=tmp_path / "logs", rollup_destination=tmp_path / "archive")
    for day in ("2024-06-01", "2024-06-02"):
        for n in range(3):
            path = tmp_path / f"logs/reef/{day}-0{n}-00-00-A"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(line(request_id=f"{day}-{n}"))
    return tmp_path / "logs"


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_the_plan_alone_writes_nothing(logs, capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert "2024-06-01" in shown
    assert "2 intervals" in shown
    assert "nothing was written or deleted" in shown
    assert not (logs.parent / "archive").exists()


def test_it_rolls_up_and_says_what_it_did(logs, capsys):
    assert main(["--do", "--level", "month", "--codec", "gzip", "--originals", "delete"]) == 0
    assert "1 intervals: 6 log objects added; the roll-ups hold 6 lines" in capsys.readouterr().out
    assert names(logs) == []
    assert names(logs.parent / "archive") == ["2024-06.gz", "2024-06.manifest.json"]


def test_an_interval_that_fails_stops_no_other_and_is_told(logs, capsys):
    (logs.parent / "archive/reef").mkdir(parents=True)
    (logs.parent / "archive/reef/2024-06-01.manifest.json").write_text("{}")
    assert main(["--do"]) == 1
    shown = capsys.readouterr().out
    assert "2024-06-01.manifest.json is no manifest" in shown
    assert "1 intervals: 3 log objects added" in shown
    assert "2024-06-02.zst" in names(logs.parent / "archive")


def test_choices_that_make_no_sense_and_missing_settings_are_refused(logs, settings_env, capsys):
    assert main(["--delete-forbidden"]) == 1
    assert "delete_forbidden needs originals=delete" in capsys.readouterr().out
    settings_env(sources=f"{logs},{logs.parent}", rollup_destination="")
    assert main([]) == 1
    assert "S3LOGS_ROLLUP_DESTINATION" in capsys.readouterr().out
    settings_env(sources="")
    assert main([]) == 1
    assert "S3LOGS_SOURCES" in capsys.readouterr().out


def test_a_destination_that_is_the_source_is_just_that_place(settings_env, monkeypatch):
    """Not the folder of that name: there the names of roll-ups would begin with a slash."""
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws", "login": "a", "password": "b"}')
    settings_env(sources="s3://reef/logs", rollup_destination="s3://reef/logs")
    destination, _ = open_deployment().rollups()
    assert destination.uri() == "s3://reef/logs"
    assert len(open_deployment().sources()) == 1
    settings_env(rollup_destination="s3://reef/archive")
    assert open_deployment().rollups()[0].uri() == "s3://reef/archive/"
