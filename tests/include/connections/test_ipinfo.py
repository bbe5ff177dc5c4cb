"""ipinfo by its official client, against a stand-in that also misbehaves."""

import traceback

import pytest

from include.s3logs.connections.ipinfo import IpinfoClient, IpinfoLimits
from include.s3logs.errors import AccessDeniedError, IpQuotaUsedUpError, IpServiceUnavailableError
from include.s3logs.regions.addresses import pack
from include.s3logs.regions.labels import place_of
from include.s3logs.regions.service import ask
from tests.support.ip_service import fake_ip_service, send_ipinfo_to

IPS = ["84.0.0.1", "85.0.0.1", "2a02:8100::1"]
BATCHES = ("core", "legacy")
LIMITS = IpinfoLimits(seconds=0.5)


@pytest.fixture
def ipinfo(monkeypatch):
    with fake_ip_service() as (service, url):
        service.places = {IPS[0]: ("DE", "Bavaria"), IPS[1]: ("US", "California"), IPS[2]: ("FR", "")}
        send_ipinfo_to(url, monkeypatch)
        yield service


@pytest.mark.parametrize("api", BATCHES)
def test_a_batch_is_one_request_with_the_token(ipinfo, api):
    answers = IpinfoClient("secret", api, LIMITS).details(IPS)
    assert [place_of(answers[ip]) for ip in IPS] == ["DE/Bavaria", "US/California", "FR"]
    assert ipinfo.requests == [("/batch", "Bearer secret")]


def test_the_lite_api_is_asked_for_one_at_a_time_and_knows_countries(ipinfo):
    answers = IpinfoClient("secret", "lite", LIMITS).details(IPS)
    assert [place_of(answers[ip]) for ip in IPS] == ["DE", "US", "FR"]
    assert {path for path, _ in ipinfo.requests} == {f"/lite/{ip}" for ip in IPS}


@pytest.mark.parametrize("api", [*BATCHES, "lite"])
@pytest.mark.parametrize(
    ("mood", "error"),
    [
        ("down", IpServiceUnavailableError),
        ("throttles", IpServiceUnavailableError),
        ("hangs", IpServiceUnavailableError),
        ("garbage", IpServiceUnavailableError),
        ("odd", IpServiceUnavailableError),
        ("quota", IpQuotaUsedUpError),
        ("refuses", AccessDeniedError),
    ],
)
def test_what_goes_wrong_is_told_apart_and_never_shows_an_address_or_the_token(ipinfo, api, mood, error):
    ipinfo.mood = mood
    client = IpinfoClient("secret", api, LIMITS)
    if mood == "odd" and api != "lite":
        assert all(set(answers.values()) == {None} for answers in ask(client, [pack(ip) for ip in IPS]))
        return
    with pytest.raises(error) as caught:
        client.details(IPS)
    shown = "".join(traceback.format_exception(caught.value, chain=not caught.value.__suppress_context__))
    assert "secret" not in shown.replace(__file__, "")
    assert not any(ip in shown for ip in IPS)


def test_what_the_service_leaves_out_is_left_out(ipinfo):
    ipinfo.mood = "shy"
    assert list(IpinfoClient("secret", "core", LIMITS).details(IPS)) == [IPS[0], IPS[2]]


@pytest.mark.parametrize("mood", ["down", "throttles", "hangs", "garbage", "odd", "quota"])
def test_an_address_without_an_answer_of_the_lite_api_costs_the_others_nothing(ipinfo, mood, caplog):
    ipinfo.moods = [mood]
    answers = IpinfoClient("secret", "lite", LIMITS).details(IPS)
    assert len(answers) == 2
    assert {ip: answers[ip]["ip"] for ip in answers} == {ip: ip for ip in answers}
    assert "1 of 3 addresses have no answer: ipinfo" in caplog.text
    assert not any(ip in caplog.text for ip in IPS)


def test_after_some_errors_the_lite_api_is_not_asked_any_more_and_its_answers_count(ipinfo):
    one_by_one = IpinfoClient("secret", "lite", IpinfoLimits(seconds=0.5, parallel=1))
    ipinfo.moods = ["down", "well", *["quota"] * 9]
    asked = [*IPS, *(f"86.0.0.{n}" for n in range(9))]
    assert list(one_by_one.details(asked)) == [IPS[1]]
    assert len(ipinfo.requests) == 4


@pytest.mark.parametrize(("api", "size"), [("core", 7), ("legacy", 7), ("lite", 30)])
def test_a_call_has_as_many_addresses_as_the_limits_say(api, size):
    assert IpinfoClient("secret", api, IpinfoLimits(batch=7, parallel=3)).batch_size == size
