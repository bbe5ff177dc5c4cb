"""The salt of a deployment of Airflow: where others may work, too, it is given, and nobody makes one."""

import pytest

from include.s3logs.deployment import Access, Deployment
from include.s3logs.errors import SettingsError
from include.s3logs.settings import load_settings
from s3logs_airflow.connections.deployment import has_several_workers, open_deployment

REFUSED = (
    "IP_HASH_SALT is not set. Tasks may run on several workers, and each would make a salt of its own: set "
    "IP_HASH_SALT to the same secret for all of them (docs/privacy.md)."
)


@pytest.fixture
def deployment(tmp_path, settings_env, monkeypatch):
    """A deployment without a salt: deployment(several_workers)."""
    for name in ("logs", "project", "home"):
        (tmp_path / name).mkdir()
    settings_env(sources=tmp_path / "logs", lake=tmp_path / "lake")
    monkeypatch.delenv("IP_HASH_SALT")

    def open_(several_workers):
        access = Access(lambda: (None, None), lambda: "", several_workers=lambda: several_workers)
        folders = (tmp_path / "project", tmp_path / "home")
        return Deployment(load_settings(), access, salt_folders=lambda: folders)

    return open_


@pytest.mark.parametrize(
    ("executor", "several"),
    [
        ("LocalExecutor", False),
        ("airflow.executors.local_executor.LocalExecutor", False),
        ("here:LocalExecutor", False),
        ("CeleryExecutor", True),
        ("LocalExecutor, KubernetesExecutor", True),
        ("LocalExecutor;team=CeleryExecutor", True),
        ("far:company.executors.OwnExecutor", True),
    ],
)
def test_where_tasks_may_run(monkeypatch, executor, several):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    assert has_several_workers() is several
    assert open_deployment().access.several_workers() is several


def test_a_pod_is_one_of_several_whatever_its_own_executor_is_called(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    monkeypatch.setenv("AIRFLOW_IS_K8S_EXECUTOR_POD", "True")
    assert has_several_workers() is True


def test_one_of_several_workers_makes_no_salt_and_says_which_variable_is_missing(deployment, tmp_path):
    one = deployment(several_workers=True)
    for use in (one.check, one.regions, one.salt_name):  # before any work; in map; where days are judged
        with pytest.raises(SettingsError) as refused:
            use()
        assert str(refused.value) == REFUSED
    assert not any((tmp_path / "project").iterdir())


@pytest.mark.parametrize("name", ["IP_HASH_SALT", "S3LOGS_SALT_FILE"])
def test_one_of_several_workers_uses_what_it_is_given(deployment, monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, str(tmp_path / "a file, or a salt of the tests"))
    one = deployment(several_workers=True)
    one.check()
    assert one.regions().version.endswith(f", salt {one.salt_name()}")


def test_a_worker_alone_makes_one_when_it_maps_and_not_before(deployment, tmp_path):
    alone = deployment(several_workers=False)
    alone.check()
    assert alone.salt_name() == ""
    version = alone.regions().version
    assert version.endswith(f", salt {alone.salt_name()}")
    assert (tmp_path / "project/.s3logs/ip_hash_salt").exists()
    assert deployment(several_workers=True).regions().version == version
