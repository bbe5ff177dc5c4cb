"""Of `CONTRIBUTING.md`: the make targets, as the Makefile explains them."""

import re

from include.s3logs.documents.markdown import Parts, code, table
from include.s3logs.settings import PROJECT

_TARGET = re.compile(r"^([a-z-]+):.*?## (.+)$", re.MULTILINE)


def parts() -> Parts:
    """Return the parts of the page."""
    explained = _TARGET.findall((PROJECT / "Makefile").read_text("utf-8"))
    rows = ((code(f"make {name}"), what) for name, what in explained)
    return {"targets": table(("target", "what it does"), rows)}
