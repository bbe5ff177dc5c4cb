"""What S3 says of the buckets of an account, as far as it says it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

DateSource = Literal["EventTime", "DeliveryTime"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """An answer that S3 did not give, and why: `s3:GetBucketPolicy is not allowed`."""

    why: str


class Elsewhere(StrEnum):
    """A target that is none of the account's buckets; the value ends `the target …`."""

    GONE = "does not exist"
    FOREIGN = "is no bucket of this account"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the log objects of a bucket go, and what their keys look like."""

    bucket: str
    prefix: str
    date_source: DateSource | None = None
    """None: simple keys. Else partitioned ones, by the day of the request or of the delivery."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of the account, and where it logs to (None: nowhere)."""

    name: str
    region: str | Unknown
    logs_to: Place | Unknown | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A line of an access control list; `grantee` is a group's URI, or an account's id."""

    grantee: str
    permission: str


@dataclass(frozen=True, slots=True)
class Encryption:
    """New objects of a bucket are encrypted with a key of KMS: its ARN or id ("": AWS's own, aws/s3)."""

    key: str
    policy: Mapping[str, Any] | Unknown = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """What decides whether log objects can be delivered to a bucket, and who sees them there."""

    policy: Mapping[str, Any] | Unknown | None = None
    policy_is_public: bool | Unknown = False
    ownership: str | Unknown = "BucketOwnerEnforced"
    grants: tuple[Grant, ...] | Unknown = ()
    blocked: frozenset[str] | Unknown = frozenset()
    """The settings of its public access block that are on."""
    lifecycle: tuple[Mapping[str, Any], ...] | Unknown = ()
    requester_pays: bool | Unknown = False
    retention: bool | Unknown = False
    """Whether Object Lock keeps every new object by default."""
    encryption: Encryption | Unknown | None = None
    """None: without KMS."""


@dataclass(frozen=True, slots=True)
class Account:
    """All buckets that the credentials list, and the targets that these log to, by name."""

    number: str | Unknown
    buckets: Mapping[str, Bucket]
    targets: Mapping[str, Target | Elsewhere | Unknown] = field(default_factory=dict)
    partition: str = "aws"

    def way_of(self, name: str) -> Iterator[str]:
        """Yield where the bucket's log objects go, where those about them go, and so on, each bucket once."""
        seen: set[str] = set()
        while (bucket := self.buckets.get(name)) and isinstance(bucket.logs_to, Place):
            name = bucket.logs_to.bucket
            if name in seen:
                return
            seen.add(name)
            yield name

    def received(self) -> dict[str, list[str]]:
        """Return for each target which buckets log to it."""
        received: dict[str, list[str]] = {}
        for bucket in self.buckets.values():
            if isinstance(bucket.logs_to, Place):
                received.setdefault(bucket.logs_to.bucket, []).append(bucket.name)
        return received

    def arn(self, bucket: str, key: str = "") -> str:
        """Return the ARN of a bucket, or of an object in it."""
        return f"arn:{self.partition}:s3:::{bucket}" + (f"/{key}" if key else "")

    def log_key(self, bucket: Bucket, place: Place) -> str | Unknown:
        """Return a key as S3 would give it to a log object of the bucket at that place."""
        name = "2026-10-21-00-00-00-B2C3D4E5F6A7B8C9"
        if place.date_source is None:
            return place.prefix + name
        for part in (self.number, bucket.region):
            if isinstance(part, Unknown):
                return part
        return f"{place.prefix}{self.number}/{bucket.region}/{bucket.name}/2026/10/21/{name}"
