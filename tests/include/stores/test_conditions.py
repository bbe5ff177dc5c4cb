"""Writing in place of just one version, and deleting and tagging just one: folders and S3 alike."""

import os
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from include.s3logs.errors import AccessDeniedError, ChangedObjectError, StoreUnavailableError
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.store import ABSENT, PIECE, Version


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    if request.param == "folder":
        return LocalStore(tmp_path)
    s3, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
    return S3Store(s3.client, bucket, "some/prefix/")


def version(store, key):
    return Version(key, store.find(key).etag)


def keys(store):
    return sorted(info.key for info in store.list())


def test_find_says_what_a_listing_says(store):
    assert store.find("a/b") is None
    store.write("a/b", b"content")
    (listed,) = store.list()
    found = store.find("a/b")
    assert (found.key, found.size, found.etag) == (listed.key, listed.size, listed.etag)
    assert store.find("a") is None


@pytest.mark.parametrize("size", [5, PIECE * 3 + 1])
def test_writing_over_one_version(size, store, tmp_path_factory):
    file = tmp_path_factory.mktemp("elsewhere") / "upload"  # the folder's own temporary files are swept
    file.write_bytes(os.urandom(size))
    put = [
        lambda over: store.write("a", os.urandom(9), over=over),
        lambda over: store.write_file("a", file, over=over),
    ]
    for write in put:
        with pytest.raises(ChangedObjectError):
            write("0123456789abcdef0123456789abcdef")
        assert store.find("a") is None
        write(ABSENT)
        before = store.find("a").etag
        with pytest.raises(ChangedObjectError):
            write(ABSENT)
        assert store.find("a").etag == before
        store.write("a", b"meanwhile")
        with pytest.raises(ChangedObjectError):
            write(before)
        assert store.read("a") == b"meanwhile"
        write(store.find("a").etag)
        assert store.read("a") != b"meanwhile"
        store.delete(["a"])
    assert keys(store) == []


def test_only_unchanged_versions_are_deleted(store):
    for key in ("a/1", "a/2", "a/3", "b/1", "b/10"):
        store.write(key, key.encode())
    versions = [version(store, key) for key in ("b/1", "a/3", "a/2", "a/1")]
    store.write("a/2", b"another")
    store.delete(["a/3"])
    assert store.delete_versions(versions).keys() == {"a/2"}
    assert keys(store) == ["a/2", "b/10"]


def test_parts_of_an_upload_that_fails_are_not_left_behind(s3, bucket, tmp_path):
    store = S3Store(s3.client, bucket)
    (tmp_path / "file").write_bytes(bytes(3 * PIECE))
    store.write("a", b"there")
    with pytest.raises(ChangedObjectError):
        store.write_file("a", tmp_path / "file", over=ABSENT)
    assert s3.client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


# S3: batches, errors on single keys, versions, tags


def put_many(store, count):
    from concurrent.futures import ThreadPoolExecutor

    names = [f"logs/{n:05}" for n in range(count)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: store.write(name, name.encode()), names))
    return [Version(info.key, info.etag) for info in store.list()]


def test_thousands_are_deleted_in_batches(s3, bucket):
    store = S3Store(s3.client, bucket, "x/")
    versions = put_many(store, 2100)
    store.write("logs/01500", b"another")
    store.write("logs/deeper/object", b"")
    requests = []
    s3.client.meta.events.register(
        "before-call.s3.DeleteObjects", lambda **_: requests.append(1), unique_id="n"
    )
    try:
        assert store.delete_versions(versions).keys() == {"logs/01500"}
    finally:
        s3.client.meta.events.unregister("before-call.s3.DeleteObjects", unique_id="n")
    assert keys(store) == ["logs/01500", "logs/deeper/object"]
    assert len(requests) == 3


class Failing:
    """A client whose DeleteObjects says that a key cannot be deleted, and deletes the others."""

    def __init__(self, client, key, code="AccessDenied", message="not you"):
        self.client, self.key, self.code, self.message = client, key, code, message

    def __getattr__(self, name):
        return getattr(self.client, name)

    def delete_objects(self, Bucket, Delete):  # noqa: N803
        rest = [o for o in Delete["Objects"] if o["Key"] != self.key]
        answer = self.client.delete_objects(Bucket=Bucket, Delete={**Delete, "Objects": rest})
        error = {"Key": self.key, "Code": self.code, "Message": self.message}
        return {**answer, "Errors": [*answer.get("Errors", []), error]}


def test_an_error_on_one_key_is_reported_and_the_rest_goes_on(s3, bucket):
    store = S3Store(s3.client, bucket, "x/")
    versions = put_many(store, 5)
    store.client = Failing(s3.client, "x/logs/00003")
    ((key, why),) = store.delete_versions(versions).items()
    assert (key, type(why)) == ("logs/00003", AccessDeniedError)
    assert "not you (AccessDenied) To delete it takes s3:DeleteObject" in str(why)
    assert keys(store) == ["logs/00003"]


@pytest.mark.parametrize(
    ("code", "kind"), [("InternalError", StoreUnavailableError), ("SlowDown", StoreUnavailableError)]
)
def test_an_error_on_one_key_that_can_heal_is_told_apart(s3, bucket, code, kind):
    store = S3Store(s3.client, bucket, "x/")
    versions = put_many(store, 2)
    store.client = Failing(s3.client, "x/logs/00001", code)
    ((_, why),) = store.delete_versions(versions).items()
    assert type(why) is kind
    assert "s3:DeleteObject" not in str(why)


def test_the_server_refuses_what_changes_in_the_last_moment(s3, bucket):
    store = S3Store(s3.client, bucket)
    store.write("a", b"before")
    found = version(store, "a")

    class Late(Failing):
        def delete_objects(self, **request):
            store.write("a", b"after")
            return self.client.delete_objects(**request)

    store.client, client = Late(s3.client, "a"), s3.client
    refused = store.delete_versions([found])
    store.client = client
    assert "changed" in str(refused["a"])
    assert store.read("a") == b"after"


def _error(code, status, operation):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)


class WithoutConditions:
    """A client of a server that refuses a header which it does not know."""

    def __init__(self, client):
        self.client = client

    def __getattr__(self, name):
        return getattr(self.client, name)

    def put_object(self, **request):
        if {"IfMatch", "IfNoneMatch"} & set(request):
            raise _error("NotImplemented", 501, "PutObject")
        return self.client.put_object(**request)

    def complete_multipart_upload(self, **request):
        if {"IfMatch", "IfNoneMatch"} & set(request):
            raise _error("NotImplemented", 501, "CompleteMultipartUpload")
        return self.client.complete_multipart_upload(**request)


@pytest.mark.parametrize("size", [5, PIECE * 3 + 1])
def test_on_a_server_without_conditions_versions_are_compared_before(size, s3, bucket, tmp_path_factory):
    test_writing_over_one_version(size, S3Store(WithoutConditions(s3.client), bucket), tmp_path_factory)


def test_an_upload_whose_completion_is_answered_late_is_worth_another_attempt(s3, bucket, tmp_path):
    """The answer got lost, the client asked again: S3 knows no such upload then, and the object is there."""
    (tmp_path / "file").write_bytes(bytes(3 * PIECE))

    class Forgetful(Failing):
        def complete_multipart_upload(self, **request):
            self.client.complete_multipart_upload(**request)
            raise _error("NoSuchUpload", 404, "CompleteMultipartUpload")

        def abort_multipart_upload(self, **_):
            raise _error("NoSuchUpload", 404, "AbortMultipartUpload")

    store = S3Store(Forgetful(s3.client, ""), bucket)
    with pytest.raises(StoreUnavailableError, match="NoSuchUpload"):
        store.write_file("a", tmp_path / "file", over=ABSENT)
    assert store.find("a").size == 3 * PIECE


def test_why_an_upload_failed_is_told_also_where_its_parts_cannot_be_removed(s3, bucket, tmp_path):
    (tmp_path / "file").write_bytes(bytes(3 * PIECE))

    class Keeping(Failing):
        def abort_multipart_upload(self, **_):
            raise _error("AccessDenied", 403, "AbortMultipartUpload")

    store = S3Store(Keeping(s3.client, ""), bucket)
    store.write("a", b"there")
    with pytest.raises(ChangedObjectError) as raised:
        store.write_file("a", tmp_path / "file", over=ABSENT)
    assert "AbortMultipartUpload" in raised.value.__notes__[0]


@pytest.mark.parametrize("versioned", [False, True])
def test_what_may_not_be_read_is_deleted_without_the_condition_that_takes_that_right(versioned, s3, bucket):
    store = S3Store(s3.client, bucket, "x/")
    status = {"Status": "Enabled"}
    if versioned:
        s3.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=status)
    store.write("one", b"1")
    store.write("changed", b"2")
    versions = [version(store, key) for key in ("one", "changed")]
    store.write("changed", b"3")
    requests = []

    class Refusing(Failing):
        """Answers as AWS does to who may delete, but not read."""

        def delete_objects(self, **request):
            requests.extend(request["Delete"]["Objects"])
            assert not any("ETag" in found for found in request["Delete"]["Objects"])
            return self.client.delete_objects(**request)

    store.client, client = Refusing(s3.client, ""), s3.client
    assert store.delete_unread(versions).keys() == {"changed"}
    store.client = client
    assert keys(store) == ["changed"]
    assert [("VersionId" in found, found["Key"]) for found in requests] == [(versioned, "x/one")]


def stored_versions(s3, bucket):
    answer = s3.client.list_object_versions(Bucket=bucket)
    return (
        sorted((v["Key"], v["ETag"].strip('"')) for v in answer.get("Versions", [])),
        sorted(m["Key"] for m in answer.get("DeleteMarkers", [])),
    )


def test_a_bucket_with_versions_is_really_freed(s3, bucket):
    store = S3Store(s3.client, bucket, "x/")
    store.write("before", b"written before versioning")
    s3.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key, contents in {"one": ["1"], "same": ["2", "2"], "older": ["3", "4"], "changed": ["5"]}.items():
        for content in contents:
            store.write(key, content.encode())
    versions = [version(store, key) for key in ("before", "one", "same", "older", "changed")]
    store.write("changed", b"6")
    kept = version(store, "changed")
    assert store.delete_versions(versions).keys() == {"changed"}
    assert keys(store) == ["changed"]
    left, markers = stored_versions(s3, bucket)
    # Of `older` an earlier version would come back: a delete marker holds it off, and nothing of it is freed.
    assert [key for key, _ in left] == ["x/changed", "x/changed", "x/older", "x/older"]
    assert ("x/changed", kept.etag) in left
    assert markers == ["x/older"]
    s3.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    store.write("suspended", b"7")
    assert store.delete_versions([version(store, "suspended")]) == {}
    assert keys(store) == ["changed"]


def test_of_a_bucket_with_versions_only_the_batch_is_listed(s3, bucket):
    """A month has a hundred batches: were the rest listed for each, that would be thousands of pages."""
    store = S3Store(s3.client, bucket, "x/")
    s3.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for number in range(100):
        store.write(f"logs/{number:05}", b"1")
    pages = []

    def ten(params, **_):
        pages.append(1)
        return {**params, "MaxKeys": 10}

    event = "provide-client-params.s3.ListObjectVersions"
    s3.client.meta.events.register(event, ten, unique_id="n")
    try:
        versions = [version(store, f"logs/{number:05}") for number in range(5, 20)]
        assert store.delete_versions(versions) == {}
    finally:
        s3.client.meta.events.unregister(event, unique_id="n")
    assert len(pages) <= 3
    left, markers = stored_versions(s3, bucket)
    assert ([key for key, _ in left], markers) == (
        [f"x/logs/{number:05}" for number in range(100) if not 5 <= number < 20],
        [],
    )


def test_tags_are_added_to_those_that_are_there(s3, bucket):
    store = S3Store(s3.client, bucket, "x/")
    versions = put_many(store, 4)

    def tags(key):
        found = s3.client.get_object_tagging(Bucket=bucket, Key=f"x/{key}")["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in found}

    s3.client.put_object_tagging(
        Bucket=bucket,
        Key="x/logs/00001",
        Tagging={"TagSet": [{"Key": "team", "Value": "web"}, {"Key": "state", "Value": "new"}]},
    )
    store.write("logs/00002", b"another")
    store.delete(["logs/00003"])
    assert store.tag_versions(versions, "state", "rolled up").keys() == {"logs/00002"}
    assert tags("logs/00000") == {"state": "rolled up"}
    assert tags("logs/00001") == {"team": "web", "state": "rolled up"}
    assert tags("logs/00002") == {}


def test_who_may_not_delete_is_told(s3, bucket):
    store = S3Store(s3.client, bucket)
    store.write("a", b"")
    found = version(store, "a")
    stranger = S3Store(_stranger(s3), bucket)
    with pytest.raises(AccessDeniedError):
        stranger.delete_versions([found])
    assert keys(store) == ["a"]


def _stranger(s3):
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        aws_access_key_id="nobody",
        aws_secret_access_key="wrong",
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def test_a_file_that_may_not_go_is_reported(tmp_path, monkeypatch):
    store = LocalStore(tmp_path)
    versions = []
    for key in ("a/1", "b/1"):
        store.write(key, b"")
        versions.append(version(store, key))

    def unlink(path, unlink=Path.unlink, **kwargs):
        if path == tmp_path / "a/1":
            raise PermissionError(13, "Permission denied")
        unlink(path, **kwargs)

    monkeypatch.setattr(Path, "unlink", unlink)
    refused = store.delete_versions(versions)
    ((key, why),) = refused.items()
    assert (key, type(why)) == ("a/1", AccessDeniedError)
    assert str(why) == f"{tmp_path / 'a/1'} may not be written: Permission denied."
    assert not (tmp_path / "b").exists()
