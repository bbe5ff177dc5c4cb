"""A small lake that has all there can be: stages, months, a publication, a fetched catalog, a region cache.

It is made once and copied for each test, by links: whoever writes a file puts another one in its place. A
copy keeps the times of the log objects, and so their ETags.
"""

import os
import shutil
from contextlib import contextmanager

from include.s3logs.deployment import Access, Deployment
from include.s3logs.pipeline import run
from include.s3logs.regions.cache import RegionCache, merge_cache
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.support.dandi_server import dandi_server
from tests.support.offline_regions import offline_regions
from tests.support.small_archive import FIRST, line

BLOB = "0aaaaaaa-0000-0000-0000-000000000001"
KEY = f"blobs/0aa/aaa/{BLOB}"
KNOWN = {"8.8.8.8": "US/California", "1.1.1.1": "AU/Queensland"}
"""What the region cache knows: of the first address in its base, of the second in a new file."""
NOBODY = Access(s3=lambda: (None, None), ipinfo_token=lambda: "")
DAMAGES = ("missing", "half", "empty", "flipped")
LOGS = ("there", "gone")
PLACES = (
    *("reduced/", "binned/", "mapped/", "months/", "publish/", "status/", "usage/totals.json"),
    *("usage/000003/by_day", "usage/000003/logs/", "usage/archive/by_dataset"),
    *("catalog/dandi/", "regions/cache/_", "regions/cache/base-", "regions/cache/new/"),
)
"""The beginnings of the keys that are damaged: all there is, and of `usage/` a file of each kind."""


class CompleteLake:
    """A lake and its source in a folder, with the settings that name them."""

    def __init__(self, folder, api):
        self.folder, self.api = folder, api
        self.lake, self.source = LocalStore(folder / "lake"), LocalStore(folder / "source")
        self.settings = Settings(
            _env_file=None,
            sources=(str(self.source.root),),
            lake=str(self.lake.root),
            catalog=f"dandi:{api}",
            mask_below=0,
            round_to=1,
        )

    def make(self):
        hashes = offline_regions(self.lake).open().hashes(list(KNOWN))
        for number, digest in enumerate(hashes):
            RegionCache(self.lake).add([digest], [list(KNOWN.values())[number]], FIRST)
            if not number:
                merge_cache(self.lake, FIRST)
        requests = [line(KEY, ip=ip, sent=100 + n) for n, ip in enumerate([*KNOWN, "192.0.2.10"])]
        self.source.write(f"{FIRST}-11-00-00-A", b"".join([*requests, b"no record\n"]))
        self.source.write(f"{FIRST}-11-00-00-B", b"".join(line("reef.txt", sent=n) for n in range(20)))
        self.source.write(f"notes {FIRST}.txt", b"no log object, so no file of the day is empty")
        assert self.run().exit_status == 0
        return self

    def copy(self, folder):
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, copy_function=os.link)
        return CompleteLake(folder, self.api)

    def deployment(self):
        return Deployment(self.settings, NOBODY)

    def run(self, **options):
        return run(self.settings, access=NOBODY, **options)

    def expire(self):
        """Lose all log objects."""
        self.source.delete([info.key for info in self.source.list()])

    def lake_keys(self):
        return sorted(info.key for info in self.lake.list())

    def figures(self):
        """{key: content} of all that was published."""
        found = (info.key for prefix in ("usage/", "status/") for info in self.lake.list(prefix))
        return {key: self.lake.read(key) for key in found}

    def damage(self, key, how):
        """Damage a file in one of the ways of `DAMAGES`."""
        data = self.lake.read(key)
        half = len(data) // 2
        match how:
            case "missing":
                self.lake.delete([key])
            case "half":
                self.lake.write(key, data[:half])
            case "empty":
                self.lake.write(key, b"")
            case "flipped":
                self.lake.write(key, data[:half] + bytes([data[half] ^ 1]) + data[half + 1 :])


@contextmanager
def archive_api():
    """Yield the address of an API of an archive with one asset."""
    with dandi_server() as archive:
        archive.put("000003", "draft", ("a.nwb", BLOB))
        yield archive.address


def cells(whole, place, damage, logs, tmp_path):
    """Yield each file below a place with a copy of the lake in which it is damaged."""
    for number, key in enumerate(key for key in whole.lake_keys() if key.startswith(place)):
        world = whole.copy(tmp_path / str(number))
        world.damage(key, damage)
        if logs == "gone":
            world.expire()
        yield key, world
