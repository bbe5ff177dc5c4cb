"""Delete or tag the very versions of objects that were read, whatever came in their place since then.

Right before it acts on up to 1,000 keys of a folder, it lists them again and leaves out those whose ETag
changed; the requests repeat the ETag as a condition, for servers that heed it (AWS does). Only where objects
may not be read they do not: AWS wants s3:GetObject for such a condition.

Where the bucket keeps versions, those are deleted by their id: their storage is freed, and no delete marker
is left. The exception is a key with older versions of other content: one of them would take the place of the
deleted one, so this key gets a delete marker.

Needs s3:ListBucket, s3:GetBucketVersioning, s3:DeleteObject and, for the condition, s3:GetObject; where the
bucket keeps versions also s3:ListBucketVersions and s3:DeleteObjectVersion; for tags s3:GetObjectTagging and
s3:PutObjectTagging.
"""

import os.path
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

from botocore.exceptions import ClientError

from include.s3logs.errors import (
    AccessDeniedError,
    ChangedObjectError,
    S3LogsError,
    StoreUnavailableError,
)
from include.s3logs.stores.s3_bucket import S3Bucket
from include.s3logs.stores.s3_errors import explain
from include.s3logs.stores.store import PARALLEL_READS, Refused, Version

_BATCH = 1000  # the most keys one DeleteObjects request takes
_GONE = {"NoSuchKey", "NoSuchVersion"}
_CHANGED = "it changed after it was read"
_TO_DELETE = "To delete it takes s3:DeleteObject, and s3:DeleteObjectVersion where the bucket keeps versions."
_TO_TAG = "To tag it takes s3:GetObjectTagging and s3:PutObjectTagging."


def delete_versions(store: S3Bucket, versions: Iterable[Version], *, conditional: bool = True) -> Refused:
    """See `Store.delete_versions`, and `Store.delete_unread` for those without the condition."""
    refused: Refused = {}
    keeps_versions: bool | None = None
    for batch in _batches(versions):
        unchanged = _unchanged(store, batch, refused)
        if not unchanged:
            continue
        if keeps_versions is None:
            keeps_versions = _keeps_versions(store)
        names = _by_id(store, unchanged) if keeps_versions else map(_by_etag, unchanged)
        objects = [{**name, "Key": store.prefix + name["Key"]} for name in names]
        if not conditional:
            objects = [{part: name[part] for part in name if part != "ETag"} for name in objects]
        for start in range(0, len(objects), _BATCH):
            request = {"Objects": objects[start : start + _BATCH], "Quiet": True}
            with store.explained(batch[0].key):
                answer = store.client.delete_objects(Bucket=store.bucket, Delete=request)
            for error in answer.get("Errors", []):
                if error.get("Code") not in _GONE:
                    why = explain(ClientError({"Error": error}, "DeleteObjects"), "it")
                    refused[error["Key"][len(store.prefix) :]] = _naming(why, _TO_DELETE)
    return refused


def tag_versions(store: S3Bucket, versions: Iterable[Version], name: str, value: str) -> Refused:
    """See `Store.tag_versions`. The other tags of the objects stay."""
    refused: Refused = {}

    def tag(version: Version) -> None:
        try:
            with store.explained(version.key):
                _tag(store, version, {"Key": name, "Value": value}, refused)
        except StoreUnavailableError:
            raise
        except S3LogsError as error:
            refused[version.key] = _naming(error, _TO_TAG)

    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        for batch in _batches(versions):
            list(pool.map(tag, _unchanged(store, batch, refused)))
    return refused


def _tag(store: S3Bucket, version: Version, tag: dict[str, str], refused: Refused) -> None:
    request = {"Bucket": store.bucket, "Key": store.prefix + version.key}
    head = store.client.head_object(**request)
    if head["ETag"].strip('"') != version.etag:
        refused[version.key] = ChangedObjectError(_CHANGED)
        return
    if "VersionId" in head:
        request["VersionId"] = head["VersionId"]
    tags = store.client.get_object_tagging(**request)["TagSet"]
    if tag not in tags:
        others = [other for other in tags if other["Key"] != tag["Key"]]
        store.client.put_object_tagging(**request, Tagging={"TagSet": [*others, tag]})


def _naming(error: S3LogsError, permissions: str) -> S3LogsError:
    """Return the error; of one that something is denied the message names what it takes."""
    return AccessDeniedError(f"{error} {permissions}") if isinstance(error, AccessDeniedError) else error


def _batches(versions: Iterable[Version]) -> Iterator[list[Version]]:
    """Yield neighbours: sorted, of one folder, so that one listing finds all of them."""
    for _, group in groupby(sorted(versions), lambda version: version.key.rpartition("/")[0]):
        folder = list(group)
        for start in range(0, len(folder), _BATCH):
            yield folder[start : start + _BATCH]


def _unchanged(store: S3Bucket, batch: Sequence[Version], refused: Refused) -> list[Version]:
    """Return those that are what they were; note those that changed."""
    prefix, before = _range(batch)
    found = {}
    for info in store.list(prefix, start_after=before):
        if _is_past(info.key, batch, prefix):
            break
        found[info.key] = info.etag
    refused.update({v.key: ChangedObjectError(_CHANGED) for v in batch if found.get(v.key, v.etag) != v.etag})
    return [v for v in batch if found.get(v.key) == v.etag]


def _range(batch: Sequence[Version]) -> tuple[str, str]:
    """Return what all keys begin with, and a key before all of them."""
    first, last = batch[0].key, batch[-1].key
    prefix = os.path.commonprefix([first, last])  # noqa: RUF071  any beginning will do, not just folders
    return prefix, first[:-1] if len(prefix) < len(first) else ""


def _is_past(key: str, batch: Sequence[Version], prefix: str) -> bool:
    """Tell whether a listing has come behind the batch.

    Keys of its folder are sorted by every server; where those below it come differs.
    """
    return key > batch[-1].key and "/" not in key[len(prefix) :]


def _keeps_versions(store: S3Bucket) -> bool:
    """Tell whether the bucket keeps versions, or did."""
    try:
        answer = store.client.get_bucket_versioning(Bucket=store.bucket)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NotImplemented":
            return False
        with store.explained(""):
            raise
    return "Status" in answer


def _by_etag(version: Version) -> dict[str, str]:
    return {"Key": version.key, "ETag": f'"{version.etag}"'}


def _by_id(store: S3Bucket, batch: Sequence[Version]) -> Iterator[dict[str, str]]:
    """Name what there is of each key: its versions with the content that was read, by their ids."""
    kept: dict[str, list[Any]] = defaultdict(list)
    for key, found in _stored_versions(store, batch):
        kept[key].append(found)
    for version in batch:
        if all(found["ETag"].strip('"') == version.etag for found in kept[version.key]):
            for found in kept[version.key]:
                yield _by_etag(version) | {"VersionId": found["VersionId"]}
        else:
            yield _by_etag(version)


def _stored_versions(store: S3Bucket, batch: Sequence[Version]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the versions of the keys of a batch; not of the many keys behind it, which have batches too."""
    prefix, before = _range(batch)
    request = {"Bucket": store.bucket, "Prefix": store.prefix + prefix}
    if before:
        request["KeyMarker"] = store.prefix + before
    wanted = {version.key for version in batch}
    pages = iter(store.client.get_paginator("list_object_versions").paginate(**request))
    while True:
        with store.explained(prefix):
            page = next(pages, None)
        if page is None:
            return
        listed = [(found["Key"][len(store.prefix) :], found) for found in page.get("Versions", [])]
        yield from ((key, found) for key, found in listed if key in wanted)
        if any(_is_past(key, batch, prefix) for key, _ in listed):
            return
