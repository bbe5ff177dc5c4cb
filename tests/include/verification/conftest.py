"""A complete lake, one for each file of tests."""

import pytest

from tests.support.complete_lake import CompleteLake, archive_api
from tests.support.offline_regions import deploy_offline


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with archive_api() as api, pytest.MonkeyPatch.context() as patch:
        deploy_offline(patch)
        yield CompleteLake(tmp_path_factory.mktemp("whole"), api).make()
