"""A stub of a DANDI-style archive's REST API on loopback, behaved as well or badly as a test wants it."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit


class DandiServer:
    """The archive's content, its faults, and what it was asked.

    `datasets` maps identifiers to {version: {"modified", "status", "asset_count",
    "assets": [{"path", "blob" or "zarr"}]}}.
    `faults` maps a part of an address to what its next answers do instead: ("status", 500),
    ("status", 429, {"Retry-After": "1"}), ("body", b"…"), ("pieces", iterator of bytes), ("hang", seconds),
    ("call", function).
    """

    def __init__(self, page_limit=1000):
        self.datasets, self.embargoed, self.faults = {}, set(), {}
        self.asked, self.largest_at_once, self._at_once = [], 0, 0
        self.page_limit = page_limit
        self.lists_states = True
        self._clock = 0
        self._lock = threading.Lock()

    def put(self, identifier, version, *assets):
        """Set a version's assets, (path, key) each; key is a blob's id, or `zarr/` and a zarr's."""
        self._clock += 1
        listed = [
            {"path": path, "zarr": key[5:], "blob": None}
            if key.startswith("zarr/")
            else {"path": path, "blob": key, "zarr": None}
            for path, key in assets
        ]
        self.datasets.setdefault(identifier, {})[version] = {
            "modified": f"2024-01-01T00:00:{self._clock:02}Z",
            "status": "Valid",
            "asset_count": len(listed),
            "assets": listed,
        }

    def asked_for(self, part):
        return [address for address in self.asked if part in address]

    def answer(self, address):
        """Return (status, headers, body) for a path with query."""
        with self._lock:
            self.asked.append(address)
            self._at_once += 1
            self.largest_at_once = max(self.largest_at_once, self._at_once)
            faults = next((found for part, found in self.faults.items() if part in address and found), [])
            fault = faults.pop(0) if faults else None
        try:
            match fault:
                case ("status", status, *headers):
                    return status, dict(*headers), b"trouble"
                case ("body" | "pieces", body):
                    return 200, {}, body
                case ("hang", seconds):
                    time.sleep(seconds)
                case ("call", change):
                    change()
            return self._content(address)
        finally:
            with self._lock:
                self._at_once -= 1

    def _content(self, address):
        parts = urlsplit(address)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match parts.path.removeprefix("/api/").strip("/").split("/"):
            case ["dandisets"]:
                found = [self._dataset(identifier) for identifier in sorted(self.datasets)]
            case ["dandisets", identifier, "versions", *rest]:
                if identifier in self.embargoed:
                    return 401, {}, b'{"detail": "Authentication credentials were not provided."}'
                versions = self.datasets.get(identifier)
                if versions is None or (rest and rest[0] not in versions):
                    return 404, {}, b'{"detail": "Not found."}'
                if not rest:
                    found = [{"version": name, **_without_assets(v)} for name, v in versions.items()]
                else:
                    found = versions[rest[0]]["assets"]
            case _:
                return 404, {}, b"<h1>Not Found</h1>"
        return self._page(found, parts.path, query)

    def _page(self, found, path, query):
        size, number = min(int(query.get("page_size", 100)), self.page_limit), int(query.get("page", 1))
        if number > 1 and (number - 1) * size >= len(found):
            return 404, {}, b'{"detail": "Invalid page."}'
        following = None
        if number * size < len(found):  # by a name of its own, as a server behind a proxy may know itself
            following = f"http://inside.example{path}?{urlencode({**query, 'page': number + 1})}"
        page = {
            "count": len(found) if number == 1 else None,
            "next": following,
            "results": found[(number - 1) * size : number * size],
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(page).encode()

    def _dataset(self, identifier):
        listed = {"identifier": identifier, "embargo_status": "OPEN"}
        if not self.lists_states:
            return listed
        versions = self.datasets[identifier]
        newest = max((name for name in versions if name != "draft"), default=None)
        for field, name in (("draft_version", "draft"), ("most_recent_published_version", newest)):
            known = name in versions
            listed[field] = {"version": name, **_without_assets(versions[name])} if known else None
        return listed


def _without_assets(version):
    return {name: value for name, value in version.items() if name != "assets"}


@contextmanager
def dandi_server(**options):
    """Yield a DandiServer that answers at `.address`."""
    archive = DandiServer(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = archive.answer(self.path)
            try:
                self.send_response(status)
                whole = isinstance(body, bytes)
                for name, value in {**headers, **({"Content-Length": len(body)} if whole else {})}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                for piece in [body] if whole else body:
                    self.wfile.write(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client lost patience

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    archive.address = f"http://127.0.0.1:{server.server_address[1]}/api"
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
