"""A server that knows the settings of buckets (moto) on loopback for the tests.

SeaweedFS keeps objects, moto keeps settings: logging, policies, lists, lifecycle. What moto forgets of a
setting, and the pages of ListBuckets, are added in front of it.
"""

import io
import json
import re
import socket
import sys
import time
import urllib.request
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from include.s3logs.logging_audit.ask import S3Api
from tests.support.paths import PROJECT
from tests.support.processes import started

ACCOUNT = "123456789012"
_START_SECONDS = 60


def delivery(target, prefix="", **condition):
    """A statement by which S3 may deliver."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": ["s3:PutObject"],
        "Resource": f"arn:aws:s3:::{target}/{prefix}*",
    }
    return statement | ({"Condition": condition} if condition else {})


def policy_of(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


class AwsServer:
    """The running server, and an account in it that tests fill."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.made = {}
        self.handlers = []

    def client(self, region=None, service="s3"):
        region = region or "us-east-1"
        if (region, service) not in self.made:
            self.made[region, service] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name=region,
                aws_access_key_id="test-key",
                aws_secret_access_key="test-secret",
                config=Config(max_pool_connections=32, retries={"total_max_attempts": 1}),
            )
        return self.made[region, service]

    def connection(self):
        """The Airflow connection, as the value of AIRFLOW_CONN_AWS_DEFAULT."""
        extra = {"endpoint_url": self.endpoint, "region_name": "us-east-1"}
        return json.dumps({"conn_type": "aws", "login": "test", "password": "test", "extra": extra})

    def reset(self):
        """Forget all buckets, and the answers that clients were to get."""
        self.as_usual()
        urllib.request.urlopen(
            urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST")
        ).close()

    def as_usual(self):
        """Forget the answers that clients were to get."""
        for emitter, event, handler in self.handlers:
            emitter.unregister(event, handler)
        self.handlers.clear()

    def account_number(self):
        return self.client(service="sts").get_caller_identity()["Account"]

    def api(self, **how):
        keys = partial(self.client, service="kms")
        return S3Api(self.client, self.account_number, **{"keys": keys, **how})

    def bucket(self, name, region="us-east-1", policy=None):
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.client(region).create_bucket(Bucket=name, **({} if region == "us-east-1" else elsewhere))
        if policy:
            self.put_policy(name, policy)

    def put_policy(self, name, policy):
        self.client().put_bucket_policy(Bucket=name, Policy=json.dumps(policy))

    def policy(self, name):
        return json.loads(self.client().get_bucket_policy(Bucket=name)["Policy"])

    def log(self, name, target, prefix="", **keys):
        """Let a bucket log; the server wants to see a permission, which the target may not keep."""
        try:
            before = self.policy(target)
        except self.client().exceptions.ClientError:
            before = None
        self.put_policy(target, policy_of(delivery(target)))
        where = {"TargetBucket": target, "TargetPrefix": prefix, **keys}
        self.client().put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": where})
        if before is None:
            self.client().delete_bucket_policy(Bucket=target)
        else:
            self.put_policy(target, before)

    def answer(self, operation, code, status=403, bucket="", region="us-east-1", *, sentence="invented"):
        """Let the server answer an operation (on one bucket) with an error."""
        body = f"<Error><Code>{code}</Code><Message>{sentence}</Message></Error>".encode()

        def reply(request, **_):
            if f"{request.url}/".replace("?", "/").startswith(f"{self.endpoint}/{bucket}".rstrip("/") + "/"):
                return _answer(request, status, b"" if request.method == "HEAD" else body)
            return None

        self.on(f"before-send.s3.{operation}", reply, region)

    def on(self, event, handler, region="us-east-1"):
        """Let botocore call the handler, until `as_usual`."""
        emitter = self.client(region).meta.events
        emitter.register(event, handler)
        self.handlers.append((emitter, event, handler))


def accept(request):
    """The answer of a server that does nothing and says that it did."""
    return _answer(request, 200, b"")


def _answer(request, status, body):
    raw = io.BytesIO(body)
    raw.stream = lambda **_: iter([raw.read()])
    return AWSResponse(request.url, status, {"content-type": "application/xml"}, raw)


@contextmanager
def aws_server(folder: Path):
    """Start the server, wait until it answers, stop it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log, server = folder / "server.log", AwsServer(f"http://127.0.0.1:{port}")
    command = [sys.executable, "-m", "tests.support.aws_server", port]
    with log.open("wb") as output, started(*command, stdout=output, stderr=output, cwd=PROJECT) as process:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                server.reset()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-2000:]
                time.sleep(0.1)  # a poll interval; the condition is the request above
        yield server


class Memory:
    """A WSGI application in front of moto's: keeps settings as they were written, and lists in pages."""

    KEPT = ("logging", "requestPayment")

    def __init__(self, app):
        self.app = app
        self.written = {}
        self.regions = {}

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(sent)
        if listing := method == "GET" and path == "/":
            environ["QUERY_STRING"] = ""
        answer = {}
        body = b"".join(
            self.app(environ, lambda status, headers, *_: answer.update(status=status, headers=headers))
        )
        setting = (path, next((name for name in self.KEPT if name in query), None))
        if path == "/moto-api/reset":
            self.written.clear()
            self.regions.clear()
        elif answer["status"].startswith("200"):
            if listing:
                body = self.page(body.decode(), query).encode()
            elif method == "PUT" and not query:
                self.regions[path.strip("/")] = environ["HTTP_AUTHORIZATION"].split("/")[2]
            elif method == "PUT" and setting[1]:
                self.written[setting] = sent
            elif method == "GET" and setting in self.written:
                body = self.written[setting]
        headers = [item for item in answer["headers"] if item[0].lower() != "content-length"]
        start_response(answer["status"], [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def page(self, listing, query):
        """S3 tells the region, and goes on in pages, where it is asked for a number of buckets."""
        if "max-buckets" not in query:
            return listing
        most, after = int(query["max-buckets"][0]), query.get("continuation-token", [""])[0]
        names = sorted(re.findall(r"<Name>([^<]*)</Name>", listing))
        rest = [name for name in names if name > after]
        buckets = "".join(
            f"<Bucket><Name>{name}</Name><BucketRegion>{self.regions[name]}</BucketRegion></Bucket>"
            for name in rest[:most]
        )
        token = f"<ContinuationToken>{rest[most - 1]}</ContinuationToken>" if len(rest) > most else ""
        return f"<ListAllMyBucketsResult><Buckets>{buckets}</Buckets>{token}</ListAllMyBucketsResult>"


def main():
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    app = Memory(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)


if __name__ == "__main__":
    main()
