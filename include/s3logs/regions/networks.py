"""Networks with labels, flattened to intervals that are searched for many addresses at once.

Networks nest or are apart, never overlap in part. So painting them over each other, the less specific first,
leaves for each stretch of addresses the label that counts; a search among the stretches' starts finds it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from include.s3logs.regions.addresses import V4_BYTES, V6_BYTES, V6_KEY, Addresses, pack

NOTHING = -1
_MAPPED_BITS = 96  # of the IPv6 prefix that holds IPv4 addresses


class Network(NamedTuple):
    """A network: its first address (4 or 16 bytes, network order) and the length of its prefix in bits."""

    first: bytes
    bits: int


class Labelled(NamedTuple):
    """A network and its label."""

    network: Network
    label: str


def read_network(text: str) -> Network:
    """Read `192.0.2.0/24`, `2001:db8::/32` or a single address; ValueError when it is none of these.

    Bits beyond the prefix are dropped; a network of IPv4 addresses in IPv6 clothes is the IPv4 network.
    """
    address, slash, length = text.partition("/")
    packed = pack(address)
    bits = size = 8 * len(packed)
    if slash:
        if not (length.isascii() and length.isdecimal()):
            raise ValueError(f"{text!r} has no prefix length after the /")
        clothed = ":" in address and len(packed) == V4_BYTES
        bits = int(length) - (_MAPPED_BITS if clothed else 0)
    if not 0 <= bits <= size:
        raise ValueError(f"{text!r} has a prefix of {length} bits")
    number = int.from_bytes(packed) >> (size - bits) << (size - bits)
    return Network(number.to_bytes(len(packed)), bits)


class Stretches(NamedTuple):
    """All addresses of a kind: where each stretch starts (sorted, from 0 on), and the code of its label."""

    starts: NDArray[np.int64] | NDArray[np.bytes_]
    codes: NDArray[np.int32]


class NetworkTable:
    """From address to label; of several sources the first that knows it, and in it the narrowest network."""

    def __init__(self, sources: Sequence[Iterable[Labelled]]) -> None:
        """Flatten the sources, the one that goes before all others first.

        Within a source the same network given twice has the label given last.
        """
        names: dict[str, int] = {}
        painted: dict[int, list[tuple[int, int, int]]] = {V4_BYTES: [], V6_BYTES: []}
        for source in reversed(sources):
            for (first, bits), label in sorted(source, key=lambda labelled: labelled.network.bits):
                size = len(first)
                start = int.from_bytes(first)
                code = names.setdefault(label, len(names))
                painted[size].append((start, start + (1 << (8 * size - bits)), code))
        self.labels = np.array([*names, None], dtype=object)
        """The label of each code; the last, at index -1, is None."""
        self.v4 = _flatten(painted[V4_BYTES], V4_BYTES)
        self.v6 = _flatten(painted[V6_BYTES], V6_BYTES)

    @classmethod
    def of(cls, labels: Sequence[str], v4: Stretches, v6: Stretches) -> Self:
        """Return a table that was flattened before; `labels` are those of its codes, without the None."""
        table = cls(())
        table.labels = np.array([*labels, None], dtype=object)
        table.v4, table.v6 = v4, v6
        return table

    def find(self, addresses: Addresses) -> NDArray[np.int32]:
        """Return the code of each address: an index into `labels`, or NOTHING."""
        codes = np.full(len(addresses.packed), NOTHING, np.int32)
        for (starts, code_of), at, keys in (
            (self.v4, addresses.v4, addresses.v4_keys),
            (self.v6, addresses.v6, addresses.v6_keys),
        ):
            codes[at] = code_of[np.searchsorted(starts, keys, side="right") - 1]
        return codes


def _flatten(painted: Sequence[tuple[int, int, int]], size: int) -> Stretches:
    """Return the stretches of networks (first address, end, code); later ones cover earlier ones.

    Ends are exclusive; one that lies beyond the last address starts no stretch.
    """
    beyond = 1 << (8 * size)
    edges = sorted({0, *(edge for start, end, _ in painted for edge in (start, end) if edge < beyond)})
    index = {edge: at for at, edge in enumerate(edges)}
    index[beyond] = len(edges)
    codes = np.full(len(edges), NOTHING, np.int32)
    for start, end, code in painted:
        codes[index[start] : index[end]] = code
    if size == V4_BYTES:
        return Stretches(np.array(edges, np.int64), codes)
    return Stretches(np.frombuffer(b"".join(edge.to_bytes(size) for edge in edges), V6_KEY), codes)
