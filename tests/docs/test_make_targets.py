"""The make targets and the pages know each other: each is mentioned, and what is mentioned is there."""

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


def test_all_targets_that_make_help_lists_are_found():
    assert {"help", "run", "test", "bench-memory"} <= set(EXPLAINED) <= TARGETS


@pytest.mark.parametrize("target", EXPLAINED)
def test_every_target_is_mentioned_on_a_page(target):
    by_its_name = any(target in parts for parts in CODE.values())
    assert by_its_name or target in {mentioned for _, mentioned in MENTIONED}


@pytest.mark.parametrize(("page", "target"), MENTIONED, ids=IDS)
def test_every_target_that_a_page_mentions_is_there(page, target):
    assert target in TARGETS
