"""Lakes as earlier releases left them, each an archive `tests/fixtures/lakes/<release>.tar.gz`.

`python -m tests.support.old_lake <release>` makes the archive of the code as it is; the page beside the
archives says what is in them. `unpack` restores the times of the files to the nanosecond: a folder makes
ETags of them, and another ETag would be another log object.
"""

import gzip
import os
import shutil
import sys
import tarfile
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from include.s3logs.catalogs.dandi import refresh
from include.s3logs.catalogs.dandi_api import DandiApi
from include.s3logs.catalogs.datasets import ALL
from include.s3logs.catalogs.rest import RestApi
from include.s3logs.days.discover import Request, discover
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.publishing.publish import publish
from include.s3logs.regions.cache import RegionCache, merge_cache
from include.s3logs.regions.lists import refresh_list
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.planning import plan
from include.s3logs.stores.folder import LocalStore
from tests.support.dandi_server import dandi_server
from tests.support.golden import Case, stages_of
from tests.support.one_day import TOKEN
from tests.support.paths import FIXTURES

LAKES = FIXTURES / "lakes"
WORLD = Case("publish", "two_months")
DAYS = [date(2024, 5, 31), date(2024, 6, 1), date(2024, 6, 2)]
UNFINISHED = date(2024, 6, 3)
API = "https://api.example.org/api"
KNOWN = {"8.8.8.8": "US/California", "2606:4700:4700::1111": "DE/Bavaria"}
"""What the region cache knows: of the first address in its base, of the second in a new file."""
LISTS = {"github": "192.0.2.64/26", "vpn": "192.0.2.32/27"}
CHECKED = date(2024, 6, 15)


class OldLake:
    """What is in the archive, in a folder."""

    def __init__(self, folder):
        self.world = replace(WORLD, root=folder)
        self.lake = LocalStore(folder / "lake")
        self.stores = {name: LocalStore(folder / name) for name in ("source", "rolled-up")}
        self.deleted = LocalStore(folder / "deleted")

    def discover(self, day):
        """Do what a daily run for the day does first; return the days to do."""
        settings, catalog, request = self.world.settings(), self.world.catalog(), Request(own_day=day)
        given = (self.lake, self.stores, settings, catalog, request)
        return discover(*given, limit=1000, token=TOKEN).days

    def do(self, lake=None, days=None):
        """Do all stages of all log days there are, in the lake or another one; return the outcomes."""
        return stages_of(self.world, lake or self.lake, self.stores, regions=self.regions(), days=days)

    def regions(self):
        return self.world.regions(self.lake)

    def publish(self, lake=None):
        return publish(lake or self.lake, self.world.masking(), [UNFINISHED])


def releases():
    """The releases whose lakes are kept."""
    return sorted(path.name.removesuffix(".tar.gz") for path in LAKES.glob("*.tar.gz"))


def unpack(release, folder):
    """Put the lake of a release, with its sources, into a folder."""
    with tarfile.open(LAKES / f"{release}.tar.gz") as archive:
        for member in archive:
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.extractfile(member).read())
            seconds, _, nanoseconds = member.pax_headers["mtime"].partition(".")
            modified = int(seconds) * 10**9 + int(nanoseconds)
            os.utime(path, ns=(modified, modified))
    return OldLake(folder)


def pack(folder, path):
    """Write all files of a folder into an archive, with the time of each to the nanosecond."""
    with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for found in sorted(found for found in folder.rglob("*") if found.is_file()):
            status = found.stat()
            member = tarfile.TarInfo(found.relative_to(folder).as_posix())
            member.size = status.st_size
            seconds, nanoseconds = divmod(status.st_mtime_ns, 10**9)
            member.mtime = seconds  # as a number with a fraction it would be rounded
            member.pax_headers = {"mtime": f"{seconds}.{nanoseconds:09}"}
            with found.open("rb") as content:
                archive.addfile(member, content)


def make(folder):
    """Let the code as it is now write a lake, and roll up a day of its sources."""
    old = OldLake(folder)
    for name in ("catalog.csv", "regions.csv", "settings.json"):
        old.world.path.mkdir(parents=True, exist_ok=True)
        shutil.copy(WORLD.path / name, old.world.path / name)
    for delivery in WORLD.deliveries():
        WORLD.deliver(delivery, folder / "source")
    old.stores["source"].write(f"logs/{DAYS[-1]}-13-00-00-FFFF", _from(KNOWN, DAYS[-1]))
    _fetch_catalog(old.lake)
    _fetch_regions(old)
    assert old.discover(DAYS[-1]) == DAYS
    assert not any(outcome.reused for outcome in old.do())
    assert old.discover(DAYS[-1]) == DAYS[-1:]
    old.stores["source"].write(f"logs/{UNFINISHED}-13-00-00-GGGG", _from(KNOWN, UNFINISHED))
    assert old.discover(UNFINISHED) == [UNFINISHED]
    old.publish()
    _roll_up(old)


def _from(addresses, day):
    """A log object with a request from each address."""
    return "".join(
        f"owner reef [{day:%d/%b/%Y}:12:00:00 +0000] {ip} - P{number} REST.GET.OBJECT reef/a.nwb "
        f'"GET /reef/a.nwb HTTP/1.1" 200 - 1000 1000 9 8 "-" "curl/8.5" -\n'
        for number, ip in enumerate(addresses)
    ).encode()


def _fetch_catalog(lake):
    with dandi_server() as archive, closing(RestApi(archive.address)) as rest:
        archive.put("000003", "0.240401.0001", ("a.nwb", "0aaaaa"))
        archive.put("000003", "draft", ("a.nwb", "0aaaaa"), ("image.zarr", "zarr/9f2c"))
        api = DandiApi(rest)
        api.address = API  # not that of this run's server
        refresh(lake, api, ALL)


def _fetch_regions(old):
    for name, network in LISTS.items():
        refresh_list(old.lake, name, f"{API}/{name}", lambda _, text=network: text.encode(), CHECKED)
    for (ip, label), is_last in zip(KNOWN.items(), (False, True), strict=True):
        RegionCache(old.lake).add(old.regions().open().hashes([ip]), [label], CHECKED)
        if not is_last:
            merge_cache(old.lake, CHECKED)


def _roll_up(old):
    """Roll up the first day; its log objects are deleted, and kept aside to compare with."""
    options, now = RollUpOptions(level="day", codec="zstd", originals="delete"), datetime.now(UTC)
    sources, destination = {"source": old.stores["source"]}, old.stores["rolled-up"]
    for log_object in find_log_objects(sources, DAYS[0], DAYS[0]).of(DAYS[0]):
        old.deleted.write(log_object.key, sources["source"].read(log_object.key))
    planned = plan(destination, sources, options, now).intervals
    (interval,) = (found.interval for found in planned if found.interval.name == str(DAYS[0]))
    result = roll_up(destination, sources, interval, options, now)
    assert result["deleted"] == result["found"] > 0
    assert not find_log_objects(sources, DAYS[0], DAYS[0]).by_day


def main(release):
    """Make the archive of a release."""
    folder = Path(tempfile.gettempdir()) / f"s3logs-{release}"  # stands in the manifest
    folder.mkdir()
    try:
        make(folder)
        LAKES.mkdir(exist_ok=True)
        pack(folder, LAKES / f"{release}.tar.gz")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
