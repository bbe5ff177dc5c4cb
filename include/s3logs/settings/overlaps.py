"""Does the lake lie in a source, or a source in the lake? Then runs would read what runs wrote."""

from pathlib import Path

_S3 = "s3://"


def overlap(lake: str, source: str) -> str:
    """Return how the two addresses (folders or `s3://…`) overlap, as the end of a sentence, or ""."""
    if lake.startswith(_S3) != source.startswith(_S3):
        return ""
    outer, inner = _place(source), _place(lake, is_folder=True)
    if outer.rstrip("/") == inner.rstrip("/"):
        return "is a source, too"
    if inner.startswith(outer):
        return f"lies inside the source {source}"
    return f"holds the source {source}" if outer.startswith(inner) else ""


def _place(address: str, *, is_folder: bool = False) -> str:
    """Return what the names of all that lies there begin with; the prefix of a source is taken as it is."""
    if not address.startswith(_S3):
        return f"{Path(address.removeprefix('file:')).expanduser().resolve()}/"
    bucket, _, prefix = address.removeprefix(_S3).partition("/")
    if is_folder and prefix and not prefix.endswith("/"):
        prefix += "/"
    return f"{bucket}/{prefix}"
