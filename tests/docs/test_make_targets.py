"""Every make target is explained, and so on a page (`test_generated_pages`); what pages mention is there."""

import re

import pytest

from tests.support.pages import PAGES, code, named
from tests.support.paths import PROJECT

MAKEFILE = (PROJECT / "Makefile").read_text()
EXPLAINED = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)
VENV = re.search(r"^VENV := (\S+)$", MAKEFILE, re.MULTILINE)[1]
TARGETS = set(re.findall(r"^([a-z.-]+):(?!=)", MAKEFILE.replace("$(VENV)", VENV), re.MULTILINE))
CODE = {page: code(page.read_text()) for page in PAGES}
MENTIONED = sorted(
    {
        (page, target)
        for page, parts in CODE.items()
        for part in parts
        for target in re.findall(r"\bmake ([a-z.][a-z.-]*)", part)
    }
)
IDS = [f"{named(page)}: {target}" for page, target in MENTIONED]


def test_every_target_that_is_no_file_is_explained():
    phony = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())
    environments = {"$(VENV)", "$(VENV)-dev"}
    assert phony - environments == set(EXPLAINED)
    assert len(EXPLAINED) > 15


def test_all_targets_that_are_explained_are_found():
    assert {"help", "run", "test", "bench-memory"} <= set(EXPLAINED) <= TARGETS


@pytest.mark.parametrize(("page", "target"), MENTIONED, ids=IDS)
def test_every_target_that_a_page_mentions_is_there(page, target):
    assert target in TARGETS
