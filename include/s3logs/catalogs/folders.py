"""The names of folders below usage/: which a dataset may have."""

from urllib.parse import quote

from include.s3logs.catalogs.claims import UNASSOCIATED

RESERVED = {UNASSOCIATED, "archive", "totals.json", "archive_totals.json", "region_coordinates.json"}
"""Names that usage/ needs itself."""
LONGEST_FOLDER = 200  # characters; file systems take 255 bytes


def folder_of(dataset: str) -> str:
    """Return the folder name of a dataset: its name, with whatever is no harmless file name escaped."""
    escaped = quote(dataset, safe="")
    return f"%2E{escaped[1:]}" if escaped.startswith(".") else escaped
