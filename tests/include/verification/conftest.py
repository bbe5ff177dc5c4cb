"""A complete lake, one for each file of tests."""

import pytest

from include.s3logs.deployment import Deployment
from tests.support.complete_lake import CompleteLake, archive_api
from tests.support.offline_regions import offline_regions


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with archive_api() as api, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Deployment, "regions", lambda self: offline_regions(self.lake))
        yield CompleteLake(tmp_path_factory.mktemp("whole"), api).make()
