"""A web server on loopback, with or without TLS: answers what a test gives it, notes what it was asked."""

import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class WebServer:
    """`answers` maps a path to (status, headers, body) or to a list of them, the last of which stays.

    A body is bytes, or an iterator of bytes that end with the connection; None never comes.
    """

    def __init__(self):
        self.answers = {}
        self.asked = []  # (method, path with query, headers)
        self.url = ""
        self.ended = threading.Event()

    def paths(self):
        return [path for _, path, _ in self.asked]

    def answer(self, method, path, headers):
        self.asked.append((method, path, headers))
        found = self.answers.get(path.partition("?")[0], (404, {}, b"nothing here"))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        return found


@contextmanager
def web_server(certificate=None):
    """Serve a WebServer at its `url`; with a certificate (a file) over https."""
    web = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, body = web.answer(self.command, self.path, self.headers)
            try:
                if body is None:
                    web.ended.wait(20)
                    return
                self.send_response(status)
                whole = isinstance(body, bytes)
                for name, value in {**headers, **({"Content-Length": len(body)} if whole else {})}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                for piece in [body] if whole else body:
                    self.wfile.write(piece)
            except OSError:
                pass  # the client lost patience

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    web.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield web
    finally:
        web.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def write_certificate(path):
    """Write a certificate of loopback, with its key, that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path
