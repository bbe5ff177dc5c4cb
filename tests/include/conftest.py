"""The sample and what is published of it, made once for all tests that only read them."""

import json

import pytest

from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import publish
from include.s3logs.sample import LOG_DAYS, write_sample
from include.s3logs.stores.folder import LocalStore
from tests.support.sample_run import run


@pytest.fixture(scope="session")
def days():
    return list(LOG_DAYS)


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder)
    return folder


@pytest.fixture(scope="session")
def truth(sample):
    return json.loads((sample / "truth.json").read_text())


@pytest.fixture(scope="session")
def lake(sample, days, tmp_path_factory):
    """Every figure of the sample, exact."""
    lake = LocalStore(tmp_path_factory.mktemp("lake"))
    run(lake, sample, days)
    publish(lake, Masking(0, 1))
    return lake
