"""What Airflow is told of waiting: by options that it has, in the image as on this machine, and alike."""

import re

import pytest

from s3logs_airflow.local.environment import FASTER, PATIENT, WATCHFUL
from tests.support.paths import PROJECT


@pytest.fixture(scope="module")
def defaults():
    """Airflow's own options: {variable: default}."""
    from airflow.configuration import conf

    return {
        f"AIRFLOW__{section}__{option}".upper(): told["default"]
        for section, of_section in conf.configuration_description.items()
        for option, told in of_section["options"].items()
    }


@pytest.fixture(scope="module")
def of_image():
    """What the image sets: {variable: value}."""
    text = (PROJECT / "Dockerfile").read_text("utf-8")
    return dict(re.findall(r"^(?:ENV)?\s+(AIRFLOW__\w+)=(\S+)", text, re.MULTILINE))


def test_every_option_is_one_of_airflow(defaults, of_image):
    assert {*FASTER, *PATIENT, *WATCHFUL, *of_image} <= defaults.keys()


def test_a_killed_worker_is_noticed_sooner_than_by_default(defaults):
    for name, value in WATCHFUL.items():
        assert float(value) <= float(defaults[name]) / 3


def test_a_heartbeat_that_has_to_wait_for_the_api_server_is_still_one(defaults):
    beat = float(PATIENT["AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT"])
    interval = float(defaults["AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"])
    timeout = float(WATCHFUL["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"])
    assert timeout >= 1.2 * (beat + interval)


def test_the_image_is_as_patient_and_as_watchful(of_image):
    assert (PATIENT | WATCHFUL).items() <= of_image.items()
