"""What S3 and boto3 say is told on, and sorted by whether trying again can help."""

import inspect
import socket

import boto3
import pytest
from botocore import exceptions as boto
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.parsers import ResponseParserError

from include.s3logs.errors import (
    AccessDeniedError,
    ArchivedObjectError,
    ChangedObjectError,
    NotFoundError,
    PermanentError,
    StoreUnavailableError,
)
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.s3_errors import explain
from tests.support.web_server import web_server

KMS = (
    "User: arn:aws:sts::123456789012:assumed-role/airflow/i-0 is not authorized to perform: kms:Decrypt on "
    "resource: arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab because no "
    "identity-based policy allows the kms:Decrypt action"
)
DENIED_BY_POLICY = (
    "User: arn:aws:iam::123456789012:user/jo is not authorized to perform: s3:GetObject on resource: "
    '"arn:aws:s3:::logs/x" with an explicit deny in a resource-based policy'
)
UNKNOWN_KEY = "The AWS Access Key Id you provided does not exist in our records."
SIGNATURE = "d1" * 32
ANSWERS = [
    (403, "AccessDenied", KMS, AccessDeniedError, KMS),
    (403, "AccessDenied", DENIED_BY_POLICY, AccessDeniedError, "explicit deny"),
    (403, "InvalidAccessKeyId", UNKNOWN_KEY, AccessDeniedError, UNKNOWN_KEY),
    (403, "SignatureDoesNotMatch", "Check your key.", AccessDeniedError, "Check your key."),
    (400, "InvalidToken", "The provided token is malformed.", AccessDeniedError, "malformed"),
    (404, "NoSuchBucket", "", NotFoundError, "NoSuchBucket"),
    (404, "NoSuchKey", "", NotFoundError, "NoSuchKey"),
    (403, "InvalidObjectState", "", ArchivedObjectError, "restore it"),
    (412, "PreconditionFailed", "", ChangedObjectError, "changed"),
    (416, "InvalidRange", "", ChangedObjectError, "changed"),
    (400, "ThrottlingException", "Rate exceeded", StoreUnavailableError, "Rate exceeded"),
    (400, "Throttling", "Rate exceeded", StoreUnavailableError, "Throttling"),
    (400, "KMS.ThrottlingException", "Rate exceeded", StoreUnavailableError, "Rate exceeded"),
    (400, "RequestLimitExceeded", "", StoreUnavailableError, "RequestLimitExceeded"),
    (400, "TooManyRequestsException", "", StoreUnavailableError, "TooManyRequests"),
    (503, "SlowDown", "Please reduce your request rate.", StoreUnavailableError, "reduce"),
    (400, "ExpiredToken", "The provided token has expired.", StoreUnavailableError, "has expired"),
    (403, "ExpiredTokenException", "", StoreUnavailableError, "ExpiredToken"),
    (400, "TokenRefreshRequired", "", StoreUnavailableError, "TokenRefreshRequired"),
    (403, "RequestTimeTooSkewed", "The clock differs.", StoreUnavailableError, "clock"),
    (500, "InternalError", "", StoreUnavailableError, "InternalError"),
    (502, "Whatever", "", StoreUnavailableError, "Whatever"),
    (409, "OperationAborted", "", StoreUnavailableError, "OperationAborted"),
    (429, "Odd", "", StoreUnavailableError, "Odd"),
    (400, "KMS.DisabledException", "the key is disabled", PermanentError, "the key is disabled"),
    (400, "InvalidArgument", "no", PermanentError, "no"),
    (400, "InvalidBucketName", "The bucket is not valid.", PermanentError, "not valid"),
    (405, "MethodNotAllowed", "", PermanentError, "MethodNotAllowed"),
    (501, "NotImplemented", "", PermanentError, "NotImplemented"),
]


@pytest.mark.parametrize(("status", "code", "sentence", "kind", "told"), ANSWERS)
def test_answers_of_a_server_are_sorted_and_told(status, code, sentence, kind, told):
    with web_server() as web:
        web.answers["/logs/x"] = _error(status, code, sentence)
        with pytest.raises(kind, match="s3://logs/x") as raised:
            _store(web.url).read("x")
    assert told in str(raised.value)
    assert type(raised.value) is kind
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, StoreUnavailableError),  # all that is told of an expired token
        (403, AccessDeniedError),
        (412, ChangedObjectError),
        (503, StoreUnavailableError),
    ],
)
def test_a_head_has_nothing_but_its_status(status, kind):
    with web_server() as web:
        web.answers["/logs/x"] = (status, {}, b"")
        with pytest.raises(kind):
            _store(web.url).find("x")


def test_the_right_region_is_named():
    with web_server() as web:
        wrong = _error(301, "PermanentRedirect", "Use the endpoint.")
        web.answers["/logs/x"] = (301, {"x-amz-bucket-region": "eu-central-1"}, wrong[2])
        with pytest.raises(PermanentError, match="another region, eu-central-1: make it the region_name"):
            _store(web.url).read("x")
        web.answers["/logs/x"] = _error(
            400, "AuthorizationHeaderMalformed", "the region is wrong", "<Region>eu-west-3</Region>"
        )
        with pytest.raises(PermanentError, match=r"another region, eu-west-3.*the region is wrong"):
            _store(web.url).read("x")


def test_what_signed_a_request_is_not_told():
    parts = (
        f"<AWSAccessKeyId>AKIAX</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256 {SIGNATURE}</StringToSign>"
        f"<SignatureProvided>{SIGNATURE}</SignatureProvided><CanonicalRequest>GET /x</CanonicalRequest>"
    )
    told = f"No match: X-Amz-Signature={SIGNATURE} Signature={SIGNATURE}, {SIGNATURE} {'dG9rZW4' * 40}"
    with web_server() as web:
        web.answers["/logs/x"] = _error(403, "SignatureDoesNotMatch", told, parts)
        with pytest.raises(AccessDeniedError) as raised:
            _store(web.url).read("x")
    message = str(raised.value)
    assert "No match" in message
    for secret in (SIGNATURE, "AWS4-HMAC", "GET /x", "dG9rZW4"):
        assert secret not in message


def test_an_answer_that_is_not_of_s3_can_heal_and_is_not_repeated():
    with web_server() as web:
        web.answers["/logs"] = (200, {}, b"<html><body>Sign in, please<br></body>")
        with pytest.raises(StoreUnavailableError) as raised:
            list(_store(web.url).list())
    assert "Sign in" not in str(raised.value)


def test_the_fast_reader_leaves_the_explanation_to_boto3():
    with web_server() as web:
        web.answers["/logs/x"] = _error(403, "AccessDenied", KMS)
        with pytest.raises(AccessDeniedError, match="kms:Decrypt"):
            S3Store(_client(web.url), "logs", "", Credentials("key", "secret")).read("x")


def test_a_bucket_that_cannot_be_is_permanent():
    with pytest.raises(PermanentError, match="Invalid bucket name"):
        S3Store(_client("http://127.0.0.1:9"), "No Bucket!").read("x")


def test_without_credentials_nothing_heals(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    client = boto3.session.Session().client("s3", region_name="us-east-1", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(AccessDeniedError, match="no usable AWS credentials"):
        S3Store(client, "logs").read("x")


def test_a_key_that_may_not_be_deleted_is_permanent_and_one_that_could_not_may_heal():
    def answer(code):
        return (
            f"<DeleteResult><Error><Key>x</Key><Code>{code}</Code><Message>m</Message></Error></DeleteResult>"
        )

    with web_server() as web:
        web.answers["/logs"] = (200, {}, answer("AccessDenied").encode())
        with pytest.raises(AccessDeniedError, match="s3://logs/x could not be deleted"):
            _store(web.url).delete(["x"])
        web.answers["/logs"] = (200, {}, answer("InternalError").encode())
        with pytest.raises(StoreUnavailableError, match="s3://logs/x could not be deleted"):
            _store(web.url).delete(["x"])


HEALING = {
    *("ConnectionError", "EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"),
    *("SSLError", "HTTPClientError", "ReadTimeoutError", "ConnectionClosedError", "ResponseStreamingError"),
    *("IncompleteReadError", "PaginationError", "ChecksumError", "FlexibleChecksumError"),
    *("CapacityNotAvailableError", "MetadataRetrievalError", "CredentialRetrievalError"),
}


def test_every_exception_of_botocore_is_sorted():
    found = set()
    for name, kind in inspect.getmembers(boto, inspect.isclass):
        if issubclass(kind, boto.BotoCoreError):
            ours = explain(_made(kind), "s3://logs/x")
            if isinstance(ours, StoreUnavailableError):
                found.add(name)
            else:
                assert isinstance(ours, PermanentError)
    assert found == HEALING


def test_a_certificate_that_is_not_trusted_does_not_heal():
    told = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"
    error = boto.SSLError(endpoint_url="https://s3.example.org", error=told)
    assert type(explain(error, "s3://logs/x")) is PermanentError


@pytest.mark.parametrize("error", [ResponseParserError("xml"), OSError(28, "full"), socket.gaierror("dns")])
def test_trouble_of_other_kinds_may_heal(error):
    assert isinstance(explain(error, "s3://logs/x"), StoreUnavailableError)


def _made(kind):
    """Make an exception of botocore, whatever its text wants to know."""
    if kind is boto.WaiterError:
        return kind("waiter", "reason", {})
    fields = {}
    while True:
        try:
            return kind(**fields)
        except KeyError as missing:
            fields[missing.args[0]] = "…"


def _error(status, code, sentence, more=""):
    sentence = sentence.replace('"', "&quot;")
    return status, {}, f"<Error><Code>{code}</Code><Message>{sentence}</Message>{more}</Error>".encode()


def _client(url):
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def _store(url):
    return S3Store(_client(url), "logs")
