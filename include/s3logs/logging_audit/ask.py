"""The questions to S3. An answer that is denied, or does not come, is `Unknown` and stops nothing."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, NoCredentialsError

from include.s3logs.errors import AccessDeniedError
from include.s3logs.logging_audit.answers import answer
from include.s3logs.logging_audit.encryption import read_encryption
from include.s3logs.logging_audit.facts import (
    Account,
    Bucket,
    DateSource,
    Elsewhere,
    Grant,
    Place,
    Target,
    Unknown,
)
from include.s3logs.stores.s3_errors import DENIED, TROUBLE, code_of, explain, said

PARALLEL_QUESTIONS = 16
_NOT_ALLOWED = {"403", "AccessDenied", "Forbidden"}
_NO_REGION = Unknown("S3 does not tell its region")


@dataclass(frozen=True)
class S3Api:
    """The clients of the account: `client(region)` gives the one for a region, None the connection's own.

    `account_number()` asks whose account it is. All may be called from several threads.
    """

    client: Callable[[str | None], Any]
    account_number: Callable[[], str]
    keys: Callable[[str | None], Any] | None = None
    """The clients of KMS, as `client`."""
    page: int = 1000
    """Buckets of a page; S3 tells their regions only where the list is asked for in pages."""
    pauses: Sequence[float] = (1, 2, 4, 8)
    """Seconds until settings that were written are read back once more."""

    def of(self, bucket: Bucket) -> Any:
        """Return the client for the bucket's region."""
        return self.client(None if isinstance(bucket.region, Unknown) else bucket.region)

    def keys_of(self, bucket: Bucket) -> Any:
        """Return the client of KMS for the bucket's region; None where KMS cannot be asked."""
        return self.keys and self.keys(None if isinstance(bucket.region, Unknown) else bucket.region)


def look_at(api: S3Api) -> Account:
    """Ask for all buckets, where they log to, and what the targets are like.

    Raises AccessDeniedError (PermanentError, StoreUnavailableError) if the buckets cannot be listed.
    """
    listed = _list(api)
    number = answer("sts:GetCallerIdentity", api.account_number)
    with ThreadPoolExecutor(PARALLEL_QUESTIONS) as pool:
        found = pool.map(lambda item: _look_at_bucket(api, *item), listed.items())
        buckets = {bucket.name: bucket for bucket in found}
        names = sorted({b.logs_to.bucket for b in buckets.values() if isinstance(b.logs_to, Place)})
        looked_at = pool.map(lambda name: look_at_target(api, buckets, name), names)
        targets = dict(zip(names, looked_at, strict=True))
    return Account(number, buckets, targets, api.client(None).meta.partition)


def _list(api: S3Api) -> dict[str, str | None]:
    """Return the region of each bucket in order of names; None where the list does not tell."""
    pages = api.client(None).get_paginator("list_buckets")
    try:
        found = {
            bucket["Name"]: bucket.get("BucketRegion")
            for page in pages.paginate(PaginationConfig={"PageSize": api.page})
            for bucket in page.get("Buckets", [])
        }
    except NoCredentialsError:
        raise NoConnectionError(
            "There are no AWS credentials, so no buckets to look at: make the Airflow connection that "
            "S3LOGS_AWS_CONN_ID names."
        ) from None
    except TROUBLE as error:
        if isinstance(error, ClientError) and code_of(error) in _NOT_ALLOWED:
            raise AccessDeniedError(
                "These credentials may not list the account's buckets; allow them s3:ListAllMyBuckets. "
                f"{said(error)}"
            ) from None
        raise explain(error, "The list of the account's buckets") from None
    return dict(sorted(found.items()))


class NoConnectionError(AccessDeniedError):
    """There are no credentials at all."""


def _look_at_bucket(api: S3Api, name: str, listed_region: str | None) -> Bucket:
    region: str | Unknown
    region = listed_region or answer("s3:ListBucket", lambda: _region(api, name)) or _NO_REGION
    bucket = Bucket(name, region, None)
    return Bucket(name, region, read_place(api, bucket))


def _region(api: S3Api, name: str) -> str | None:
    """Return the region; S3 names it even where it denies the rest."""
    try:
        headers = api.client(None).head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"]
    except ClientError as error:
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if "x-amz-bucket-region" not in headers:
            raise
    region: str | None = headers.get("x-amz-bucket-region")
    return region


def read_place(api: S3Api, bucket: Bucket) -> Place | Unknown | None:
    """Return where the bucket logs to."""

    def ask() -> Place | None:
        logging = api.of(bucket).get_bucket_logging(Bucket=bucket.name).get("LoggingEnabled")
        if not logging:
            return None
        keys = logging.get("TargetObjectKeyFormat") or {}
        partitioned = keys.get("PartitionedPrefix")
        # S3 takes the time of the event where nothing is said.
        source: DateSource | None = (
            None if partitioned is None else partitioned.get("PartitionDateSource") or "EventTime"
        )
        return Place(logging["TargetBucket"], logging.get("TargetPrefix") or "", source)

    return answer("s3:GetBucketLogging", ask)


def look_at_target(api: S3Api, buckets: Mapping[str, Bucket], name: str) -> Target | Elsewhere | Unknown:
    """Return what a bucket is like for those that log to it."""
    bucket = buckets.get(name)
    if bucket is None:
        return answer("s3:ListBucket", lambda: _elsewhere(api, name))
    client = api.of(bucket)
    this = {"Bucket": name}
    return Target(
        policy=read_policy(api, bucket),
        policy_is_public=answer(
            "s3:GetBucketPolicyStatus",
            lambda: bool(client.get_bucket_policy_status(**this)["PolicyStatus"].get("IsPublic")),
            {"NoSuchBucketPolicy": False},
        ),
        ownership=answer(
            "s3:GetBucketOwnershipControls",
            lambda: str(
                client.get_bucket_ownership_controls(**this)["OwnershipControls"]["Rules"][0][
                    "ObjectOwnership"
                ]
            ),
            {"OwnershipControlsNotFoundError": "ObjectWriter"},
        ),
        grants=answer("s3:GetBucketAcl", lambda: tuple(map(_grant, client.get_bucket_acl(**this)["Grants"]))),
        blocked=answer(
            "s3:GetBucketPublicAccessBlock",
            lambda: frozenset(
                setting
                for setting, is_on in client.get_public_access_block(**this)[
                    "PublicAccessBlockConfiguration"
                ].items()
                if is_on
            ),
            {"NoSuchPublicAccessBlockConfiguration": frozenset()},
        ),
        lifecycle=answer(
            "s3:GetLifecycleConfiguration",
            lambda: tuple(client.get_bucket_lifecycle_configuration(**this)["Rules"]),
            {"NoSuchLifecycleConfiguration": ()},
        ),
        requester_pays=answer(
            "s3:GetBucketRequestPayment",
            lambda: client.get_bucket_request_payment(**this).get("Payer") == "Requester",
        ),
        retention=answer(
            "s3:GetBucketObjectLockConfiguration",
            lambda: bool(
                client.get_object_lock_configuration(**this)["ObjectLockConfiguration"]
                .get("Rule", {})
                .get("DefaultRetention")
            ),
            {"ObjectLockConfigurationNotFoundError": False},
        ),
        encryption=read_encryption(client, api.keys_of(bucket), name),
    )


def read_policy(api: S3Api, bucket: Bucket) -> Mapping[str, Any] | Unknown | None:
    """Return the bucket's policy."""

    def ask() -> Mapping[str, Any] | None:
        policy: dict[str, Any] = json.loads(api.of(bucket).get_bucket_policy(Bucket=bucket.name)["Policy"])
        return policy

    return answer("s3:GetBucketPolicy", ask, {"NoSuchBucketPolicy": None})


def _grant(grant: Mapping[str, Any]) -> Grant:
    grantee = grant["Grantee"]
    return Grant(grantee.get("URI") or grantee.get("ID") or "", grant["Permission"])


def _elsewhere(api: S3Api, name: str) -> Elsewhere:
    """Look at a bucket that is not on the list of the account's."""
    try:
        api.client(None).head_bucket(Bucket=name)
    except ClientError as error:
        code = code_of(error)
        if code in {"404", "NoSuchBucket", "NotFound"}:
            return Elsewhere.GONE
        if code not in DENIED:
            raise
    return Elsewhere.FOREIGN
