"""Stores of empty objects that count their requests, sorted as AWS sorts or as some other servers do."""

from datetime import UTC, datetime

from include.s3logs.stores.store import ObjectInfo

NOW = datetime(2024, 9, 1, tzinfo=UTC)


class Fake:
    """Sorts by bytes. So many entries come with one request."""

    page = 3

    def __init__(self, keys):
        self.keys, self.requests = sorted(set(keys), key=self.order), 0

    def order(self, key):
        return key

    def is_behind(self, key, start_after):
        return key > start_after

    def uri(self, key=""):
        return f"s3://bucket/{key}"

    def find(self, key):
        self.requests += 1
        return next((ObjectInfo(found, 0, "etag", NOW) for found in self.keys if found == key), None)

    def list(self, prefix="", start_after=""):
        found = (key for key in self.keys if key.startswith(prefix) and self.is_behind(key, start_after))
        yield from self.counted(ObjectInfo(key, 0, "etag", NOW) for key in found)

    def list_folder(self, folder):
        found = (key for key in self.keys if key.startswith(folder))
        names = dict.fromkeys(self._right_in(folder, key) for key in found)
        yield from self.counted(
            name if name.endswith("/") and name != folder else ObjectInfo(name, 0, "etag", NOW)
            for name in names
        )

    def _right_in(self, folder, key):
        name, slash, _ = key[len(folder) :].partition("/")
        return folder + name + slash

    def counted(self, entries):
        n = -1
        for n, entry in enumerate(entries):
            self.requests += n % self.page == 0
            yield entry
        self.requests += n < 0


class FakeBySegment(Fake):
    """Sorts by path segment, and takes the name of a folder to start after for all of that folder."""

    def order(self, key):
        return key.split("/")

    def is_behind(self, key, start_after):
        return key.split("/") > start_after.split("/") and not key.startswith(f"{start_after}/")
