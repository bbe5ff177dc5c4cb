"""A real S3 server (SeaweedFS, from a wheel) on loopback for the tests."""

import json
import os
import shutil
import socket
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.processes import started

ACCESS_KEY, SECRET_KEY = "test-key", "test-secret"
_START_SECONDS, _START_ATTEMPTS = 90, 3


class S3Server:
    """The running server: its endpoint, and a client with all rights."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=32),
        )

    def connection(self):
        """The Airflow connection, as the value of AIRFLOW_CONN_AWS_DEFAULT."""
        extra = {"endpoint_url": self.endpoint, "region_name": "us-east-1"}
        return json.dumps({"conn_type": "aws", "login": ACCESS_KEY, "password": SECRET_KEY, "extra": extra})

    def put(self, bucket, key, data):
        self.client.put_object(Bucket=bucket, Key=key, Body=data)

    def get(self, bucket, key):
        return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def keys(self, bucket, prefix=""):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]


@contextmanager
def s3_server(folder: Path):
    """Start the server with its data in `folder`, wait until it answers, stop it at the end."""
    for attempt in range(_START_ATTEMPTS):
        (folder / str(attempt)).mkdir()
        with _started(folder / str(attempt)) as (server, process):
            if not _stores(server, process):
                continue
            yield server
            return
    raise AssertionError(f"the S3 server did not start:\n{_log(folder / str(attempt))}")


@contextmanager
def _started(folder):
    """The server and its process; somebody else may be faster to take one of its ports, and it stops."""
    ports = iter(_free_ports(8))
    arguments = {"ip": "127.0.0.1", "ip.bind": "127.0.0.1", "dir": folder, "master.telemetry": "false"}
    for part in ("master", "volume", "filer"):
        arguments |= {f"{part}.port": next(ports), f"{part}.port.grpc": next(ports)}
    arguments |= {
        "s3.port": (port := next(ports)),
        "s3.port.grpc": next(ports),
        "s3.config": folder / "s3.json",
    }
    # Each bucket takes seven volumes, and each test a bucket.
    # Those that are switched off would take ports that are always the same.
    arguments |= {"s3.port.iceberg": 0, "s3.port.lance": 0}
    arguments |= {"volume.max": 2000, "master.volumeSizeLimitMB": 64}
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    (folder / "s3.json").write_text(
        json.dumps({"identities": [{"name": "test", "credentials": credentials, "actions": actions}]})
    )
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    command = [weed, "server", "-s3", *(f"-{name}={value}" for name, value in arguments.items())]
    with (
        (folder / "server.log").open("wb") as output,
        started(*command, stdout=output, stderr=output) as process,
    ):
        yield S3Server(f"http://127.0.0.1:{port}"), process


def _log(folder):
    return (folder / "server.log").read_text()[-2000:]


def _stores(server, process):
    """Wait until the server stores what it is given, or stops, and tell which."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            server.client.create_bucket(Bucket="ready")
            server.put("ready", "probe", b"probe")
        except (BotoCoreError, ClientError):
            time.sleep(0.1)  # a poll interval; the condition is the request above
        else:
            return True
    return False


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
