"""The DAG for real: Airflow's own runner, on folders and on an S3 server."""

import shutil
from dataclasses import dataclass, field

import pytest

from tests.support.paths import PROJECT


@pytest.fixture(scope="session")
def airflow_db():
    """Airflow's database, made once."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory):
    """The sample data; tests that change it work on a copy."""
    from include.s3logs.sample import write_sample

    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder)
    return folder


@pytest.fixture
def sample(sample_folder, tmp_path):
    """A copy of three days of the sample that a test may change."""
    copy = tmp_path / "sample"
    for path in sorted(sample_folder.rglob("*")):
        if path.is_file() and any(day in path.name for day in ("2024-06-01", "2024-06-02", "2024-06-03")):
            (copy / path.relative_to(sample_folder)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy / path.relative_to(sample_folder))
    shutil.copy2(sample_folder / "catalog.csv", copy / "catalog.csv")
    return copy


@dataclass
class Run:
    """What one DAG run did."""

    state: str
    states: dict = field(default_factory=dict)  # {(task_id, log day or None): state}
    xcoms: dict = field(default_factory=dict)  # {(task_id, log day or None): return value}
    catalog: dict | None = None  # what discover says of the catalog
    listings: dict | None = None  # and of what it listed
    run_id: str = ""

    def outcomes(self, stage):
        return {day: value["outcome"] for (task, day), value in self.xcoms.items() if task == f"day.{stage}"}


@pytest.fixture
def dag(airflow_db):
    """dag() reads the DAG from its file."""
    from airflow.dag_processing.dagbag import DagBag

    return lambda: DagBag(str(PROJECT / "dags")).dags["s3_access_logs"]


@pytest.fixture
def run_dag(dag, settings_env):
    """run_dag(days=[…], force=True, …) runs the DAG in this process and returns a Run."""
    settings_env(retries=1, retry_seconds=1)

    def run(**conf):
        dag_run = dag().test(run_conf=conf, use_executor=False)
        found = Run(str(dag_run.state), run_id=dag_run.run_id)
        for ti in dag_run.get_task_instances():
            day = ti.rendered_map_index if ti.map_index >= 0 else None
            found.states[ti.task_id, day] = str(ti.state)
            if ti.task_id == "discover":
                found.catalog = ti.xcom_pull(task_ids="discover", key="catalog")
                found.listings = ti.xcom_pull(task_ids="discover", key="listings")
            value = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index)
            if value is not None:
                found.xcoms[ti.task_id, day] = value
        return found

    return run


@pytest.fixture(scope="session")
def server(airflow_db):
    """Airflow's API server with the plugin, and a client of it."""
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    with TestClient(create_app()) as client:
        yield client


@pytest.fixture
def get(server):
    """get(path, role) answers as the API server does to a user of that role; none without a login."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    def ask(path, role=None):
        headers = {}
        if role:
            user = SimpleAuthManagerUser(username=f"the {role}", role=role)
            token = server.app.state.auth_manager.generate_jwt(user)
            headers["Authorization"] = f"Bearer {token}"
        return server.get(path, headers=headers, follow_redirects=False)

    return ask
