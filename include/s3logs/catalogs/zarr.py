"""Zarr assets: a tree of chunk objects below `zarr/<id>` is one asset."""

import pyarrow as pa
import pyarrow.compute as pc

_ZARR_CHUNK = r"(?s)^(zarr/[^/]+)/.*$"  # a Zarr asset is a tree of chunk objects below zarr/<id>


def collapse_zarr(object_keys: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return the keys with every `zarr/<id>/…` cut to `zarr/<id>`."""
    return pc.replace_substring_regex(object_keys, _ZARR_CHUNK, r"\1")
