"""The daily DAG leaves exactly what the golden worlds say: its operators do what the stages' functions do."""

import pytest

from include.s3logs.stores.folder import LocalStore
from tests.support.golden import EXACT, cases, difference, published


@pytest.mark.parametrize("world", cases("publish"), ids=str)
def test_the_dag_publishes_the_figures_of_a_golden_world(run_dag, settings_env, tmp_path, world):
    lake = LocalStore(tmp_path / "lake")
    settings_env(
        sources=tmp_path / "logs",
        lake=lake.root,
        catalog=world.path / "catalog.csv",
        region_table=world.path / "regions.csv",
        **world.given(),
    )
    for delivery in world.deliveries():
        world.deliver(delivery, tmp_path / "logs")
        run = run_dag(last_day="2024-06-30")
        assert run.state == "success"
    found = {"masked.txt": published(lake)}
    settings_env(mask_below=EXACT.below, round_to=EXACT.round_to)
    one_day = run.xcoms["discover", None][:1]  # all days are published, whichever were asked for
    assert run_dag(days=one_day).state == "success"
    found["exact.txt"] = published(lake)
    assert found == world.expected(), difference(world.expected(), found)
