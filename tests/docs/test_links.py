"""Every link from one page of the documentation to another leads somewhere."""

from urllib.parse import urlsplit

import pytest

from tests.support.pages import PAGES, anchors, code, links, named

LINKS = [(page, link) for page in PAGES for link in links(page.read_text()) if not urlsplit(link).scheme]


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{named(page)}: {link}" for page, link in LINKS])
def test_every_link_leads_to_what_is_there(page, link):
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    assert target.exists()
    if anchor:
        assert anchor in anchors(target.read_text())


def test_links_code_and_anchors_are_found_as_github_finds_them():
    text = (
        "# One, two\n[a](b.md#c) `[no](no.md)` and `make x`\n```\n# no heading\n[no](no.md)\nmake y\n```\n"
        "## One-two\n# One, two\n## `three` four\n## One, two\n"
    )
    assert links(text) == ["b.md#c"]
    assert anchors(text) == ["one-two", "one-two-1", "one-two-2", "three-four", "one-two-3"]
    assert code(text) == ["```\n# no heading\n[no](no.md)\nmake y\n```", "[no](no.md)", "make x", "three"]
