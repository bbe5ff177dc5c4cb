"""Nothing that is published gives away who asked: every byte of it is searched for that."""

import hmac
import json
import shutil
from base64 import b64encode
from datetime import date
from ipaddress import ip_address

import pyarrow as pa
import pytest

from include.s3logs.publishing.figures import folder_in
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import publish
from include.s3logs.stores.folder import LocalStore
from include.s3logs.tables.parquet import to_parquet
from tests.support.independent import raw_lines
from tests.support.leak_scan import Scan, Secrets
from tests.support.offline_regions import SALT, offline_regions
from tests.support.sample_run import run

DAY = date(2024, 6, 8)
POINT = "arn:aws:s3:us-east-2:444455556666:accesspoint/forged-point"
OWNER = "c0ffee5e6a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5"
ARN = "arn:aws:iam::444455556666:user/dr-jane.doe@example.org"
ROLE = "arn:aws:sts::444455556666:assumed-role/hospital-ward-7/i-0fedcba9876543210"
ORIGIN = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2FORGEDIDENTITY"
SIGNATURE = "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
CREDENTIAL = "AKIAFORGEDEXAMPLE123%2F20240608%2Fus-east-2%2Fs3%2Faws4_request"
TOKEN = "IQoJb3JpZ2luX2VjFORGEDsecurityTOKEN"
ADDRESSES = [
    "203.0.113.77",
    "8.8.4.4",
    "2001:db8:85a3::8a2e:370:7334",
    "::ffff:198.51.100.23",
    "2606:4700::6810:84e5",
]
REFERER = f"https://{ADDRESSES[0]}/?from={ADDRESSES[2]}"


def forged(n, *, ip, requester, key, query="", agent="curl/8"):
    return (
        f"{OWNER} reef [08/Jun/2024:10:{n:02}:00 +0000] {ip} {requester} R{n} REST.GET.OBJECT {key} "
        f'"GET /{key}{query} HTTP/1.1" 200 - {n + 1} 5000 9 8 "{REFERER}" "{agent}" - h= SigV4 X QueryString '
        f"reef.s3.amazonaws.com TLSv1.2 {POINT} - us-east-2"
    ).encode()


@pytest.fixture(scope="module")
def everything(sample, tmp_path_factory):
    """The sample with one more day: secrets of all kinds, to claimed and to unclaimed keys."""
    folder = tmp_path_factory.mktemp("leaks")
    shutil.copytree(sample, folder / "input")
    claimed = (sample / "catalog.csv").read_text().splitlines()[1].split(",")[0]
    query = f"?X-Amz-Credential={CREDENTIAL}&X-Amz-Security-Token={TOKEN}&X-Amz-Signature={SIGNATURE}"
    older = "?AWSAccessKeyId=AKIAFORGEDOLDER45678&Signature=vjbyFORGEDxyz%3D&Expires=1"
    who = [(ip, requester) for ip in ADDRESSES for requester in ("-", ARN, ROLE, ORIGIN, OWNER)]
    content = [
        forged(
            n,
            ip=ip,
            requester=requester,
            key=key,
            query=(query, older, "")[n % 3],
            agent=f"by {ip} {requester}",
        )
        for n, (ip, requester) in enumerate(who)
        for key in (claimed, f"unclaimed/{n}.txt", "zarr/forged/0/1")
    ]
    broken = [line[: len(line) // 2] for line in content[:2]]
    path = folder / f"input/logs/{DAY}-12-00-00-F0F0F0F0F0F0F0F0"
    path.write_bytes(b"\n".join([*content, *broken]))
    return folder / "input"


@pytest.fixture(scope="module")
def lake(everything, days, tmp_path_factory):
    lake = LocalStore(tmp_path_factory.mktemp("lake"))
    run(lake, everything, [*days, DAY])
    return lake


@pytest.fixture(scope="module")
def scan(everything):
    secrets = Secrets(SALT)
    for _, line in raw_lines(everything):
        secrets.learn(line)
    return Scan(secrets)


def shown(lake):
    return {info.key: lake.read(info.key) for root in ("usage/", "status/") for info in lake.list(root)}


@pytest.mark.parametrize("masking", [Masking(50, 20), Masking(0, 1)], ids=["masked", "exact"])
def test_nothing_that_is_published_gives_a_requester_away(lake, scan, masking):
    publish(lake, masking)
    files = shown(lake)
    assert {key.rpartition(".")[2] for key in files} == {"tsv", "parquet", "json"}
    assert len(files) > 250
    assert any("unclaimed/7.txt" in data.decode() for key, data in files.items() if key.endswith(".tsv"))
    assert {key: found for key, data in files.items() if (found := scan.leaks(key, data))} == {}


def test_the_search_knows_all_that_is_secret_in_the_input(scan):
    names = " ".join(scan.names.values())
    for secret in (
        *ADDRESSES,
        ARN,
        ROLE,
        ORIGIN,
        OWNER,
        SIGNATURE,
        CREDENTIAL,
        TOKEN,
        "AKIAFORGEDOLDER45678",
        "salt",
    ):
        assert secret in names, secret
    assert sum(name.startswith("address") for name in set(scan.names.values())) > 150


def test_the_search_finds_what_is_in_the_parts_of_the_lake_that_are_not_published(lake, scan):
    """Rows that are not mapped yet hold addresses, and the mapped ones hold hashes: nobody planted these."""
    found = {}
    for stage in ("binned", "mapped", "months"):
        data = {info.key: lake.read(info.key) for info in lake.list(f"{stage}/{DAY}/")}
        data |= {info.key: lake.read(info.key) for info in lake.list(f"{stage}/2024-06-01/")}
        found[stage] = {name for key, content in data.items() for name in scan.leaks(key, content)}
    assert {f"address {ip}" for ip in ADDRESSES[:3]} <= found["binned"]
    assert {f"hash of {ip}" for ip in ADDRESSES[:3]} <= found["mapped"] & found["months"]
    assert not [name for name in found["mapped"] | found["months"] if not name.startswith("hash of")]


def parquet(value, kind):
    return to_parquet(pa.table({"region": pa.array([None, value], kind)}))


PACKED = ip_address(ADDRESSES[0]).packed
HASH = hmac.digest(SALT, PACKED, "sha256")
KEYED = int.from_bytes(HASH[:8], "big")
TOLD = pa.schema([pa.field("region", pa.int64(), metadata={"of": ADDRESSES[0]})])
PLANTED = {
    "an IPv4 address in TSV": ("tsv", b"region\n" + ADDRESSES[0].encode()),
    "an IPv6 address in JSON": ("json", json.dumps({"at": ADDRESSES[2]}).encode()),
    "an IPv6 address written in full": ("tsv", ip_address(ADDRESSES[4]).exploded.encode()),
    "the IPv4 address in a mapped one": ("tsv", b"x\t198.51.100.23\n"),
    "an address in Parquet": ("parquet", parquet(f"by {ADDRESSES[1]}", pa.string())),
    "an address as digits": ("tsv", b"x\t%d\n" % int.from_bytes(PACKED, "big")),
    "an address as hex": ("tsv", b"x\t" + PACKED.hex().upper().encode()),
    "a packed IPv4 address in a cell": ("parquet", parquet(b"\0" + PACKED, pa.binary())),
    "a packed IPv6 address in a cell": ("parquet", parquet(ip_address(ADDRESSES[2]).packed, pa.binary())),
    "an address as a number": ("parquet", parquet(int.from_bytes(PACKED, "big"), pa.int64())),
    "an address as a number of 32 bits": ("parquet", parquet(int.from_bytes(PACKED, "little"), pa.uint32())),
    "a hash as a number": ("parquet", parquet(KEYED, pa.uint64())),
    "a hash as a signed number": ("parquet", parquet(KEYED - 2**64 * (KEYED >= 2**63), pa.int64())),
    "a hash as bytes": ("parquet", parquet(HASH[:16], pa.binary())),
    "a hash as hex in Parquet": ("parquet", parquet(HASH.hex(), pa.string())),
    "a hash as hex": ("tsv", b"requester\n" + HASH[:16].hex().encode()),
    "eight digits of a hash": ("tsv", b"requester\n" + HASH.hex()[:8].upper().encode()),
    "a hash as digits": ("json", json.dumps([KEYED]).encode()),
    "a hash as base64": ("tsv", b64encode(HASH[:16])),
    "the salt": ("json", b'{"salt": "' + SALT + b'"}'),
    "the salt as hex": ("tsv", SALT.hex().encode()),
    "the salt in Parquet": ("parquet", parquet(SALT, pa.binary())),
    "a user": ("tsv", b"x\t" + ARN.encode()),
    "a role in Parquet": ("parquet", parquet(ROLE, pa.string())),
    "an origin": ("tsv", ORIGIN.encode()),
    "a canonical id": ("tsv", OWNER.encode()),
    "a signature": ("tsv", SIGNATURE.encode()),
    "a signature of the older kind": ("json", b'["vjbyFORGEDxyz="]'),
    "a credential, decoded": ("tsv", CREDENTIAL.replace("%2F", "/").encode()),
    "a token": ("parquet", parquet(TOKEN, pa.string())),
    "what a column tells of itself": ("parquet", to_parquet(pa.table([pa.array([1])], schema=TOLD))),
    "the name of a column": ("parquet", to_parquet(pa.table({ADDRESSES[0]: pa.array([1])}))),
}


@pytest.mark.parametrize("what", PLANTED)
def test_the_search_finds_a_leak(scan, what):
    ending, data = PLANTED[what]
    assert scan.leaks(f"usage/reef/by_region.{ending}", data)


def test_the_search_finds_a_leak_in_the_name_of_a_file(scan):
    assert scan.leaks(f"usage/{ADDRESSES[0]}/by_day.tsv", b"")
    assert scan.leaks(f"usage/reef/logs/{folder_in(ADDRESSES[2])}/2024-06.tsv", b"")


def test_the_search_finds_nothing_in_harmless_files(scan):
    harmless = pa.table({"region": ["US", None], "bytes_sent": [12345, 0], "timestamp": pa.array([DAY, DAY])})
    assert not scan.leaks("usage/reef/by_region.parquet", to_parquet(harmless))
    assert not scan.leaks("usage/reef/by_region.tsv", b"region\tbytes_sent\nUS\t12345\n")


def test_the_bytes_that_are_published_do_not_depend_on_the_salt(everything, tmp_path):
    other, only = LocalStore(tmp_path / "other"), LocalStore(tmp_path / "only")
    run(other, everything, [DAY], regions=offline_regions(salt=b"another salt of the tests"))
    run(only, everything, [DAY])
    for store in (other, only):
        publish(store, Masking(50, 20))
    assert shown(other) == shown(only)
