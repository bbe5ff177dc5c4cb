"""docs/glossary.md: its words are those that are used, and people find it."""

import re

import pytest

from tests.support.pages import PAGES, links
from tests.support.paths import PROJECT

GLOSSARY = PROJECT / "docs/glossary.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in GLOSSARY.read_text().splitlines()
    if line.startswith("| **")
]
WORDS = [word for first, *_ in ROWS for word in first.strip("*").split(", ")]
CODE = [path for folder in ("include", "plugins", "dags") for path in (PROJECT / folder).rglob("*.py")]
TEXT = "\n".join(path.read_text() for path in [*PAGES, *CODE] if path != GLOSSARY)


def test_there_are_words_and_each_is_explained_once():
    assert len(WORDS) > 40
    assert len(set(WORDS)) == len(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_used(word):
    written = re.escape(word).replace(r"\ ", r"[ _\s]+")
    assert re.search(rf"(?<![a-z]){written}(?:s|es)?(?![a-z])", TEXT, re.IGNORECASE)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_word_is_explained_in_a_line_that_says_where_to_read_on(row):
    _, meaning, read_on = row
    assert meaning
    folder = re.fullmatch(r"`([a-z_/]+)/`", read_on)
    assert links(read_on) or (folder and (PROJECT / "include/s3logs" / folder[1]).is_dir())


def test_the_first_page_links_the_glossary():
    more = (PROJECT / "README.md").read_text().split("## More\n")[1]
    assert "docs/glossary.md" in links(more)
