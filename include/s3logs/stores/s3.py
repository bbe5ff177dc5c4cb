"""An S3 bucket (AWS or any compatible server) as a store. The boto3 client is handed in."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from include.s3logs.errors import ChangedObjectError, NotFoundError
from include.s3logs.stores.s3_bucket import S3Bucket
from include.s3logs.stores.s3_errors import BROKEN, explain
from include.s3logs.stores.s3_parts import put_in_parts
from include.s3logs.stores.s3_reader import FastReader
from include.s3logs.stores.s3_versions import delete_versions, tag_versions
from include.s3logs.stores.store import ABSENT, PARALLEL_READS, PIECE, ObjectInfo, Refused, Version

_DELETE_BATCH = 1000  # the most keys one DeleteObjects request takes
_NO_CONDITIONS = "NotImplemented"
_PAUSES = (1, 2, 4)  # seconds before a piece that broke off is asked for again


class S3Store(S3Bucket):
    """All keys of `bucket` that start with `prefix`; keys of the store are what follows the prefix.

    With the `credentials` of the client's session, objects are read several times faster. `wait` is given the
    seconds of each pause.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        prefix: str = "",
        credentials: Any = None,
        *,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__(client, bucket, prefix)
        self._wait = wait
        self._fast = None if credentials is None else FastReader(client, bucket, credentials)

    def find(self, key: str) -> ObjectInfo | None:
        """Ask for the object's head."""
        try:
            with self.explained(key):
                head = self.client.head_object(Bucket=self.bucket, Key=self.prefix + key)
        except NotFoundError:
            return None
        return ObjectInfo(key, head["ContentLength"], head["ETag"].strip('"'), head["LastModified"])

    def read(self, key: str, etag: str | None = None) -> bytes:
        """Return the bytes of the object."""
        if self._fast and (given := self._fast.read(self.prefix + key, etag)) is not None:
            return given
        with self.explained(key):
            data: bytes = self.client.get_object(**self._request(key, etag))["Body"].read()
        return data

    def read_pieces(self, key: str, size: int, etag: str | None = None) -> Iterator[bytes]:
        """Yield the content of the object, with one request for each piece.

        So a connection that breaks off, as every long one may, costs a piece and not the object.
        """
        if size <= PIECE:
            yield self._piece(key, etag, None, size)
            return
        for start in range(0, size, PIECE):
            stop = min(start + PIECE, size)
            yield self._piece(key, etag, (start, stop), stop - start)

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return a part of the object, with one request."""
        return self._piece(key, None, (start, start + length), length)

    def _request(self, key: str, etag: str | None) -> dict[str, str]:
        request = {"Bucket": self.bucket, "Key": self.prefix + key}
        return request if etag is None else request | {"IfMatch": f'"{etag}"'}

    def _piece(self, key: str, etag: str | None, span: tuple[int, int] | None, length: int) -> bytes:
        """Return the `length` bytes that are asked for, the whole object or a span of it.

        The client repeats a request that fails, but not the reading of the answer's body.
        """
        if self._fast and (given := self._fast.read(self.prefix + key, etag, span)) is not None:
            if len(given) != length:
                raise ChangedObjectError(f"{self.uri(key)} changed after it was listed.")
            return given
        request = self._request(key, etag)
        if span is not None:
            request["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        pauses = iter(_PAUSES)
        while True:
            with self.explained(key):
                answer = self.client.get_object(**request)
                body = answer["Body"]
                if answer.get("ContentLength") != length:
                    body.close()
                    raise ChangedObjectError(f"{self.uri(key)} changed after it was listed.")
                try:
                    data: bytes = body.read()
                    return data
                except BROKEN:
                    if (pause := next(pauses, None)) is None:
                        raise
            self._wait(pause)

    def write(self, key: str, data: bytes, *, over: str | None = None) -> None:
        """Put the object."""
        place = {"Bucket": self.bucket, "Key": self.prefix + key}
        with self._putting(key, over):
            self._put(key, over, lambda only: self.client.put_object(**place, Body=data, **only))

    def write_many(self, files: Mapping[str, bytes]) -> None:
        """Put the objects, some at a time."""
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            list(pool.map(self.write, files, files.values()))

    def write_file(self, key: str, path: Path, *, over: str | None = None) -> None:
        """Put the object, a large one in parts; it is there when all of them are."""
        with self._putting(key, over):
            if path.stat().st_size <= PIECE:
                self.write(key, path.read_bytes(), over=over)
            else:
                place = (self.client, self.bucket, self.prefix + key, path)
                self._put(key, over, lambda only: put_in_parts(*place, only))

    def _put(self, key: str, over: str | None, put: Callable[[dict[str, str]], object]) -> None:
        """Put under the condition; where a server refuses to know of any, compare before that.

        Then two writers in the same moment may both believe that they were the first.
        """
        try:
            put(_only(over))
            return
        except ClientError as error:
            if over is None or error.response.get("Error", {}).get("Code") != _NO_CONDITIONS:
                raise
        found = self.find(key)
        if (found.etag if found else ABSENT) != over:
            raise ChangedObjectError(f"{self.uri(key)} changed after it was read.")
        put({})

    def delete(self, keys: Iterable[str]) -> None:
        """Delete the objects, 1,000 a request; says which key could not be deleted."""
        names = [{"Key": self.prefix + key} for key in keys]
        for start in range(0, len(names), _DELETE_BATCH):
            batch = names[start : start + _DELETE_BATCH]
            with self.explained(batch[0]["Key"]):
                answer = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": batch})
            for failed in answer.get("Errors", []):
                where = f"s3://{self.bucket}/{failed['Key']}"
                refusal = ClientError({"Error": failed}, "DeleteObjects")
                raise explain(refusal, f"{where} could not be deleted: it")

    def delete_versions(self, versions: Iterable[Version]) -> Refused:
        """Delete objects, 1,000 a request; in a bucket with versions so that their storage is freed."""
        return delete_versions(self, versions)

    def delete_unread(self, versions: Iterable[Version]) -> Refused:
        """Delete objects that may not be read: their ETags are compared with a listing only."""
        return delete_versions(self, versions, conditional=False)

    def tag_versions(self, versions: Iterable[Version], name: str, value: str) -> Refused:
        """Add a tag to those that the objects have, several objects at a time."""
        return tag_versions(self, versions, name, value)

    @contextmanager
    def _putting(self, key: str, over: str | None) -> Iterator[None]:
        """Explain as others do; the version to be replaced may be gone."""
        try:
            with self.explained(key):
                yield
        except NotFoundError as error:
            if over and "NoSuchKey" in str(error):
                raise ChangedObjectError(f"{self.uri(key)} is gone.") from error
            raise


def _only(over: str | None) -> dict[str, str]:
    """Return the condition of a request that puts an object."""
    if over is None:
        return {}
    return {"IfMatch": f'"{over}"'} if over else {"IfNoneMatch": "*"}
