"""What kind of data an asset is, by its name: the types that front ends of neuroscience archives show."""

import pyarrow as pa
import pyarrow.compute as pc

OTHERS = "Miscellaneous"
TYPES = {
    "Neurophysiology": r"\.nwb$",
    "Microscopy": r"\.(zarr|tiff?|ome\.btf|nd2|czi)$",
    "Video": r"\.(mp4|avi|mov|mkv|wmv|webm)$",
}
"""In the order in which they are shown; a regular expression for the end of the path, whatever its case."""


def asset_types(paths: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the type of each asset path."""
    lower = pc.utf8_lower(paths)
    found = [pc.match_substring_regex(lower, pattern) for pattern in TYPES.values()]
    cases = pa.StructArray.from_arrays([case.combine_chunks() for case in found], names=list(TYPES))
    return pc.case_when(cases, *(pa.scalar(name) for name in TYPES), pa.scalar(OTHERS))
