"""A writer of small MMDB files (https://maxmind.github.io/MaxMind-DB/), so that tests read true ones.

the search tree     nodes of two records each, by the bits of an address
16 zero bytes
the data section    the records' values
the marker, and the metadata as one more value
"""

from ipaddress import ip_network

MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR = bytes(16)
BUILT = 1_790_000_000
_TEXT, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY = 2, 5, 6, 7, 9, 11


def mmdb(networks, *, ip_version=6, record_bits=24, kind="ipinfo test"):
    """Return a file with `networks` ({network: value}); values are text, numbers, lists and dicts of these.

    Wider networks go first, so that narrower ones inside them count. In a file of IPv6, IPv4 is at `::/96`.
    """
    tree, data = _Tree(), b""
    for text, value in sorted(networks.items(), key=lambda item: ip_network(item[0]).prefixlen):
        network = ip_network(text)
        clothes = 96 if ip_version == 6 and network.version == 4 else 0
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        tree.put("0" * clothes + bits, len(data))
        data += encoded(value)
    metadata = {
        "binary_format_major_version": (_UINT16, 2),
        "binary_format_minor_version": (_UINT16, 0),
        "build_epoch": (_UINT64, BUILT),
        "database_type": kind,
        "description": {"en": "a file of a test"},
        "ip_version": (_UINT16, ip_version),
        "languages": ["en"],
        "node_count": (_UINT32, len(tree.nodes)),
        "record_size": (_UINT16, record_bits),
    }
    return tree.encoded(record_bits) + SEPARATOR + data + MARKER + encoded(metadata)


class _Tree:
    """Nodes as pairs: None, the index of a node, or an offset in the data section as `(offset,)`."""

    def __init__(self):
        self.nodes = [[None, None]]

    def put(self, bits, offset):
        node = self.nodes[0]
        for bit in map(int, bits[:-1]):
            if not isinstance(node[bit], int):
                # What a wider network says counts for both halves of the new node.
                self.nodes.append([node[bit], node[bit]])
                node[bit] = len(self.nodes) - 1
            node = self.nodes[node[bit]]
        node[int(bits[-1])] = (offset,)

    def encoded(self, record_bits):
        return b"".join(_node(*map(self._record, node), record_bits) for node in self.nodes)

    def _record(self, content):
        if content is None:
            return len(self.nodes)
        return content if isinstance(content, int) else len(self.nodes) + len(SEPARATOR) + content[0]


def _node(left, right, record_bits):
    if record_bits == 28:  # the middle byte has the highest four bits of both
        middle = bytes([left >> 24 << 4 | right >> 24])
        return (left & 0xFFFFFF).to_bytes(3) + middle + (right & 0xFFFFFF).to_bytes(3)
    return b"".join(record.to_bytes(record_bits // 8) for record in (left, right))


def encoded(value):
    """Return a value as the data section has it; numbers of a given type are `(type, number)`."""
    if isinstance(value, str):
        return _control(_TEXT, len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return _control(_MAP, len(value)) + b"".join(encoded(k) + encoded(v) for k, v in value.items())
    if isinstance(value, list):
        return _control(_ARRAY, len(value)) + b"".join(map(encoded, value))
    kind, number = value if isinstance(value, tuple) else (_UINT32, value)
    content = number.to_bytes((number.bit_length() + 7) // 8)
    return _control(kind, len(content)) + content


def _control(kind, size):
    """Return the byte before a value: three bits of type (0: it is in the next byte) and five of size."""
    small, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([small]) + bytes([kind - 7]) + more if kind > 7 else bytes([kind << 5 | small]) + more
