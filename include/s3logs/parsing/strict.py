"""One line of an S3 server access log to one record: the strict path, which is the specification.

Format: S3 user guide, "Amazon S3 server access log format" (LogFormat): 27 fields in 2026, fewer in older
records, more at any time. Nothing is escaped: request URI, referer and user agent are text that a client
chose and may hold quotes, spaces and even a forged status block. How one line is read:

1. From the left up to the key, fields hold no quote, bracket or space; only a CloudFront origin access
   identity, as requester, holds spaces.
2. The request URI is a bare `-`, or ends at the earliest quote that a status block follows
   (` status error bytes size total turnaround `) and from which the rest of the line can be read.
3. The referer is a bare `-`, or ends at the first `" "`; if there is none and a bare-dash user agent follows,
   at the last quote.
4. The user agent is a bare `-`, or ends at the line's last quote: the fields after it hold none.
5. A second record header anywhere means that a newline was lost, and so does a time among the fields after
   the user agent: there the second record was cut. Such a line is rejected, not split.

`Record.ambiguous` says that the line can be read in another way as well:

- A later status block may end the request URI: the rest can be read from there too, and what stands before it
  still looks like a request, that is it begins with a method, and ends with ` HTTP/x.y`, or has a numeric
  status, or a quoted field follows: without all three, the dashes after many a user agent would do.
  Other quotes in a request URI, such as `filename="x"`, are normal traffic and not ambiguous.
- Another `" "` may end the referer.
- The referer may hold that `" "`, and a bare-dash user agent follow. This would fit every record without a
  version id, so it counts only where the signature version (`SigV2`, `SigV4`, `-`) stands one field late,
  or the fields end where another value stands in its place.
- More than `MAX_BLOCKS` status blocks follow. (Where none of so many can be read, the line is rejected.)
"""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

MAX_BLOCKS = 64
"""How many possible ends of one request URI are tried: a forged line must cost no more than its length."""


class Record(NamedTuple):
    """One request. Names and order as in the S3 user guide; `-`, and a field the line lacks, is None."""

    bucket_owner: str | None
    bucket: str | None
    time: int
    """Seconds since 1970-01-01 UTC, the logged offset applied."""
    remote_ip: str | None
    requester: str | None
    request_id: str | None
    """Not unique: a copy or a multi-object delete logs several records under one id."""
    operation: str | None
    key: str | None
    """As logged; see `decode_key`."""
    request_uri: str | None
    http_status: int | None
    error_code: str | None
    bytes_sent: int | None
    """Bytes; None where the log says `-`, which counts as 0."""
    object_size: int | None
    """Bytes."""
    total_time: int | None
    """Milliseconds."""
    turn_around_time: int | None
    """Milliseconds."""
    referer: str | None
    user_agent: str | None
    version_id: str | None
    host_id: str | None
    signature_version: str | None
    cipher_suite: str | None
    auth_type: str | None
    host_header: str | None
    tls_version: str | None
    access_point_arn: str | None
    acl_required: str | None
    source_region: str | None
    extra: tuple[str, ...]
    """Fields after the 27th, as logged."""
    ambiguous: bool
    """The line has another valid reading; see the module."""


FIELDS = Record._fields[:27]
"""The fields of the log format, in order."""


class Reason(StrEnum):
    """Why a line is no record."""

    HEADER = "header fields malformed"
    TIME = "impossible time"
    IP = "not an IP address"
    GLUED = "two records glued together"
    URI = "no status block after the request URI"
    BLOCKS = "too many possible ends of the request URI"
    NUMBER = "number out of range"
    AGENT = "referer or user agent never closed"
    TAIL = "fields after the user agent malformed"


# A pattern is bounded by a space or a quote, or possessive (`++`): none backtracks beyond one field.
_CHAR = r'[^\x00-\x20"\x7f]'
_HEAD_FIELD = r'[^\x00-\x20"\[\]\x7f]++'
_REQUESTER = rf"(?:arn:aws[a-z-]*:iam::cloudfront:user/CloudFront Origin Access Identity )?{_HEAD_FIELD}"
_OPERATION = r"[A-Z][A-Z0-9_]*+(?:\.[A-Za-z0-9_-]++)++"
_HEAD = re.compile(
    rf'({_HEAD_FIELD}) ({_HEAD_FIELD}) \[([^"\[\]]{{1,32}})\] ([^ "\[\]]{{1,45}}) ++({_REQUESTER}) '
    rf'({_HEAD_FIELD}) (-|{_OPERATION}) ({_HEAD_FIELD}) (?=["-])'
)
_SECOND_HEAD = re.compile(
    r"\[[0-9]{2}/[A-Za-z]{3}/[0-9]{4}:[0-9:]{8} [+-][0-9]{4}\] "
    # A dash for the operation proves less than a name: what follows has to look like a record as well.
    rf'{_HEAD_FIELD} ++{_REQUESTER} {_HEAD_FIELD} (?:{_OPERATION} |- {_HEAD_FIELD} (?=["-]))'
)
_TIME_BEGUN = re.compile(r" \[[0-9]{2}/")
_TIME = re.compile(
    r"([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4}):([0-9]{2}):([0-9]{2}):([0-9]{2}) "
    r"([+-])([01][0-9]|2[0-3])([0-5][0-9])"
)
_STATUS = rf" ([0-9]{{3}}|-) (-|[A-Za-z]{_CHAR}*+){' (-|[0-9]++)' * 4} "
_BARE_URI = re.compile("-" + _STATUS)
_URI_END = re.compile('"' + _STATUS)
_METHOD = re.compile(r"[A-Za-z][A-Za-z_-]{0,31} ")
_PROTOCOL = re.compile(r" HTTP/[0-9](?:\.[0-9])?\Z")
_DASH = re.compile(r"-(?: |\Z)")
_TAIL = re.compile(rf"(?: {_CHAR}++)*+")
_NO_SIGNATURE = rf"(?!(?:-|Sig{_CHAR}*+)(?: |\Z)){_CHAR}++"
# A dash may stand for any field, `Sig...` only for the signature version.
_SIGNATURE_LATE = re.compile(
    rf" - {_CHAR}++ (?:{_CHAR}++ Sig{_CHAR}*+(?: |\Z)|{_NO_SIGNATURE}(?:\Z| -(?: |\Z)))"
)

_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_YEAR_10000 = 253_402_300_800
_INT64_DIGITS, _INT64_MAX = 19, 2**63 - 1
_TIME_AT = FIELDS.index("time")
_NUMBERS_AT = (FIELDS.index("http_status"), *range(FIELDS.index("bytes_sent"), FIELDS.index("referer")))
_ENCODED_ONCE = {"BATCH.DELETE.OBJECT", "S3.EXPIRE.OBJECT"}
_TAIL_FIELDS = len(FIELDS) - FIELDS.index("version_id")


class _Reading(NamedTuple):
    """A line from its status block on."""

    block: re.Match[str]
    referer: str
    user_agent: str
    end: int  # of the user agent
    ambiguous: bool


def lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line without its end) for each line of a log object that is not empty.

    Only LF ends a line; a CR before it belongs to the line end. A UTF-8 byte order mark is dropped.
    """
    for number, line in enumerate(io.BytesIO(data.removeprefix(b"\xef\xbb\xbf")), 1):
        if raw := line.removesuffix(b"\n").removesuffix(b"\r"):
            yield number, raw


def parse_line(line: bytes) -> Record | Reason:
    r"""Read one line without its LF; one trailing CR, and spaces at the end, are ignored. Never raises.

    Bytes that are not UTF-8 become `\xNN`. Decoding comes first, and may: all that separates fields is ASCII.
    """
    text = line.removesuffix(b"\r").rstrip(b" ").decode("utf-8", "backslashreplace")
    head = _HEAD.match(text)
    if head is None:
        return Reason.GLUED if _is_second_after_a_torn_head(text) else Reason.HEADER
    time = _epoch(head[3])
    if time is None:
        return Reason.TIME
    if not is_ip(head[4]):
        return Reason.IP
    uri = head.end()
    reading = Reason.GLUED if _SECOND_HEAD.search(text, uri) else _read(text, uri)
    if isinstance(reading, Reason):
        return reading
    if _TIME_BEGUN.search(text, reading.end):
        return Reason.GLUED

    request_uri = text[uri + 1 : reading.block.start()] if text[uri] == '"' else "-"
    tail = text[reading.end + 1 :].split(" ") if reading.end < len(text) else []
    logged = [*head.groups(), request_uri, *reading.block.groups(), reading.referer, reading.user_agent]
    logged += tail[:_TAIL_FIELDS] + ["-"] * (_TAIL_FIELDS - len(tail))
    values: list[Any] = [None if field == "-" else field for field in logged]
    values[_TIME_AT] = time
    for at in _NUMBERS_AT:
        values[at] = values[at] and int(values[at])
    return Record._make([*values, tuple(tail[_TAIL_FIELDS:]), reading.ambiguous])


def decode_key(operation: str | None, key: str) -> str:
    r"""Return the object key behind a logged one; bytes that are not UTF-8 become `\xNN`.

    S3 percent-encodes a logged key twice, but once for BATCH.DELETE.OBJECT, which also writes a space as `+`,
    and once for S3.EXPIRE.OBJECT.
    """
    if operation == "BATCH.DELETE.OBJECT":
        key = key.replace("+", " ")
    if "%" not in key:
        return key
    raw = unquote_to_bytes(key)
    if operation not in _ENCODED_ONCE:
        raw = unquote_to_bytes(raw)
    return raw.decode("utf-8", "backslashreplace")


def _is_second_after_a_torn_head(text: str) -> bool:
    """Tell whether a second record begins in this line, whose head is malformed.

    It does at a second time, or before the first one if the bucket owner stands there twice.
    """
    before, bracket, after = text.partition("[")
    owner, space, others = before.partition(" ")
    if bracket and owner and owner + space in others:
        return True
    return _SECOND_HEAD.search(after) is not None


def _read(text: str, uri: int) -> _Reading | Reason:
    """Find the earliest status block after the request URI at `uri` from which the rest can be read."""
    last_quote = text.rfind('"', uri)
    after_quotes = max(last_quote, uri) + 1
    earliest: _Reading | None = None
    reason = Reason.URI
    for tried, block in enumerate(_blocks(text, uri)):
        if tried == MAX_BLOCKS:
            return earliest._replace(ambiguous=True) if earliest else Reason.BLOCKS
        if tried == 0 and not _TAIL.fullmatch(text, after_quotes):
            return Reason.TAIL if text.startswith(" ", after_quotes) else Reason.AGENT
        if earliest and not _is_request(text, uri, block, last_quote):
            continue
        reading = _read_from(text, block, last_quote)
        if isinstance(reading, Reason):
            reason = reason if tried else reading
        elif earliest:
            return earliest._replace(ambiguous=True)
        else:
            earliest = reading
    return earliest or reason


def _blocks(text: str, uri: int) -> Iterator[re.Match[str]]:
    """Yield each status block that may follow the request URI at `uri`, from left to right."""
    if text[uri] == '"':
        yield from _URI_END.finditer(text, uri + 1)
    elif bare := _BARE_URI.match(text, uri):
        yield bare


def _is_request(text: str, uri: int, block: re.Match[str], last_quote: int) -> bool:
    """Tell whether the text up to `block`, which is not the earliest, is plausible as a request URI.

    A block of dashes at the line's last quote may as well be the fields after the user agent.
    """
    end = block.start()
    if not _METHOD.match(text, uri + 1, end):
        return False
    return block[1] != "-" or end < last_quote or _PROTOCOL.search(text, end - 9, end) is not None


def _read_from(text: str, block: re.Match[str], last_quote: int) -> _Reading | Reason:
    """Read on after `block`. The caller knows that well-formed fields follow the line's last quote."""
    long = [number for number in block.groups()[2:] if len(number) >= _INT64_DIGITS]
    if any(len(number) > _INT64_DIGITS or int(number) > _INT64_MAX for number in long):
        return Reason.NUMBER
    start, referer, ambiguous = block.end(), "-", False
    if text.startswith('"', start):
        end = text.find('" "', start + 1, last_quote)
        if end >= 0:
            another = text.find('" "', end + 1, last_quote) >= 0
            ambiguous = another or _SIGNATURE_LATE.match(text, last_quote + 1) is not None
        elif start == last_quote:
            return Reason.AGENT
        else:
            end = last_quote
        referer, agent = text[start + 1 : end], end + 2
    elif text.startswith("- ", start):
        agent = start + 2
    else:
        return Reason.AGENT

    if agent < last_quote and text[agent] == '"':
        return _Reading(block, referer, text[agent + 1 : last_quote], last_quote + 1, ambiguous)
    if agent > last_quote and _DASH.match(text, agent):
        return _Reading(block, referer, "-", agent + 1, ambiguous)
    return Reason.AGENT


@lru_cache(maxsize=1 << 17)
def _epoch(logged: str) -> int | None:
    """Return the seconds since 1970 UTC of `06/Feb/2019:00:00:38 +0000`, or None if there is no such time."""
    found = _TIME.fullmatch(logged)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, *ahead = found.groups()
    try:
        date = datetime(int(year), _MONTHS.index(month), int(day), tzinfo=UTC)
        time = date.replace(hour=int(hour), minute=int(minute), second=int(second))
    except ValueError:
        return None
    offset = 3600 * int(ahead[0]) + 60 * int(ahead[1])
    seconds = int(time.timestamp()) - (offset if sign == "+" else -offset)
    return seconds if 0 <= seconds < _YEAR_10000 else None


@lru_cache(maxsize=1 << 16)
def is_ip(logged: str) -> bool:
    """Tell whether this is an IPv4 or IPv6 address, or the `-` of requests that S3 made itself."""
    try:
        ip_address(logged)
    except ValueError:
        return logged == "-"
    return "%" not in logged  # a zone id is no part of an address
