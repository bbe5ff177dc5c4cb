"""The lines of the sample logs: how one is written, and how lines and values turn nasty.

Every kind of difficulty here has been seen in real S3 access logs. Nothing is shared with the parser, which
has to find its own way through these lines.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

OWNER = "7d6e59fbb0975b5649ec2f42959503dd1db34d4ead3cd4187f92ad566966bdad"
_MONTHS = {5: "May", 6: "Jun"}  # strftime would ask the locale

# What a client may call itself, and the status its request really got. S3 escapes nothing, so an agent can
# imitate the fields around it. "\udce9" and "\udcff" stand for the bytes 0xE9 and 0xFF, which are not UTF-8.
NASTY_AGENTS: tuple[tuple[str, int], ...] = (
    ('"Mozilla/5.0 (X11; Linux x86_64) "quoted" reader', 200),
    ('pkgtool/23.1 {"ci":null,"cpu":"arm64","libc":{"lib":"musl"},"ssl":"OpenSSL 3.0.9  30 May 2023"}', 206),
    ('y" 200 - 888888 888888 1 1 "-" "z', 403),
    ('y" 403 AccessDenied 243 - 9 - "-" "z', 200),
    ("sonde HTTP/1.1 HTTP/1.0", 200),
    ("tab\tseparated\tagent", 200),
    ("Lecteur vid\udce9o \udcff", 200),
    ("form\x0cfeed, \x85 and \u2028 end no line", 200),
    ("", 206),
)

# Keys that hurt if they are decoded too little or too much, taken for a path, or shown to a shell.
AWKWARD_KEYS = (
    "media/plan=2.png",
    "media/Tide Chart 2024-06-01 at 8.07.png",
    "media/caf\u00e9/\u6ce2.txt",
    "media/a+b, 100%25 & more.txt",
    'media/"quoted".json',
    "../../etc/$(touch y)",
)


def gzipped(body: bytes) -> bytes:
    """Compress as gzip; the header of the gzip module differs between versions of Python, zlib's does not."""
    return zlib.compress(body, wbits=31)


# Objects among the logs that are no access log.
FOREIGN_OBJECTS = {
    "logs/readme.txt": b"These access logs are invented.\n",
    "logs/cf/E1EXAMPLEDIST1.2024-06-03-21.a1b2c3d4.gz": gzipped(b"#Version: 1.0\n#Fields: date\n"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record: the fields of its line that vary, and what the truth has to know about it."""

    bucket: str
    time: datetime
    ip: str
    requester: str
    request_id: str
    host_id: str
    milliseconds: int
    n_fields: int
    operation: str = ""
    key: str = "-"
    uri: str | None = None  # None is a bare dash, "-" a dash in quotes; the same for referer and agent
    status: int | None = None
    error: str = "-"
    sent: int = 0
    size: int | None = None
    referer: str | None = "-"
    agent: str | None = "-"
    region: str = "unknown"
    dataset: str = ""
    asset: str = ""


def format_line(entry: Entry) -> bytes:
    """Write an entry as S3 does: quotes around three of the fields, nothing escaped, a dash for no value."""
    uri, referer, agent = (
        "-" if text is None else f'"{text}"' for text in (entry.uri, entry.referer, entry.agent)
    )
    at, web = entry.time, "HTTP/" in uri  # the others are S3's own doing, or a part of another request
    signed = web and entry.requester != "-"
    fields = (
        *(OWNER, entry.bucket, f"[{at.day:02}/{_MONTHS[at.month]}/{at:%Y:%H:%M:%S} +0000]"),
        *(entry.ip, entry.requester, entry.request_id, entry.operation, entry.key, uri),
        *(entry.status or "-", entry.error, entry.sent or "-", "-" if entry.size is None else entry.size),
        *((entry.milliseconds, entry.milliseconds // 2) if web else ("-", "-")),
        *(referer, agent, "-", entry.host_id),
        "SigV4" if signed else "-",
        "ECDHE-RSA-AES128-GCM-SHA256" if web else "-",
        ("QueryString" if "X-Amz-Signature" in uri else "AuthHeader") if signed else "-",
        f"{entry.bucket}.s3.us-east-2.amazonaws.com" if web else "-",
        *("TLSv1.2" if web else "-", "-", "-", "us-east-2" if signed else "-"),
    )
    return " ".join(map(str, fields[: entry.n_fields])).encode("utf-8", "surrogateescape")


def _cut_after_status(line: bytes, _: bytes) -> bytes:
    """The writer stopped early: everything up to the status, nothing behind it."""
    return line[: line.index(b" HTTP/1.") + len(b' HTTP/1.1" 200')]


def _cut_inside_uri(line: bytes, _: bytes) -> bytes:
    """The writer stopped inside the request URI: its quote never closes."""
    return line[: line.index(b'"') + len(b'"GET /abc')]


def _garbage(line: bytes, _: bytes) -> bytes:
    """Words, numbered so that no two such lines are the same."""
    return b"these words are no log entry %d" % zlib.crc32(line)


def _cloudfront(line: bytes, _: bytes) -> bytes:
    """A line of a content-delivery log that ended up in the wrong place."""
    return b"2024-06-01\t19:42:40\tARN53\t%d\t192.0.2.1\tGET\td0.example.net\t/a\t200\t-" % zlib.crc32(line)


def _glued(line: bytes, other: bytes) -> bytes:
    """Two complete records that lost the newline between them."""
    return line + other


def _bad_month(line: bytes, _: bytes) -> bytes:
    """A complete record of a month that no calendar has."""
    return re.sub(rb"/[A-Z][a-z]{2}/", b"/Juk/", line, count=1)


# Each takes the line of a GET, and another one to glue to it, and returns a line without any valid reading.
BREAKERS: tuple[Callable[[bytes, bytes], bytes], ...] = (
    _cut_after_status,
    _cut_inside_uri,
    _garbage,
    _cloudfront,
    _glued,
    _bad_month,
)
