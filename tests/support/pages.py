"""The pages of the documentation, and what they say in code, in links and in headings."""

import re
from collections import Counter

from tests.support.paths import PROJECT

PAGES = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    PROJECT / "CHANGELOG.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
]
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def named(page):
    """Return the page's path in the project."""
    return str(page.relative_to(PROJECT))


def code(text):
    """Return all code of a page: the blocks between fences, and the spans between backticks."""
    return [*_FENCED.findall(text), *_SPAN.findall(_FENCED.sub("", text))]


def links(text):
    """Return the targets of all links of a page, code left out."""
    return _LINK.findall(_SPAN.sub("", _FENCED.sub("", text)))


def anchors(text):
    """Return what links may name after `#`: GitHub's short forms of the headings."""
    seen: Counter[str] = Counter()
    found = []
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.append(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found
