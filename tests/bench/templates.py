"""What the lines of the benchmark's corpus look like: one template for each kind of request to a key.

Nothing is shared with the parser, which has to find its own way through these lines.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

# What the bytes of a template stand for; a run of the same is one place. Sent and size begin alike.
TIME, IP, ID, HOST_ID, SENT, SIZE = "\x01", "\x02", "\x03", "\x04", "\x05", "\x06"
MARKS = (TIME, IP, ID, HOST_ID, SENT, SIZE)
TEMPLATES, NASTY_TEMPLATES = 16_384, 512
LONGEST_NUMBER = 10

_OWNER = "7d6e59fbb0975b5649ec2f42959503dd1db34d4ead3cd4187f92ad566966bdad"
_ARN = "arn:aws:sts::111122223333:assumed-role/ArchiveReadersRole/i-0{:016x}"
_OAI = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE{:06X}"
_AGENTS = (
    '"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Safari/605.1"',
    '"Boto3/1.40.52 md/Botocore#1.40.52 ua/2.1 os/linux#6.8 md/arch#x86_64 lang/python#3.12.3"',
    '"aws-cli/2.31.13 md/awscrt#0.28.2 ua/2.1 os/macos#25.0 md/arch#arm64 md/command#s3.cp"',
    '"python-requests/2.32.5"',
    '"S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.750 Linux/5.10 java/1.8"',
    '"Wget/1.21.4"',
    "-",
)
# Weight, operation, method, status, error; what is sent: all of the object, a part, an answer, or nothing.
_REQUESTS = (
    (45, "REST.GET.OBJECT", "GET", 200, "-", "all"),
    (15, "REST.GET.OBJECT", "GET", 206, "-", "part"),
    (12, "REST.HEAD.OBJECT", "HEAD", 200, "-", "nothing"),
    (8, "REST.GET.BUCKET", "GET", 200, "-", "answer"),
    (7, "REST.PUT.OBJECT", "PUT", 200, "-", "nothing"),
    (5, "REST.GET.OBJECT", "GET", 304, "-", "nothing"),
    (4, "REST.GET.OBJECT", "GET", 403, "AccessDenied", "243"),
    (4, "REST.GET.OBJECT", "GET", 404, "NoSuchKey", "291"),
)


@dataclass(frozen=True)
class Template:
    """A line with marks in place of what varies; whether it counts as traffic, or is no record at all."""

    line: bytes
    reduced: bool = False
    rejected: bool = False


def _line(
    rng: random.Random,
    n: int,
    request: Any,
    agent: str | None = None,
    requester: str = "",
    quotes: bool = False,
) -> str:
    """Invent a template of 27 fields; `n` decides the key."""
    _, operation, method, status, error, sends = request
    keys = random.Random(n)
    folder = keys.choice(("blobs", "media", "published", "zarr"))
    name = f"sub-{n % 997:03}_ses-{n}.{keys.choice(('nwb', 'json', 'tif'))}"
    key = f"{folder}/{keys.getrandbits(96):024x}/{name}"
    bucket = keys.choice(("amzn-s3-demo-reef", "amzn-s3-demo-kelp", "amzn-s3-demo-archive"))
    signed, query = rng.random() < 0.5, ""
    if operation == "REST.GET.BUCKET":
        key, query = "-", f"?list-type=2&prefix={folder}%2F&delimiter=%2F&max-keys=1000&encoding-type=url"
    if quotes:
        query = f'?response-content-disposition=attachment;filename="{n}.nwb"'
    if operation == "REST.GET.OBJECT" and rng.random() < 0.15:
        signed = True
        query += ("&" if query else "?") + (
            f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE{n:09}%2F20260921%2Fus-east-2%2Fs3"
            "%2Faws4_request&X-Amz-Date=20260921T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
            f"&X-Amz-Signature={rng.getrandbits(256):064x}"
        )
    width = rng.randint(4, LONGEST_NUMBER)
    sent, size = {
        "all": (SENT * width, SIZE * width),
        "part": (SENT * (width - 1), SIZE * width),
        "answer": (SENT * 5, "-"),
        "nothing": ("-", SIZE * width),
    }.get(sends, (sends, "-"))
    client = random.Random(int(rng.paretovariate(0.6)) % 700)  # few clients ask for much
    ip = f"{client.choice((23, 52, 93, 128, 185))}.{client.randrange(256)}.{client.randrange(256)}.1{IP * 2}"
    referer = '"https://archive.example.org/"' if rng.random() < 0.2 else '"-"'
    if not requester:
        requester = _ARN.format(rng.getrandbits(64)) if signed and rng.random() < 0.6 else "-"
    time = rng.randint(4, 30_000)
    fields = (
        *(_OWNER, bucket, f"[21/Sep/2026:{TIME * 8} +0000]", ip, requester, ID * 16, operation),
        *(key, f'"{method} /{"" if key == "-" else key}{query} HTTP/1.1"', status, error, sent, size),
        *(time, time // 2, referer, rng.choice(_AGENTS) if agent is None else f'"{agent}"'),
        *("-" if rng.random() < 0.7 else f"{rng.getrandbits(160):032x}"[:32], HOST_ID * 76),
        *("SigV4" if signed else "-", "TLS_AES_128_GCM_SHA256"),
        *(("QueryString" if "X-Amz" in query else "AuthHeader") if signed else "-",),
        *(f"{bucket}.s3.us-east-2.amazonaws.com", "TLSv1.3", "-", "-", "us-east-2" if signed else "-"),
    )
    return " ".join(map(str, fields))


def _encoded(line: str, *, reduced: bool = True, end: str = "\n") -> Template:
    return Template((line + end).encode("latin-1"), reduced)


def _rejected(line: str) -> Template:
    return Template((line + "\n").encode(), rejected=True)


def _plain(rng: random.Random, n: int, quotes: float) -> Template:
    (request,) = rng.choices(_REQUESTS, [request[0] for request in _REQUESTS])
    counts = request in _REQUESTS[:2]
    return _encoded(_line(rng, n, request, quotes=counts and rng.random() < quotes / 0.6), reduced=counts)


def _get(rng: random.Random, n: int, agent: str | None = None, requester: str = "") -> str:
    return _line(rng, n, _REQUESTS[n % 2], agent, requester)


def _glued(rng: random.Random, n: int) -> Template:
    """Two records that lost the newline between them; the marks of the second are filled here."""
    second = _get(rng, n + 1)
    for mark in MARKS:
        second = second.replace(mark, "7") if mark != TIME else second.replace(mark * 8, "11:22:33")
    return _rejected(_get(rng, n) + second)


_NASTY: tuple[Callable[[random.Random, int], Template], ...] = (
    lambda rng, n: _encoded(_get(rng, n, '"Mozilla/5.0 (X11; Linux x86_64) "quoted" reader')),
    lambda rng, n: _encoded(_get(rng, n, 'pkgtool/23.1 {"ci":null,"cpu":"arm64","libc":{"lib":"musl"}}')),
    lambda rng, n: _encoded(_get(rng, n, 'y" 403 AccessDenied 243 - 9 - "-" "z')),
    lambda rng, n: _encoded(_line(rng, n, _REQUESTS[6], 'y" 200 - 888888 888888 1 1 "-" "z'), reduced=False),
    lambda rng, n: _encoded(_get(rng, n, "tab\tseparated\tagent")),
    lambda rng, n: _encoded(_get(rng, n, "Lecteur vid\xe9o \xff")),
    lambda rng, n: _encoded(_get(rng, n, requester=_OAI.format(n))),
    lambda rng, n: _encoded(_get(rng, n).rsplit(" ", 9)[0]),  # 18 fields
    lambda rng, n: _encoded(_get(rng, n).rsplit(" ", 3)[0]),  # 24
    lambda rng, n: _encoded(_get(rng, n).rsplit(" ", 1)[0]),  # 26
    lambda rng, n: _encoded(_get(rng, n), end="\r\n"),
    lambda rng, n: _rejected(_get(rng, n).split(f" {SENT}")[0].rpartition(" ")[0]),  # cut after the status
    lambda rng, n: _rejected(_get(rng, n).partition(" /")[0]),  # cut inside the request URI
    lambda rng, n: _rejected(_get(rng, n).replace("/Sep/", "/Juk/")),
    _glued,
)


@cache
def templates(seed: str) -> tuple[Template, ...]:
    """Return `TEMPLATES` plain ones and `NASTY_TEMPLATES` others."""
    rng = random.Random(seed)
    plain = [_plain(rng, n, 0.03) for n in range(TEMPLATES)]
    return (*plain, *(_NASTY[n % len(_NASTY)](rng, n) for n in range(NASTY_TEMPLATES)))
