"""A search for what must never be shown, in every byte and every cell of published files."""

import hmac
import re
import secrets
from base64 import b64encode, urlsafe_b64encode
from io import BytesIO
from ipaddress import ip_address
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq

from include.s3logs.parsing.strict import Record, parse_line

_SIGNED = re.compile(
    r"[?&](?:X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId)=([^&\s\"]+)",
    re.IGNORECASE,
)
_SHORTEST_HEX = 8
_SHORTEST_TEXT = 6  # what is shorter, "-" above all, is in any file by chance


class Secrets:
    """What the log lines, read with this salt, must not give away: {what it is: how it would look}."""

    def __init__(self, salt):
        self.texts, self.binaries, self.numbers = {}, {}, {}
        for name, text in (
            ("salt", salt),
            ("salt as hex", salt.hex().encode()),
            ("salt as base64", b64encode(salt)),
        ):
            self.texts[text] = name
        self._salt, self._addresses = salt, {}

    def learn(self, line):
        """Take what is secret in a line, whether or not it is a valid record."""
        record = parse_line(line)
        if isinstance(record, Record):
            if record.remote_ip and record.remote_ip not in self._addresses:
                self._learn_address(record.remote_ip)
            for text in (record.requester, record.access_point_arn, record.bucket_owner):
                self._learn_text("requester", text)
        text = line.decode("utf-8", "replace")
        for signed in _SIGNED.findall(text):
            self._learn_text("presigned", signed)

    def _learn_text(self, name, text):
        if text and len(text) >= _SHORTEST_TEXT:
            for form in (text, unquote(text), quote(text), quote(text, safe="")):
                self.texts[form.encode()] = f"{name} {text}"

    def _learn_address(self, logged):
        address = ip_address(logged)
        self._addresses[logged] = address
        forms = {logged, str(address), address.exploded}
        packed = [address.packed]
        if mapped := getattr(address, "ipv4_mapped", None):
            forms.add(str(mapped))
            packed.append(mapped.packed)
        forms |= {quote(form, safe="") for form in forms}  # as folders are named
        forms |= {form for each in packed for form in (each.hex(), str(int.from_bytes(each, "big")))}
        for form in forms:
            self.texts[form.encode()] = self.texts[form.upper().encode()] = f"address {logged}"
        for each in packed:
            self.binaries[each] = f"packed address {logged}"
            for order in ("big", "little"):
                self.numbers[int.from_bytes(each, order)] = f"address {logged} as number"
            self._learn_hash(logged, hmac.digest(self._salt, each, "sha256"))

    def _learn_hash(self, logged, digest):
        name = f"hash of {logged}"
        for size in (8, 16, 32):
            part = digest[:size]
            self.binaries[part] = self.binaries[part[::-1]] = name
            for encoded in (b64encode(part), urlsafe_b64encode(part)):
                self.texts[encoded.rstrip(b"=")[:10]] = name
        for order in ("big", "little"):
            for signed in (False, True):
                number = int.from_bytes(digest[:8], order, signed=signed)
                self.numbers[number] = name
                self.texts[str(number).encode()] = name
        for text in (digest.hex(), digest[:8][::-1].hex()):
            self.texts[text[:_SHORTEST_HEX].encode()] = name
            self.texts[text[:_SHORTEST_HEX].upper().encode()] = name


class Canaries:
    """Words in the place of secrets: `canaries("what")` makes one, `found` says whose are in some bytes.

    A word is letters and digits, so that no encoding of an address changes it; case does not matter.
    """

    def __init__(self):
        self.names = {}

    def __call__(self, name):
        word = f"Canary{secrets.token_hex(8)}Sings"
        self.names[word.lower().encode()] = name
        return word

    def found(self, data):
        data = data.lower()
        return {name for word, name in self.names.items() if word in data}


class Scan:
    """All secrets in one search.

    Packed IPv4 addresses are looked for in cells and in text, not in the bytes of Parquet files: any few
    megabytes of those hold some four bytes by chance.
    """

    def __init__(self, secrets):
        self._secrets = secrets
        long = {found: name for found, name in secrets.binaries.items() if len(found) >= 8}
        self._raw = _any_of(secrets.texts | long)
        self._all = _any_of(secrets.texts | secrets.binaries)
        self.names = {**secrets.binaries, **secrets.texts}

    def leaks(self, key, data):
        """Return what is given away by a file of this name and content."""
        found = {*self._in(self._all, key.encode())}
        if not key.endswith(".parquet"):
            return found | {*self._in(self._all, data)}
        found |= {*self._in(self._raw, data)}
        table = pq.read_table(BytesIO(data))
        for column in (*table.columns, *_metadata(table.schema)):
            for value in set(column.to_pylist()):
                found |= self._in_cell(value)
        return found

    def _in_cell(self, value):
        if isinstance(value, int) and not isinstance(value, bool):
            return {self._secrets.numbers[value]} if value in self._secrets.numbers else set()
        if value is None or isinstance(value, float):
            return set()
        return {*self._in(self._all, value if isinstance(value, bytes) else str(value).encode())}

    def _in(self, pattern, data):
        return (self.names[match] for match in pattern.findall(data))


def _metadata(schema):
    kept = [schema.metadata, *(field.metadata for field in schema)]
    texts = [*schema.names, *(text for each in kept for pair in (each or {}).items() for text in pair)]
    return [pa.array([text if isinstance(text, bytes) else text.encode() for text in texts], pa.binary())]


def _any_of(texts):
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile(b"|".join(map(re.escape, longest_first)))
