"""Catalogs say which object key belongs to which dataset, version and asset; one file for each kind.

A catalog answers one question, `Catalog.claims`, and every kind gives the same answer shape.
"""

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote

import pyarrow as pa

UNASSOCIATED = "unassociated"
CLAIMS = pa.schema(
    [
        ("object_key", pa.string()),
        ("dataset", pa.string()),
        ("version", pa.string()),
        ("asset_path", pa.string()),
    ]
)


class Catalog(Protocol):
    """What an archive knows about its objects."""

    def claims(self, object_keys: Sequence[str]) -> pa.Table:
        """Return one row (schema CLAIMS) for each of the keys that a dataset claims.

        A key that several versions or paths of a dataset hold is given with the newest version's.
        """


def folder_of(dataset: str) -> str:
    """Return the folder name of a dataset: its name, with whatever is no harmless file name escaped."""
    escaped = quote(dataset, safe="")
    return f"%2E{escaped[1:]}" if escaped.startswith(".") else escaped


class EmptyCatalog:
    """The catalog of a deployment that has none: nobody claims anything."""

    def claims(self, object_keys: Sequence[str]) -> pa.Table:
        """Return no rows."""
        return CLAIMS.empty_table()
