"""A stand-in for ipinfo and for the lists of GitHub and VPNs on loopback, which can also misbehave."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import requests

GITHUB = {
    "verifiable_password_authentication": False,
    "ssh_keys": ["ssh-ed25519 AAAA"],
    "domains": {"website": ["*.github.com"]},
    "hooks": ["192.30.252.0/22", "2a0a:a440::/29"],
    "actions": ["4.148.0.0/16"],
}
STATUS = {"down": 500, "throttles": 503, "quota": 429, "refuses": 403}


class FakeIpService:
    """`places` maps an address to (country, region). `mood` is what every answer is like, after those of the
    first requests (`moods`):

    `well`, `down` (500), `throttles` (503), `quota` (429), `refuses` (403), `hangs`, `garbage` (no JSON),
    `odd` (JSON of another kind), `shy` (leaves every second address out).
    """

    def __init__(self):
        self.places = {}
        self.mood = "well"
        self.moods = []
        self.asked = []  # every address, in order
        self.requests = []  # (path, token)
        self.vpn = "# providers\n185.159.156.0/24\n"
        self.awake = threading.Event()

    def answer(self, path, token, body):
        self.requests.append((path, token))
        mood = self.moods.pop(0) if self.moods else self.mood
        if mood == "hangs":
            self.awake.wait(20)
        if mood in STATUS:
            return STATUS[mood], b'{"error": {"title": "no"}}'
        if mood == "garbage":
            return 200, b"<html>\xff it works!</html>"
        if mood == "odd":
            content = ["1", None] if body is None else dict.fromkeys(body, "what?")
        elif path == "/github":
            content = GITHUB
        elif path == "/vpn":
            return 200, self.vpn.encode()
        elif path.startswith("/lite/"):
            content = self.lite(path.removeprefix("/lite/"))
        else:
            content = {ip: self.details(ip) for ip in (body[::2] if mood == "shy" else body)}
        return 200, json.dumps(content).encode()

    def details(self, ip):
        """Answer as both batch APIs do at once: the older has the place beside `ip`, Core under `geo`."""
        self.asked.append(ip)
        if ip not in self.places:
            return {"ip": ip}
        country, region = self.places[ip]
        geo = {"country": "A Country", "country_code": country, "region": region}
        return {"ip": ip, "country": country, "region": region, "loc": "1.0,2.0", "geo": geo}

    def lite(self, ip):
        self.asked.append(ip)
        country = self.places.get(ip, ("", ""))[0]
        return {"ip": ip, "asn": "AS1", "country_code": country, "country": "A Country"}


@contextmanager
def fake_ip_service():
    """Serve a FakeIpService; yields it and its address."""
    fake = FakeIpService()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, data = fake.answer(urlsplit(self.path).path, self.headers.get("Authorization"), body)
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                pass  # who waited has gone

        do_GET = do_POST = _serve  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield fake, f"http://127.0.0.1:{server.server_port}"
    finally:
        fake.awake.set()
        server.shutdown()
        server.server_close()


def send_ipinfo_to(base, monkeypatch):
    """Let the official client, which knows only its own addresses, reach the stand-in instead."""
    send = requests.Session.request

    def redirected(self, method, url, **more):
        parts = urlsplit(url)
        assert parts.hostname in ("ipinfo.io", "api.ipinfo.io"), f"{url} is not to be asked in a test"
        return send(self, method, base + parts.path, **more)

    monkeypatch.setattr(requests.Session, "request", redirected)
