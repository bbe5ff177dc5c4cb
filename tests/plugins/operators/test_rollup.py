"""What the task of one interval says in its log."""

from dataclasses import asdict
from types import SimpleNamespace

import pytest

from include.s3logs.errors import StoreUnavailableError
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from s3logs_airflow.operators.rollup import RollUpOperator

DAY = Interval("logs/", "day", "2024-06-01")


@pytest.fixture
def source(tmp_path, monkeypatch):
    source, destination = LocalStore(tmp_path / "source"), LocalStore(tmp_path / "destination")
    for n in range(3):
        source.write(f"logs/2024-06-01-00-00-00-{n}", b"a line\n")
    deployment = SimpleNamespace(
        settings=Settings(_env_file=None), rollups=lambda: (destination, {source.uri(): source})
    )
    monkeypatch.setattr("s3logs_airflow.connections.deployment.open_deployment", lambda: deployment)
    return source


@pytest.fixture
def told(monkeypatch):
    """The lines of the task's log."""
    lines = []

    def say(text, *values):
        lines.append(text % values)

    monkeypatch.setattr(RollUpOperator, "log", SimpleNamespace(info=say, warning=say))
    return lines


def run(**params):
    context = {
        "dag_run": SimpleNamespace(run_type="manual"),
        "params": {"dry_run": False, **params},
        "ti": SimpleNamespace(xcom_push=lambda **_: None),
    }
    return RollUpOperator(task_id="roll_up", interval=asdict(DAY)).execute(context)


BECAME = {
    "delete": "deleted 3, deleted_forbidden 0, tagged 0, kept 0",
    "keep": "deleted 0, deleted_forbidden 0, tagged 0, kept 3",
}


@pytest.mark.parametrize(("originals", "became"), BECAME.items())
def test_it_says_what_became_of_how_many_originals_of_which_interval(source, told, originals, became):
    run(originals=originals)
    said = f"logs/2024-06-01, of 3 log objects found: added 3, held 3, {became}, unreadable 0, refused 0"
    assert said in told


def test_it_says_so_before_it_fails_too(source, told, monkeypatch):
    def refusing(versions):
        return {version.key: "no" for version in list(versions)[:1]}

    monkeypatch.setattr(source, "delete_versions", refusing)
    with pytest.raises(StoreUnavailableError):
        run(originals="delete")
    (said,) = (message for message in told if "of 3 log objects found" in message)
    assert "deleted 2" in said
    assert "refused 1" in said
