"""An S3 bucket: what reading, writing and deleting build on. The boto3 client is handed in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from include.s3logs.errors import StoreUnavailableError
from include.s3logs.stores.s3_errors import TROUBLE, explain
from include.s3logs.stores.s3_listing import list_fast, problem_of
from include.s3logs.stores.store import ObjectInfo


class S3Bucket:
    """All keys of `bucket` that start with `prefix`: their addresses, listings, and errors that name them."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        self.client = client
        self.bucket = bucket
        self.prefix = prefix
        list_fast(client)

    def uri(self, key: str = "") -> str:
        """Return the `s3://` address of `key`."""
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects below the prefix, 1,000 a request.

        Raises StoreUnavailableError also for an answer that is no such listing.
        """
        for page in self._pages(prefix, start_after=start_after):
            yield from self._objects(page)

    def list_folder(self, folder: str) -> Iterator[ObjectInfo | str]:
        """Yield what lies right in a folder, 1,000 objects and folders a request; raises as `list` does."""
        for page in self._pages(folder, delimiter="/"):
            yield from self._objects(page)
            for found in page.get("CommonPrefixes", []):
                yield found["Prefix"][len(self.prefix) :]

    def _objects(self, page: Mapping[str, Any]) -> Iterator[ObjectInfo]:
        start = len(self.prefix)
        for found in page.get("Contents", []):
            yield ObjectInfo(
                found["Key"][start:], found["Size"], found["ETag"].strip('"'), found["LastModified"]
            )

    def _pages(self, prefix: str, start_after: str = "", delimiter: str = "") -> Iterator[dict[str, Any]]:
        """Yield the answers to a listing, once they are found to be that."""
        request = {"Bucket": self.bucket, "Prefix": self.prefix + prefix}
        if start_after:
            request["StartAfter"] = self.prefix + start_after
        if delimiter:
            request["Delimiter"] = delimiter
        pages = iter(self.client.get_paginator("list_objects_v2").paginate(**request))
        while True:
            try:
                with self.explained(prefix):
                    page = next(pages, None)
            except ValueError as error:  # a number that is none
                raise self._no_listing(str(error)) from error
            if page is None:
                return
            if problem := problem_of(page, request["Prefix"], request.get("StartAfter", "")):
                raise self._no_listing(problem)
            yield page

    def _no_listing(self, why: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"{self.uri()} was asked for a listing and the answer is none: {why}. Is it S3 that answers, or "
            "a proxy before it?"
        )

    @contextmanager
    def explained(self, key: str) -> Iterator[None]:
        """Turn the client's exceptions into ours, naming the object."""
        try:
            yield
        except TROUBLE as error:
            raise explain(error, self.uri(key)) from None
