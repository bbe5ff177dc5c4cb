"""An S3 bucket (AWS or any compatible server) as a store. The boto3 client is handed in."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.s3logs.errors import (
    AccessDeniedError,
    ChangedObjectError,
    NotFoundError,
    PermanentError,
    StoreUnavailableError,
)
from include.s3logs.store import ObjectInfo

_DENIED = {"403", "401", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden"}
_ABSENT = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
_CHANGED = {"412", "PreconditionFailed"}
_HTTP_CLIENT_ERRORS = range(400, 500)
_HTTP_WORTH_RETRYING = {408, 409, 425, 429}
_DELETE_BATCH = 1000  # the most keys one DeleteObjects request takes


class S3Store:
    """All keys of `bucket` that start with `prefix`; keys of the store are what follows the prefix."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        self.client = client
        self.bucket = bucket
        self.prefix = prefix

    def uri(self, key: str = "") -> str:
        """Return the `s3://` address of `key`."""
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects below the prefix, 1,000 a request."""
        request = {"Bucket": self.bucket, "Prefix": self.prefix + prefix}
        if start_after:
            request["StartAfter"] = self.prefix + start_after
        pages = iter(self.client.get_paginator("list_objects_v2").paginate(**request))
        while True:
            with self._explained(prefix):
                page = next(pages, None)
            if page is None:
                return
            for found in page.get("Contents", []):
                key = found["Key"][len(self.prefix) :]
                yield ObjectInfo(key, found["Size"], found["ETag"].strip('"'), found["LastModified"])

    def read(self, key: str, etag: str | None = None) -> bytes:
        """Return the bytes of the object."""
        request = {"Bucket": self.bucket, "Key": self.prefix + key}
        if etag is not None:
            request["IfMatch"] = f'"{etag}"'
        with self._explained(key):
            data: bytes = self.client.get_object(**request)["Body"].read()
        return data

    def write(self, key: str, data: bytes) -> None:
        """Put the object."""
        with self._explained(key):
            self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete the objects, 1,000 a request; says which key could not be deleted."""
        names = [{"Key": self.prefix + key} for key in keys]
        for start in range(0, len(names), _DELETE_BATCH):
            batch = names[start : start + _DELETE_BATCH]
            with self._explained(batch[0]["Key"]):
                answer = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": batch})
            for failed in answer.get("Errors", []):
                where = f"s3://{self.bucket}/{failed['Key']}"
                raise StoreUnavailableError(f"{where} could not be deleted: {failed.get('Message')}")

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        """Turn the client's exceptions into ours, naming the object."""
        try:
            yield
        except ClientError as error:
            raise _translate(error, self.uri(key)) from error
        except (BotoCoreError, OSError) as error:
            raise StoreUnavailableError(f"{self.uri(key)}: {error}") from error


def _translate(error: ClientError, uri: str) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _ABSENT:
        return NotFoundError(f"{uri} does not exist ({code}).")
    if code in _DENIED:
        return AccessDeniedError(f"{uri} may not be accessed with these credentials ({code}).")
    if code in _CHANGED:
        return ChangedObjectError(f"{uri} changed after it was listed.")
    if status in _HTTP_CLIENT_ERRORS and status not in _HTTP_WORTH_RETRYING and code != "SlowDown":
        return PermanentError(f"{uri}: {error}")
    return StoreUnavailableError(f"{uri}: {error}")
