"""How addresses are shown: in errors, log lines and the lake they never hold a secret."""

from urllib.parse import urlsplit


def shown(address: str) -> str:
    """Return the address without what may be secret: `https://…@host/path`.

    User and password become `…`; the query, where tokens are, and the fragment go. Of what is no address
    only what follows the last `@` is left: a password may have signs that belong nowhere in an address.
    """
    scheme, colon, rest = address.partition("://")
    start = f"{scheme}://" if colon and scheme.isalnum() else ""
    if not _is_well_formed(address):
        _, at, after = (rest if start else address).rpartition("@")
        return f"{start}{'…@' if at else ''}{_without_query(after)}"
    host, slash, path = _without_query(rest).partition("/")
    _, at, host = host.rpartition("@")
    return f"{start}{'…@' if at else ''}{host}{slash}{path}"


def _is_well_formed(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.scheme and parts.hostname and (parts.port is None or parts.port > 0))
    except ValueError:  # its port is no number, its brackets are not closed
        return False


def _without_query(address: str) -> str:
    return address.partition("?")[0].partition("#")[0]
