"""Many addresses at once as numbers that numpy can search: 32-bit integers and 16-byte strings.

An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is the IPv4 address everywhere in this package.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

import numpy as np
from numpy.typing import NDArray

from include.s3logs.addresses import address_of

V4_BYTES, V6_BYTES = 4, 16
_V4_NETWORK, _V6_NETWORK = 3, 6  # bytes: a /24, a /48
V6_KEY = np.dtype(f"S{V6_BYTES}")
"""An IPv6 address in network order: numpy compares such strings byte by byte, which is by number."""
_MAPPED = bytes(10) + b"\xff\xff"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses by kind. `packed` holds every address as 4 or 16 bytes (None stays None), in the order
    given; `v4` and `v6` are the positions of each kind in it, `v4_keys` and `v6_keys` their numbers.
    """

    packed: Sequence[bytes | None]
    v4: NDArray[np.intp]
    v4_keys: NDArray[np.int64]
    v6: NDArray[np.intp]
    v6_keys: NDArray[np.bytes_]

    @classmethod
    def parse(cls, addresses: Sequence[str | None]) -> "Addresses":
        """Read the addresses; ValueError for a text that is none."""
        return cls.of([None if text is None else pack(text) for text in addresses])

    @classmethod
    def of(cls, packed: Sequence[bytes | None]) -> "Addresses":
        """Tell the kinds of addresses (4 or 16 bytes) apart."""
        sizes = np.fromiter((0 if key is None else len(key) for key in packed), np.int8, len(packed))
        v4, v6 = np.flatnonzero(sizes == V4_BYTES), np.flatnonzero(sizes == V6_BYTES)
        v4_bytes = b"".join([key for key in packed if key is not None and len(key) == V4_BYTES])
        v6_bytes = b"".join([key for key in packed if key is not None and len(key) == V6_BYTES])
        return cls(
            packed,
            v4,
            np.frombuffer(v4_bytes, ">u4").astype(np.int64),
            v6,
            np.frombuffer(v6_bytes, V6_KEY),
        )


def pack(text: str) -> bytes:
    """Return the address as 4 bytes (IPv4) or 16 (IPv6), in network order; ValueError when it is none."""
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        packed = inet_pton(AF_INET6, text)
    except (OSError, ValueError):
        return address_of(text).packed  # a zone (`fe80::1%eth0`), or an error that says what is wrong
    return packed[12:] if packed.startswith(_MAPPED) else packed


def network_of(packed: bytes) -> bytes:
    """Return the network of an address of 4 or 16 bytes: a /24 as 3 bytes, a /48 as 6."""
    return packed[:_V4_NETWORK] if len(packed) == V4_BYTES else packed[:_V6_NETWORK]


def text_of(packed: bytes) -> str:
    """Return the address of 4 or 16 bytes as text, in its shortest form."""
    return inet_ntop(AF_INET if len(packed) == V4_BYTES else AF_INET6, packed)
