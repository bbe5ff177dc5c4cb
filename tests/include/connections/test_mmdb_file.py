"""Database files of ipinfo, true ones, that are broken; read by the package's extension and by its Python."""

import logging
import traceback
from io import BytesIO
from ipaddress import ip_address

import maxminddb
import pytest

from include.s3logs.connections.mmdb_file import MmdbFile
from include.s3logs.errors import SettingsError
from tests.support.mmdb import BUILT, MARKER, SEPARATOR, mmdb

V4 = "84.1.2.3"
CORE = {
    "84.0.0.0/8": {"city": "Bonn", "region": "North Rhine-Westphalia", "country": "Germany"}
    | {"country_code": "DE", "latitude": "50.7", "longitude": "7.1", "is_anycast": "false"},
    "84.1.0.0/16": {"city": "Munich", "region": "Bavaria", "region_code": "BY", "country": "Germany"}
    | {"country_code": "DE", "timezone": "Europe/Berlin", "as_type": "isp"},
    "84.1.2.0/25": {"city": "Innsbruck", "region": "Tyrol", "country": "Austria", "country_code": "AT"},
    "2a02:8100::/32": {"city": "Brest", "region": "Brittany", "country": "France", "country_code": "FR"},
}


@pytest.fixture(params=["extension", "python"])
def reader(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr(maxminddb, "_extension", None)


WHOLE = mmdb(CORE)
TREE = WHOLE.index(SEPARATOR)
METADATA = WHOLE.index(MARKER)


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"no database at all",
        WHOLE[:METADATA],
        WHOLE[: TREE // 2],
        WHOLE[: METADATA + len(MARKER)],
        WHOLE[: METADATA + len(MARKER) + 30],
        WHOLE[METADATA:],
        WHOLE[:METADATA] + MARKER + b"\xe0",
        WHOLE[:METADATA] + MARKER + b"\xa1\x01",
        WHOLE.replace(b"record_size\xa1\x18", b"record_size\xa1\x19"),
    ],
    ids=[
        *("none", "empty", "text", "no metadata", "truncated", "no value", "half metadata", "no tree"),
        *("empty metadata", "number as metadata", "record size"),
    ],
)
@pytest.mark.usefixtures("reader")
def test_a_file_that_cannot_be_read_is_refused_when_it_is_opened(tmp_path, content):
    path = tmp_path / "ip.mmdb"
    if content is not None:
        assert content != WHOLE
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="S3LOGS_IPINFO_MMDB"):
        MmdbFile(str(path))


@pytest.mark.usefixtures("reader")
def test_a_whole_file_says_what_it_holds_and_when_it_was_made(tmp_path):
    path = tmp_path / "ip.mmdb"
    path.write_bytes(WHOLE)
    file = MmdbFile(str(path))
    assert (file.get(ip_address(V4))["city"], file.version) == ("Innsbruck", str(BUILT))
    assert file.get(ip_address("9.9.9.9")) is None


@pytest.mark.parametrize(
    "content",
    [
        WHOLE[: TREE + len(SEPARATOR)] + WHOLE[METADATA:],
        WHOLE[: TREE + len(SEPARATOR)] + b"\xff" * (METADATA - TREE - len(SEPARATOR)) + WHOLE[METADATA:],
        WHOLE.replace(b"Innsbruck", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7"),
    ],
    ids=["no data", "garbage data", "no text"],
)
@pytest.mark.usefixtures("reader")
def test_a_file_that_is_damaged_inside_names_the_setting_and_no_address(tmp_path, caplog, content):
    path = tmp_path / "ip.mmdb"
    path.write_bytes(content)
    with caplog.at_level(logging.DEBUG), pytest.raises(SettingsError, match="damaged") as caught:
        MmdbFile(str(path)).get(ip_address(V4))
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "S3LOGS_IPINFO_MMDB" in shown
    assert V4 not in shown


# The writer itself


def test_the_reader_sees_every_network_that_was_written():
    """By its own iteration, which walks the whole tree."""
    reader = maxminddb.open_database(BytesIO(mmdb(CORE)), maxminddb.MODE_FD)
    seen = dict(reader)
    inside = {str(network): value["city"] for network, value in seen.items()}
    assert inside["2a02:8100::/32"] == "Brest"
    assert inside["84.1.2.0/25"] == "Innsbruck"
    assert set(inside.values()) == {"Bonn", "Munich", "Innsbruck", "Brest"}
    sizes = dict.fromkeys(inside.values(), 0)
    for network, value in seen.items():
        sizes[value["city"]] += network.num_addresses
    assert sizes["Innsbruck"] == 2**7
    assert sizes["Munich"] == 2**16 - 2**7
    assert sizes["Bonn"] == 2**24 - 2**16
