"""What is secret in a text is known in one place: addresses, errors and logs are shown without it."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.deployment import Deployment, access_from_environment
from include.s3logs.errors import PermanentError, S3LogsError, SettingsError
from include.s3logs.secrets import MaskedLog, masked, masked_answer, shown
from include.s3logs.settings import load_settings


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://host/path", "https://host/path"),
        ("https://user:pw@host/path?token=t#f", "https://…@host/path"),
        ("https://token@host:8443/a/b", "https://…@host:8443/a/b"),
        ("http://[::1]:80/x?y", "http://[::1]:80/x"),
        ("https://host/of@others", "https://host/of@others"),
        ("https://host?token=t", "https://host"),
        # No addresses, but what people type: a password has signs that belong nowhere in one.
        ("https://user:p/w@host/path?token=t", "https://…@host/path"),
        ("https://user:p?w@host/path", "https://…@host/path"),
        ("https://user:p#w@host/path", "https://…@host/path"),
        ("https://user:p@w@host/path", "https://…@host/path"),
        ("user:pw@host/path", "…@host/path"),
        ("https://user:pw@[::1/path", "https://…@[::1/path"),
        ("https://", "https://"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(address, expected):
    assert shown(address) == expected


# Digits before one of these read as a port: nobody can tell `user:1/x@host` from a host with a path.
_PASSWORDS = st.text(min_size=1).filter(lambda text: not text[0].isdecimal() and not text[0].isspace())


@given(_PASSWORDS.map(lambda text: f"Pa{text}ss"), st.text())
def test_no_password_is_shown_whatever_signs_it_has(password, token):
    assert "Pa" not in shown(f"https://user:{password}@host/path?token=Pa{token}")


SECRET = "Pa55wOrdCANARY"
SIGNED = "d1" * 32
PRESIGNED = f"X-Amz-Signature={SECRET}&X-Amz-Date=20240608T000000Z"


@pytest.mark.parametrize(
    "text",
    [
        f"https://user:{SECRET}@host/path is not there",
        f"s3://AKIA:{SECRET}/with+more@bucket/prefix",
        f"s3://AKIA:12/{SECRET}@bucket/prefix",
        f"'ftp://u:{SECRET}@host/'",
        f"postgresql+psycopg2://u:{SECRET}@host/db",
        f"https://{SECRET}@host/",
        f"https%3A%2F%2Fu%3A{SECRET}%40host%2F",
        f"https%253A%252F%252Fu%253A{SECRET}%2540host",
        f"GET /k?{PRESIGNED} HTTP/1.1",
        f"GET /k?{PRESIGNED.lower().replace(SECRET.lower(), SECRET)} HTTP/1.1",
        f"GET /k?{PRESIGNED.upper().replace(SECRET.upper(), SECRET)} HTTP/1.1",
        f"/k?X-Amz-Date=1&X-Amz-Credential=AKIA/{SECRET}/s3",
        f"/k?X-Amz-Security-Token={SECRET}",
        f"/k?AWSAccessKeyId={SECRET}&Expires=1",
        f"/k?Expires=1&Signature={SECRET}",
        f"ftp://host/k?X%2DAmz%2DSignature={SECRET}",
        f"/k%3FX-Amz-Signature%3D{SECRET}%26a%3Db",
        f"/k%253FX-Amz-Signature%253D{SECRET}",
        f"/k?%58-Amz-%53ignature={SECRET}",
        f"/k?&amp;access_token={SECRET}",
        f"/k?token={SECRET}",
        f"/k?a=1;session={SECRET}",
        f"/k?sig={SECRET}",
        f"/k?a=b&key={SECRET}",
        f"/k?api_key={SECRET}",
        f"/k?client_secret={SECRET}",
        f"/k?Password={SECRET}",
        f"/k#access_token={SECRET}",
        f"ignature={SECRET}",
        f"edential={SECRET}",
        f"?session={SECRET}",
        f"session={SECRET}",
        f"oken={SECRET}&X-Amz-Date=1",
        f"line 7: ature={SECRET}",
        f"mz-Signature={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"Authorization: {SECRET}",
        f"{{'Authorization': b'AWS4-HMAC-SHA256 Credential=A/{SECRET}/s3, Signature={SECRET}'}}",
        f'{{"authorization": "Basic {SECRET}"}}',
        f"x-amz-security-token:{SECRET}\nx-amz-date:1",
        f"{{'X-Amz-Security-Token': '{SECRET}', 'a': 'b'}}",
        f"<SessionToken>{SECRET}</SessionToken>",
        f"<SecretAccessKey>{SECRET}</SecretAccessKey>",
        f'{{"aws_secret_access_key": "{SECRET}"}}',
        f'{{"access_token": "{SECRET}"}}',
        f"sent with Bearer {SECRET}",
        f"Signature:\n{SECRET}{SECRET}",
    ],
)
def test_no_text_holds_a_secret_after_it_was_masked(text):
    assert SECRET in text
    assert SECRET not in masked(text)
    assert "…" in masked(text)
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The log object /data/logs/2024-06-01-00-00-09-AAAA cannot be read: it is gone.",
        "s3://bucket/prefix/2024/06/01/2024-06-01-00-00-09-AAAA",
        "s3://bucket/of@others/x",
        "s3://bucket/token=abc/year=2024/key=7/part",  # folders as tables have them
        "http://127.0.0.1:5055/a@b",
        "https://host/of@others",
        "https://host:8443/path?page=2&per_page=100",
        "s3://arn:aws:s3:us-east-2:444455556666:accesspoint:point/of@others",
        "/data/me@host/lake",
        "These settings make no sense:\nS3LOGS_ROUND_TO='0': Input should be greater than 0",
        "S3LOGS_ROLLUP_TAG='s3logs=rolled-up': ok",
        "Without a token nobody is asked; set IPINFO_CREDENTIALS or the password of ipinfo_default.",
        "No token: nobody is asked.",
        "temperature=20 texture=rough",
        "basic authentication, bearer authentication",
        "key b'x' of 3 keys, code 7, signature 1 of 2",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text):
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"No match: {SIGNED}",
        f"the token {'CANARY' * 20} is malformed",
        "StringToSign: CANARY",
        "<CanonicalRequest>CANARY</CanonicalRequest>",
        "<SignatureBytes>CANARY",
        "'sessionToken' : CANARY",
        "https://u:CANARY@host/ moved",
        "Authorization: Bearer CANARY",
    ],
)
def test_what_a_server_repeats_of_a_signed_request_is_not_told(text):
    told = masked_answer(text)
    assert "CANARY" not in told
    assert SIGNED not in told
    assert "…" in told
    assert masked_answer(told) == told


def test_what_a_server_says_of_a_missing_permission_stays_as_it_is():
    sentence = (
        "User: arn:aws:sts::123456789012:assumed-role/airflow/i-0 is not authorized to perform: kms:Decrypt "
        "on resource: arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"
    )
    assert masked_answer(sentence) == sentence


def test_digests_and_long_paths_of_ours_stay_in_a_text():
    text = f"/data/{'logs/' * 30}2024-06-01-00-00-09-AAAA has the digest {SIGNED}"
    assert masked(text) == text


def test_only_what_is_secret_of_a_message_goes():
    text = f"https://user:{SECRET}@host/a?page=2&token={SECRET}&b=1 cannot be read: 'status 403'."
    assert masked(text) == "https://…@host/a?page=2&token=…&b=1 cannot be read: 'status 403'."


@pytest.mark.parametrize("error", S3LogsError.__subclasses__() + PermanentError.__subclasses__())
def test_no_error_of_ours_holds_a_secret(error):
    assert SECRET not in str(error(f"https://u:{SECRET}@host/?token={SECRET} is not there.")) + repr(
        error(f"Signature={SECRET}")
    )


@given(_PASSWORDS.map(lambda text: "".join(text.split()).replace('"', "").replace("'", "")))
def test_no_user_and_password_is_left_in_a_text(password):
    password = password.replace("<", "").replace(">", "")
    assert "Pa" not in masked(f"reading https://user:Pa{password}ss@host/path failed")


def test_a_log_that_is_masked_says_all_but_the_secrets(caplog):
    log = logging.getLogger("tests.masked")
    log.addFilter(MaskedLog())
    with caplog.at_level(logging.DEBUG, "tests.masked"):
        log.debug("headers: %s, %d of them", {"X-Amz-Security-Token": SECRET}, 1)
        log.debug("100%")
        try:
            raise ValueError(f"no answer from https://u:{SECRET}@host/")
        except ValueError:
            log.exception("it failed")
    assert SECRET not in caplog.text
    assert "ValueError: no answer from https://…@host/" in caplog.text
    assert caplog.messages == ["headers: {'X-Amz-Security-Token': '…'}, 1 of them", "100%", "it failed"]


@pytest.mark.parametrize(
    "part",
    ["a-", "a.", "https://a:", "s3://a:", "https%3a%2f%2f", "?&x=", "%25", "token", "password: ", "=@"],
)
def test_a_long_text_is_masked_in_little_time(part):
    assert masked_answer(
        part * 30_000
    )  # where a pattern tries all beginnings with all ends, this takes minutes


@pytest.mark.parametrize("address", [f"s3://AKIA:{SECRET}@bucket/x", f"https://u:{SECRET}@host/"])
def test_a_source_that_a_run_is_given_holds_no_secret(address):
    deployment = Deployment(load_settings(), access_from_environment())
    with pytest.raises(SettingsError, match="without") as error:
        deployment.sources([address])
    assert SECRET not in str(error.value)
