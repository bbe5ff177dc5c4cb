"""Catalogs say which object key belongs to which dataset, version and asset; one file for each kind.

A catalog answers one question, `Catalog.claims`, and every kind gives the same answer shape.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

UNASSOCIATED = "unassociated"
RESERVED = {UNASSOCIATED, "archive", "totals.json", "archive_totals.json", "region_coordinates.json"}
"""Names that usage/ needs itself."""
LONGEST_FOLDER = 200  # characters; file systems take 255 bytes
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

    @property
    def fingerprint(self) -> str:
        """Return a digest of all that the catalog could claim: the same digest, the same claims."""

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
    return claims.filter(pa.array(begins(claims["object_key"])))


def begins(ordered: pa.ChunkedArray) -> np.ndarray:
    """Return for each of the ordered texts whether it is the first one of its kind (booleans)."""
    texts = ordered.combine_chunks()
    first = np.ones(len(texts), np.bool_)
    if len(texts):
        first[1:] = pc.not_equal(texts[1:], texts[:-1]).to_numpy(zero_copy_only=False)
    return first


def stretches(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the positions start, start + 1, … of each stretch, one stretch after the other."""
    before = np.cumsum(lengths) - lengths  # positions of the stretches before
    return np.asarray(np.arange(lengths.sum()) + np.repeat(starts - before, lengths))


def claims_digest(tables: Iterable[pa.Table]) -> str:
    """Return a digest of claims that come in any number of tables.

    It is made of their letters alone: no matter how Arrow keeps them, and in which table a row is.
    """
    digests = [(hashlib.sha256(), hashlib.sha256()) for _ in CLAIMS]
    for claims in tables:
        for column, (lengths, letters) in zip(claims.columns, digests, strict=True):
            lengths.update(pc.binary_length(column).to_numpy().astype("<i4").tobytes())
            for texts in column.chunks:
                _, offsets, content = texts.buffers()
                if len(texts) and content is not None:
                    bounds = np.frombuffer(offsets, np.int32)
                    letters.update(content[bounds[texts.offset] : bounds[texts.offset + len(texts)]])
    return hashlib.sha256(b"".join(part.digest() for pair in digests for part in pair)).hexdigest()


def folder_of(dataset: str) -> str:
    """Return the folder name of a dataset: its name, with whatever is no harmless file name escaped."""
    escaped = quote(dataset, safe="")
    return f"%2E{escaped[1:]}" if escaped.startswith(".") else escaped


class EmptyCatalog:
    """The catalog of a deployment that has none: nobody claims anything."""

    fingerprint = "none"

    def claims(self, object_keys: Sequence[str]) -> pa.Table:
        """Return no rows."""
        return CLAIMS.empty_table()
