"""The command behind `make verify`: what is wrong is named, and mended where that is asked for."""

import pytest

from include.s3logs.pipeline import run
from s3logs_airflow.commands.verify import main
from tests.support.offline_regions import deploy_offline
from tests.support.small_archive import FIRST, line
from tests.support.small_world import SmallWorld


@pytest.fixture
def world(tmp_path, settings_env, monkeypatch):
    deploy_offline(monkeypatch)
    world = SmallWorld(tmp_path)
    world.deliver(FIRST, line(), line(key="kelp.txt"))
    assert run(world.settings).exit_status == 0
    settings_env(
        sources=world.source.root,
        lake=world.lake.root,
        catalog=tmp_path / "catalog.csv",
        mask_below=0,
        round_to=1,
    )
    return world


def damaged(world):
    (info,) = world.lake.list(f"binned/{FIRST}/rows-")
    world.lake.write(info.key, world.lake.read(info.key)[:-9] + b"123456789")
    return info.key


def test_a_lake_that_is_whole_is_said_to_be(world, capsys):
    assert main([]) == 0
    assert "lake is what was written: " in capsys.readouterr().out


def test_what_is_wrong_is_named_with_what_mends_it_and_nothing_is_changed(world, capsys):
    key = damaged(world)
    before = world.files()
    assert main([]) == 1
    shown = capsys.readouterr().out
    assert f"DAMAGED  log day {FIRST}  {world.lake.uri(key)}" in shown
    assert f"mended by bin of {FIRST} again" in shown
    assert "make verify REPAIR=1 mends what can be mended" in shown
    assert world.files() == before


def test_a_repair_mends_it_and_looks_again(world, capsys):
    damaged(world)
    before = world.files("usage/")
    assert main(["--repair"]) == 0
    shown = capsys.readouterr().out
    assert f"{FIRST}: binned again" in shown
    assert "lake is what was written: " in shown
    assert world.files("usage/") == before
    assert main(["--repair"]) == 0


def test_what_cannot_be_mended_is_an_exit_status(world, capsys):
    (info,) = world.lake.list(f"reduced/{FIRST}/rows-")
    world.lake.delete([info.key])
    world.source.delete([f"{FIRST}-11-00-00-A"])
    assert main(["--repair"]) == 1
    assert "cannot be mended: " in capsys.readouterr().out


def test_a_lake_that_cannot_be_opened_is_said(settings_env, capsys):
    settings_env(lake="ftp://somewhere")
    assert main([]) == 1
    assert "neither a folder nor an s3:// address" in capsys.readouterr().out
