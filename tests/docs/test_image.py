"""The image and Docker Compose start nothing that runs tasks without the salt of the address hashes."""

import json
import os
import subprocess

import pytest
import yaml

from tests.support.paths import PROJECT

SCRIPT = PROJECT / "entrypoint.sh"
REFUSED = "IP_HASH_SALT is not set: set it to the same secret for all workers (docs/privacy.md).\n"


def started(command, **environment):
    """Start the command in a container without an image below: what is not refused finds no /entrypoint."""
    environment = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(
        [SCRIPT, *command.split("|")], env=environment, capture_output=True, text=True, check=False
    )


CELERY = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ("scheduler", {}),
        ("scheduler", {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor,KubernetesExecutor", "IP_HASH_SALT": ""}),
        ("standalone", {}),
        ("celery|worker", CELERY),
        ("airflow|celery|worker|-q|logs", CELERY),
        ("bash|-c|exec airflow celery worker", CELERY),
        ("python|-m|airflow.sdk.execution_time.execute_workload|--json-path|/tmp/execute/input.json", {}),
    ],
)
def test_what_runs_tasks_is_refused_without_the_salt(command, environment):
    refused = started(command, **environment)
    assert (refused.returncode, refused.stderr) == (1, REFUSED)
    for given in ("IP_HASH_SALT", "S3LOGS_SALT_FILE"):
        passed = started(command, **environment | {given: "/run/secrets/a salt of the tests"})
        assert (passed.returncode != 0, "/entrypoint" in passed.stderr) == (True, True)


@pytest.mark.parametrize(
    ("command", "environment"),
    [("scheduler", CELERY), ("api-server", {}), ("dag-processor", {}), ("db|migrate", {}), ("version", {})],
)
def test_all_else_is_left_to_the_image_below(command, environment):
    passed = started(command, **environment)
    assert REFUSED not in passed.stderr
    assert "/entrypoint" in passed.stderr


def test_the_image_begins_with_that_script():
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    (entry,) = [json.loads(line.removeprefix("ENTRYPOINT ")) for line in lines if line[:10] == "ENTRYPOINT"]
    assert "ENV PROJECT=/opt/airflow/s3logs" in lines
    assert entry == ["/opt/airflow/s3logs/entrypoint.sh"]
    assert "COPY --chown=airflow:0 entrypoint.sh ${PROJECT}/" in lines
    assert os.access(SCRIPT, os.X_OK)


def test_compose_refuses_every_service_of_the_image_without_the_salt():
    services = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())["services"]
    ours = {name: service for name, service in services.items() if "build" in service}
    assert ours.keys() == services.keys() - {"postgres"}
    for service in ours.values():
        given = service["environment"]["IP_HASH_SALT"]
        assert given.startswith("${IP_HASH_SALT:?set it in .env")  # set and not empty, or nothing starts
