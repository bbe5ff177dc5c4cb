"""What the task of one interval says in its log."""

from dataclasses import asdict
from types import SimpleNamespace

import pytest

from include.s3logs.errors import AccessDeniedError, PermanentError, StoreUnavailableError
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


DENIED, OUTAGE = AccessDeniedError("it may not be deleted"), StoreUnavailableError("it did not answer")


def refuse(monkeypatch, source, *reasons):
    """Let the first originals not be deleted, for these reasons."""

    def refusing(versions):
        return {version.key: reason for version, reason in zip(versions, reasons, strict=False)}

    monkeypatch.setattr(source, "delete_versions", refusing)


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [([DENIED], PermanentError), ([DENIED] * 3, PermanentError), ([DENIED, OUTAGE], StoreUnavailableError)],
)
def test_what_is_denied_is_not_tried_again_unless_that_can_help_some(source, monkeypatch, reasons, kind):
    refuse(monkeypatch, source, *reasons)
    with pytest.raises(kind) as error:
        run(originals="delete")
    assert type(error.value) is kind
    assert f"{len(reasons)} log objects of 2024-06-01 are in the verified roll-up" in str(error.value)
    assert f"The first: {source.uri('logs/2024-06-01-00-00-00-0')}: it may not be deleted" in str(error.value)


def test_it_says_so_before_it_fails_too(source, told, monkeypatch):
    refuse(monkeypatch, source, OUTAGE)
    with pytest.raises(StoreUnavailableError):
        run(originals="delete")
    (said,) = (message for message in told if "of 3 log objects found" in message)
    assert "deleted 2" in said
    assert "refused 1" in said
