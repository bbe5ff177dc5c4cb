"""A lake in a bucket: the same is found and mended there, and a replaced object shows by its ETag."""

import pytest

from include.s3logs.deployment import Access, Deployment
from include.s3logs.pipeline import run
from include.s3logs.stores.s3 import S3Store
from include.s3logs.verification.findings import Problem
from include.s3logs.verification.run import look_and_mend
from tests.support.offline_regions import deploy_offline
from tests.support.small_archive import FIRST, line
from tests.support.small_world import SmallWorld


@pytest.fixture
def world(tmp_path, s3, bucket, monkeypatch):
    deploy_offline(monkeypatch)
    world = SmallWorld(tmp_path)
    world.deliver(FIRST, line(), line(key="kelp.txt"))
    world.lake = S3Store(s3.client, bucket, "lake/")
    world.settings = world.settings.model_copy(update={"lake": f"s3://{bucket}/lake/"})
    world.access = Access(s3=lambda: (s3.client, None), ipinfo_token=lambda: "")
    assert run(world.settings, access=world.access).exit_status == 0
    return world


def test_damage_in_a_bucket_is_found_and_mended(world):
    before = world.files("usage/", "status/")
    (rows,) = world.lake.list(f"mapped/{FIRST}/rows-")
    world.lake.write(rows.key, world.lake.read(rows.key)[:-9] + b"123456789")
    world.lake.delete(["usage/totals.json"])
    told = []
    result = look_and_mend(Deployment(world.settings, world.access), mends=False, say=told.append)
    problems = {finding.key: finding.problem for finding in result.verified.findings}
    assert problems == {rows.key: Problem.DAMAGED, "usage/totals.json": Problem.MISSING}
    assert world.lake.uri(rows.key) in "\n".join(told)
    result = look_and_mend(Deployment(world.settings, world.access), mends=True, say=told.append)
    assert result.verified.is_sound
    assert world.files("usage/", "status/") == before


def test_a_published_object_that_was_replaced_is_made_anew_by_the_next_run(world):
    key = "usage/reef/by_day.tsv"
    content = world.lake.read(key)
    world.lake.write(key, content.replace(b"100", b"999"))
    report = run(world.settings, access=world.access)
    assert (report.published.reused, world.lake.read(key)) == (False, content)
    assert run(world.settings, access=world.access).published.reused
