"""The hooks of pre-commit: each runs a tool that the pinned requirements install, or a make target."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.paths import PROJECT

CONFIG = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())
HOOKS = {hook["id"]: hook for repository in CONFIG["repos"] for hook in repository["hooks"]}
TARGETS = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_runs_what_is_there(name):
    command, *arguments = HOOKS[name]["entry"].split()
    if command == "make":
        assert set(arguments) <= set(TARGETS)
    else:
        assert command.startswith(".venv/bin/")
        assert Path(sys.prefix, "bin", Path(command).name).is_file()


def test_nothing_is_fetched():
    assert {repository["repo"] for repository in CONFIG["repos"]} == {"local"}


def test_messages_are_looked_at_when_they_are_written_and_nothing_else_is():
    assert set(CONFIG["default_install_hook_types"]) == {"pre-commit", "commit-msg"}
    of_messages = [name for name, hook in HOOKS.items() if "commit-msg" in hook.get("stages", ())]
    assert of_messages == ["commit-message"]
    assert CONFIG["default_stages"] == ["pre-commit"]
