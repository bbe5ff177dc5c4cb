"""Catalogs say which object key belongs to which dataset, version and asset; one file for each kind.

A catalog answers one question, `Catalog.claims`, and every kind gives the same answer shape.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.tables.arrays import bool_array, empty_table, numbers_of
from include.s3logs.tables.order import begins
from include.s3logs.tables.schemas import Column, schema_of_columns

UNASSOCIATED = "unassociated"
COLUMNS = (
    Column("object_key", "text", "the object's key, decoded; `zarr/<id>` of a Zarr asset"),
    Column("dataset", "text", "a dataset that holds the object"),
    Column("version", "text", "a version of it; empty where there are none"),
    Column("asset_path", "text", "the object's path in the version"),
)
CLAIMS = schema_of_columns(COLUMNS)


class Catalog(Protocol):
    """What an archive knows about its objects."""

    @property
    def fingerprint(self) -> str:
        """Return a digest of all that the catalog could claim: the same digest, the same claims."""

    @property
    def examples(self) -> Sequence[str]:
        """Return for people what keys that a dataset claims are like; nothing if none claims any."""

    @property
    def unknown(self) -> Sequence[str]:
        """Return the datasets to exclude that the catalog does not list, as far as it lists any."""

    def claims(self, object_keys: Sequence[str]) -> pa.Table:
        """Return the claims (schema CLAIMS, no nulls) on those of the keys that a dataset claims.

        - A key counts for exactly one dataset, so that Σ datasets + unassociated = archive, to the byte.
        - It has one row for each version and path of that dataset that holds it. A catalog that knows no
          versions gives "".
        - The rows are in order of the key, then newest version first (a draft before all numbers), then path.
          So the first row of a key (`first_claims`) is the one that the dataset's own figures use; figures of
          versions use all rows.
        - Keys asked for twice are answered once; they may also be given as an Arrow array of strings.
        """


def first_claims(claims: pa.Table) -> pa.Table:
    """Return the first row of each key: the newest version's, and of its paths the first."""
    return claims.filter(bool_array(begins(claims["object_key"])))


def claims_digest(tables: Iterable[pa.Table]) -> str:
    """Return a digest of claims that come in any number of tables.

    It is made of their letters alone: no matter how Arrow keeps them, and in which table a row is.
    """
    digests = [(hashlib.sha256(), hashlib.sha256()) for _ in CLAIMS]
    for claims in tables:
        for column, (lengths, letters) in zip(claims.columns, digests, strict=True):
            for texts in column.chunks:
                lengths.update(numbers_of(pc.binary_length(texts)).astype("<i4").tobytes())
                _, offsets, content = texts.buffers()
                if len(texts) and content is not None:
                    bounds = np.frombuffer(offsets, np.int32)
                    letters.update(content[bounds[texts.offset] : bounds[texts.offset + len(texts)]])
    return hashlib.sha256(b"".join(part.digest() for pair in digests for part in pair)).hexdigest()


class EmptyCatalog:
    """The catalog of a deployment that has none: nobody claims anything."""

    fingerprint = "none"
    examples = unknown = ()

    def claims(self, object_keys: Sequence[str]) -> pa.Table:
        """Return no rows."""
        return empty_table(CLAIMS)
