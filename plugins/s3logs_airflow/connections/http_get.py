"""Fetching a small file over HTTP."""

from __future__ import annotations

import requests

from include.s3logs.errors import IpServiceUnavailableError

TIMEOUT = 30
"""Seconds to wait for a connection, and for each piece of the answer."""
LARGEST = 64 << 20
"""Bytes; more is no list of networks."""
_PIECE = 1 << 20


def http_get(url: str) -> bytes:
    """Return the content at the address; IpServiceUnavailableError when there is no answer, or a bad one."""
    content = bytearray()
    try:
        with requests.get(url, timeout=TIMEOUT, stream=True, headers={"User-Agent": "s3logs"}) as answer:
            answer.raise_for_status()
            for piece in answer.iter_content(_PIECE):
                content += piece
                if len(content) > LARGEST:
                    raise IpServiceUnavailableError(f"{url} is larger than {LARGEST >> 20} MB.")
    except requests.RequestException as error:
        raise IpServiceUnavailableError(f"{url} cannot be fetched: {error}") from error
    return bytes(content)
