"""All pages that are generated, wholly or in part."""

from pathlib import Path

from include.s3logs.documents import kept, published, stages, targets
from include.s3logs.documents.markdown import filled
from include.s3logs.documents.settings import settings_page
from include.s3logs.settings import PROJECT

_FORMATS = PROJECT / "docs/formats.md"
_CONTRIBUTING = PROJECT / "CONTRIBUTING.md"


def pages() -> dict[Path, str]:
    """Return what each page should say, by its path.

    What is written by hand comes from the page as it stands; ValueError when a part has no place in it.
    """
    return {
        PROJECT / "docs/settings.md": settings_page(),
        _FORMATS: filled(_FORMATS.read_text("utf-8"), published.parts() | stages.parts() | kept.parts()),
        _CONTRIBUTING: filled(_CONTRIBUTING.read_text("utf-8"), targets.parts()),
    }
