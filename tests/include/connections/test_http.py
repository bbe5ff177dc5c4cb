"""Our HTTP client against servers that fail, throttle, hang, redirect and lie."""

import contextlib
import logging
import re
import socket
import threading
import time
import traceback
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from include.s3logs.connections.http import HttpClient, Limits
from include.s3logs.errors import (
    AccessDeniedError,
    EndlessAnswerError,
    NotFoundError,
    RequestRefusedError,
    S3LogsError,
    ServerUnavailableError,
    SettingsError,
)
from tests.support.web_server import web_server, write_certificate

SHORT = Limits(connect=2, read=0.3, whole=5)
TOKEN = {"Authorization": "Bearer the-token"}


@pytest.fixture
def web():
    with web_server() as server:
        yield server


@pytest.fixture
def safe(tmp_path, monkeypatch):
    """A server over https, which the client trusts."""
    certificate = write_certificate(tmp_path / "certificate.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with web_server(certificate) as server:
        yield server


@pytest.fixture
def client():
    with closing(HttpClient(SHORT)) as made:
        yield made


def named(address):
    """The same server by another name, which makes it another host."""
    return address.replace("127.0.0.1", "localhost")


def with_user(address):
    return address.replace("://", "://the-user:the-password@")


# What comes back


def test_the_content_comes_back_whole_and_unpacked(web, client):
    import gzip

    web.answers["/plain"] = (200, {}, b"x" * 300_000)
    web.answers["/packed"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b"y" * 300_000))
    assert client.get(f"{web.url}/plain") == b"x" * 300_000
    assert client.get(f"{web.url}/packed") == b"y" * 300_000
    assert {headers["User-Agent"] for _, _, headers in web.asked} == {"s3logs"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AccessDeniedError),
        (403, AccessDeniedError),
        (404, NotFoundError),
        (400, RequestRefusedError),
        (418, RequestRefusedError),
        (304, RequestRefusedError),
        (408, ServerUnavailableError),
        (429, ServerUnavailableError),
        (500, ServerUnavailableError),
        (503, ServerUnavailableError),
    ],
)
def test_what_a_server_refuses_is_told_apart_by_whether_it_can_heal(web, client, status, error):
    web.answers["/x"] = (status, {}, b"so\n  sorry")
    with pytest.raises(error, match=rf"^{web.url}/x .*{status}") as caught:
        client.get(f"{web.url}/x")
    if error in (RequestRefusedError, ServerUnavailableError):
        assert caught.value.status == status
        assert status == 304 or "'so sorry'" in str(caught.value)


def test_what_cannot_be_read_is_a_bad_answer_and_asked_for_again(web):
    web.answers["/x"] = [(200, {}, b"<html>"), (200, {}, b"7")]
    slept = []
    with closing(HttpClient(Limits(pauses=(1,), sleep=slept.append))) as client:
        assert client.fetch(f"{web.url}/x", int) == 7
        web.answers["/x"] = (200, {}, b"<html>")
        with pytest.raises(ServerUnavailableError, match=r"/x cannot be read: .*'<html>'"):
            client.fetch(f"{web.url}/x", int)
    assert slept == [1, 1]


@pytest.mark.parametrize(
    "address",
    ["", "host/path", "ftp://host/", "file:///etc/passwd", "http://", "https://user:p/w@host", "http://[::1"],
)
def test_what_is_no_address_is_refused(client, address):
    with pytest.raises(RequestRefusedError, match="is no address"):
        client.get(address)


# How long, how large


def test_a_server_that_hangs_is_left(web, client):
    web.answers["/x"] = (200, {}, None)
    with pytest.raises(ServerUnavailableError, match=r"/x cannot be read: ReadTimeout"):
        client.get(f"{web.url}/x")


def test_a_server_that_is_not_there_is_an_outage(client):
    with web_server() as gone:
        pass
    with pytest.raises(ServerUnavailableError, match=r"/x cannot be read: ConnectError .*refused"):
        client.get(f"{gone.url}/x")


@pytest.mark.parametrize(
    ("limits", "pause"),
    [(replace(SHORT, size=100_000, pauses=(9,)), 0), (replace(SHORT, whole=0.3, pauses=(9,)), 0.02)],
    ids=["size", "time"],
)
def test_an_answer_without_end_is_cut_and_not_asked_for_again(web, limits, pause):
    sent = []

    def endless():
        while not web.ended.wait(pause):
            sent.append(99)
            yield b" " * 99

    web.answers["/x"] = (200, {}, endless())
    begun = time.monotonic()
    with closing(HttpClient(limits)) as client, pytest.raises(EndlessAnswerError, match="has no end"):
        client.get(f"{web.url}/x")
    assert time.monotonic() - begun < 5
    assert len(web.asked) == 1
    assert sum(sent) < 50_000_000


def test_an_answer_that_does_not_get_to_its_content_is_left_in_time():
    """Every byte of its head is in time; the head is not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def dribble():
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.send(b"HTTP/1.1 200 OK\r\nX-Head: ")
                while not ended.wait(0.02):
                    connection.send(b"x")

        thread = threading.Thread(target=dribble, daemon=True)
        thread.start()
        begun = time.monotonic()
        with closing(HttpClient(replace(SHORT, whole=0.5))) as client:
            with pytest.raises(EndlessAnswerError, match=r"/x cannot be read: .* 0\.5 s are over"):
                client.get(f"http://127.0.0.1:{server.getsockname()[1]}/x")
            assert time.monotonic() - begun < 5
        ended.set()
        thread.join()


def test_a_small_answer_that_unpacks_to_a_large_one_is_cut(web):
    import gzip

    web.answers["/x"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(10_000_000)))
    with (
        closing(HttpClient(replace(SHORT, size=1_000_000))) as client,
        pytest.raises(ServerUnavailableError, match="has no end"),
    ):
        client.get(f"{web.url}/x")


# How often again


def in_a_minute():
    return format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        (lambda: "7", 7, 7),
        (lambda: "0", 0, 0),
        (in_a_minute, 50, 60),
        (lambda: "Mon, 01 Jan 2024 00:00:00 GMT", 0, 0),
        (lambda: "soon", 1, 1),
        (lambda: "-5", 1, 1),
    ],
    ids=["seconds", "none", "date", "past", "nonsense", "negative"],
)
def test_a_server_that_asks_to_wait_is_waited_for(web, value, least, most):
    web.answers["/x"] = [(429, {"Retry-After": value()}, b""), (200, {}, b"well")]
    slept = []
    with closing(HttpClient(Limits(pauses=(1, 2), sleep=slept.append))) as client:
        assert client.get(f"{web.url}/x") == b"well"
    (seconds,) = slept
    assert least <= seconds <= most


@pytest.mark.parametrize("value", ["3600", "9" * 400, "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_server_that_asks_to_wait_too_long_is_given_up_for_now(web, value):
    web.answers["/x"] = (503, {"Retry-After": value}, b"")
    slept = []
    with (
        closing(HttpClient(Limits(pauses=(1, 2), sleep=slept.append))) as client,
        pytest.raises(ServerUnavailableError, match=r"status 503.* asked again in"),
    ):
        client.get(f"{web.url}/x")
    assert (slept, len(web.asked)) == ([], 1)


def test_pauses_grow_and_end_and_what_is_refused_for_good_is_asked_once(web):
    slept = []
    web.answers["/x"] = (500, {}, b"")
    with closing(HttpClient(Limits(pauses=(1, 2, 4), sleep=slept.append))) as client:
        with pytest.raises(ServerUnavailableError):
            client.get(f"{web.url}/x")
        assert (slept, len(web.asked)) == ([1, 2, 4], 4)
        with pytest.raises(NotFoundError):
            client.get(f"{web.url}/absent")
    assert len(web.asked) == 5


# Where to


def test_a_redirect_on_the_same_server_is_followed_with_its_credentials(web, client):
    web.answers["/old"] = (302, {"Location": "/new"}, b"")
    web.answers["/new"] = (200, {}, b"here")
    assert client.send("GET", f"{web.url}/old", TOKEN).content == b"here"
    assert client.get(with_user(f"{web.url}/old")) == b"here"
    sent = [headers["Authorization"] for _, path, headers in web.asked if path == "/new"]
    assert sent[0] == "Bearer the-token"
    assert sent[1].startswith("Basic ")


def test_a_redirect_to_https_of_the_same_host_is_followed_also_with_a_token(web, safe, client):
    web.answers["/x"] = (301, {"Location": f"{safe.url}/x"}, b"")
    safe.answers["/x"] = (200, {}, b"safe")
    assert client.send("GET", f"{web.url}/x", TOKEN).content == b"safe"
    assert safe.asked[0][2]["Authorization"] == "Bearer the-token"


def test_a_redirect_from_https_to_http_is_refused(web, safe, client):
    safe.answers["/x"] = (302, {"Location": f"{web.url}/y"}, b"")
    web.answers["/y"] = (200, {}, b"read by all")
    with pytest.raises(RequestRefusedError, match=rf"{safe.url}/x redirects to {web.url}/y"):
        client.get(f"{safe.url}/x")
    assert web.asked == []


def test_another_host_is_followed_to_over_https_without_credentials_and_never_with_them(web, safe, client):
    safe.answers["/x"] = (302, {"Location": f"{named(safe.url)}/y"}, b"")
    web.answers["/x"] = (302, {"Location": f"{named(web.url)}/y"}, b"")
    safe.answers["/y"] = web.answers["/y"] = (200, {}, b"elsewhere")
    assert client.get(f"{safe.url}/x") == b"elsewhere"
    safe.asked.clear()
    with pytest.raises(RequestRefusedError, match="where a GET with credentials does not go"):
        client.send("GET", f"{safe.url}/x", TOKEN)
    with pytest.raises(RequestRefusedError, match="where a GET with credentials does not go"):
        client.get(with_user(f"{safe.url}/x"))
    with pytest.raises(RequestRefusedError, match="where a GET does not go"):
        client.get(f"{web.url}/x")
    assert "/y" not in safe.paths() + web.paths()


def test_a_token_does_not_go_to_another_port_of_the_host(web, client):
    with web_server() as other:
        web.answers["/x"] = (302, {"Location": f"{other.url}/y"}, b"")
        other.answers["/y"] = (200, {}, b"elsewhere")
        assert client.get(f"{web.url}/x") == b"elsewhere"
        other.asked.clear()
        with pytest.raises(RequestRefusedError):
            client.send("GET", f"{web.url}/x", TOKEN)
        assert other.asked == []


def test_nothing_but_a_get_is_redirected(web, client):
    web.answers["/x"] = (307, {"Location": "/y"}, b"")
    with pytest.raises(RequestRefusedError, match=f"redirects to {web.url}/y, where a POST does not go"):
        client.send("POST", f"{web.url}/x", content=b"password")
    assert web.paths() == ["/x"]


@pytest.mark.parametrize(
    "elsewhere",
    ["http://a..b/", "http://xn--/", "mailto:x", "http://[::1", "ftp://x/", "//user:pw@127.0.0.1/"],
)
def test_a_redirect_to_what_is_no_address_is_an_error(web, client, elsewhere):
    web.answers["/x"] = (302, {"Location": elsewhere}, b"")
    with pytest.raises((RequestRefusedError, ServerUnavailableError), match=f"{web.url}/x"):
        client.get(f"{web.url}/x")


def test_redirects_have_an_end(web, client):
    for number in range(5):
        web.answers[f"/{number}"] = (302, {"Location": f"/{number + 1}"}, b"")
    web.answers["/5"] = (200, {}, b"here")
    assert client.get(f"{web.url}/0") == b"here"
    web.answers["/5"] = (302, {"Location": "/0"}, b"")
    with pytest.raises(RequestRefusedError, match=f"{web.url}/0 redirects more than 5 times"):
        client.get(f"{web.url}/0")


def test_what_a_server_wants_remembered_is_not(web, client):
    web.answers["/x"] = (200, {"Set-Cookie": "who=you"}, b"")
    client.get(f"{web.url}/x")
    client.get(f"{web.url}/x")
    assert [headers["Cookie"] for _, _, headers in web.asked] == [None, None]


# Through which proxy, with which certificates


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://user:hidden@127.0.0.1:9", "nonsense://x"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_proxy_of_the_environment_never_sees_this_machine(web, client, monkeypatch, proxy, host):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    web.answers["/x"] = (200, {}, b"here")
    assert client.get(f"{web.url}/x".replace("127.0.0.1", host)) == b"here"


def test_other_hosts_are_asked_through_the_proxy_of_the_environment(web, client, monkeypatch):
    monkeypatch.setenv("http_proxy", web.url)
    web.answers["http://archive.example/x"] = (200, {}, b"by the proxy")
    assert client.get("http://archive.example/x") == b"by the proxy"


@pytest.mark.parametrize("proxy", ["socks5://user:hidden@127.0.0.1:9", "nonsense://user:hidden@x"])
def test_a_proxy_that_cannot_be_used_is_said_without_its_password(client, monkeypatch, proxy):
    monkeypatch.setenv("all_proxy", proxy)
    with pytest.raises(SettingsError, match="HTTPS_PROXY") as caught:
        client.get("http://archive.example/x")
    assert "hidden" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_server_is_trusted_by_what_the_environment_names_alone(safe, monkeypatch, tmp_path, name):
    safe.answers["/x"] = (200, {}, b"safe")
    certificate = tmp_path / "certificate.pem"
    monkeypatch.delenv("SSL_CERT_FILE")
    with closing(HttpClient(SHORT)) as client, pytest.raises(ServerUnavailableError, match="CERTIFICATE"):
        client.get(f"{safe.url}/x")
    monkeypatch.setenv(name, str(certificate))
    with closing(HttpClient(SHORT)) as client:
        assert client.get(f"{safe.url}/x") == b"safe"
    monkeypatch.setenv(name, str(tmp_path / "absent.pem"))
    with closing(HttpClient(SHORT)) as client, pytest.raises(SettingsError, match=name):
        client.get(f"{safe.url}/x")


# No secrets


TROUBLE = {
    "denied": (403, {}, b"no"),
    "absent": (404, {}, b"no"),
    "refused": (418, {}, b"no"),
    "down": (503, {}, b"no"),
    "throttled": (429, {"Retry-After": "9999"}, b"no"),
    "hangs": (200, {}, None),
    "garbage": (200, {"Content-Encoding": "gzip"}, b"no"),
    "large": (200, {}, b"x" * 300_000),
    "loop": (302, {"Location": "/x"}, b""),
    "astray": (302, {"Location": "https://localhost:9/x"}, b""),
    "nowhere": (302, {"Location": "http://[::1"}, b""),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_no_error_and_no_log_line_shows_what_is_secret(web, caplog, trouble):
    web.answers["/x"] = TROUBLE[trouble]
    address = f"{with_user(web.url)}/x?token=the-key"
    limits = replace(SHORT, size=100_000, pauses=(0,))
    with (
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, "httpx"),  # Airflow, where it is loaded, wants less of it
        closing(HttpClient(limits)) as client,
        pytest.raises(S3LogsError, match=re.escape(f"{web.url.replace('://', '://…@')}/x ")) as caught,
    ):
        client.get(address)
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "HTTP Request: GET http://127.0.0.1" in said or trouble in ("hangs", "nowhere")
    assert not [secret for secret in ("the-user", "the-password", "the-key") if secret in said]
