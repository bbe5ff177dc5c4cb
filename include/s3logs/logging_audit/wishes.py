"""What somebody asks for: let this bucket log. Which place that means, and why it may be refused."""

from collections.abc import Iterable
from dataclasses import dataclass

from include.s3logs.errors import SettingsError
from include.s3logs.logging_audit.encryption import may_encrypt
from include.s3logs.logging_audit.facts import Account, Bucket, Elsewhere, Place, Target, Unknown
from include.s3logs.logging_audit.invisible import invisible_characters, visible
from include.s3logs.logging_audit.targets import public_reason, refusal_reason


@dataclass(frozen=True, slots=True)
class Wish:
    """Let a bucket log. Without a target: to where the others of its region log."""

    bucket: str
    target: str = ""
    prefix: str = ""


class RefusedError(Exception):
    """Why a wish is not granted: a sentence."""


def parse_wish(text: str) -> Wish:
    """Read `bucket`, `bucket=target` or `bucket=target/prefix/`; raises SettingsError."""
    bucket, _, place = text.partition("=")
    target, _, prefix = place.partition("/")
    if not bucket or ("=" in text and not target):
        raise SettingsError(f"switch_on: {text!r} is neither 'bucket' nor 'bucket=target-bucket/prefix/'.")
    return Wish(bucket, target, prefix)


def parse_wishes(texts: Iterable[str]) -> list[Wish]:
    """Read all of them; raises SettingsError, also if a bucket is named twice."""
    wishes = [parse_wish(text.strip()) for text in texts if text.strip()]
    names = [wish.bucket for wish in wishes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError(f"switch_on names {', '.join(twice)} more than once.")
    return wishes


def judged(account: Account, wish: Wish, replacing: bool) -> tuple[Bucket, Place, Target]:
    """Return bucket, place and target, which is looked at already; raises RefusedError."""
    bucket = account.buckets.get(wish.bucket)
    if bucket is None:
        raise RefusedError("It is no bucket of this account.")
    if isinstance(bucket.logs_to, Unknown):
        raise RefusedError(f"It is not known whether it logs: {bucket.logs_to.why}.")
    place = Place(
        wish.target or _usual_target(account, bucket), wish.prefix or f"{bucket.name}/", "EventTime"
    )
    if place.bucket == bucket.name:
        raise RefusedError("It would log into itself; name another bucket as target.")
    if bucket.name in account.way_of(place.bucket):
        raise RefusedError(f"It would log into itself by way of {place.bucket}; name another target.")
    if not place.prefix.endswith("/") or invisible_characters(place.prefix):
        raise RefusedError(
            f"The prefix '{visible(place.prefix)}' has to end in '/' and be visible throughout."
        )
    if bucket.logs_to not in (None, place) and not replacing:
        now = bucket.logs_to
        how = "with simple keys" if now.date_source is None else f"with keys by {now.date_source}"
        raise RefusedError(
            f"It logs to {visible(f'{now.bucket}/{now.prefix}')} already, {how}; `replace` would change it."
        )
    return bucket, place, _fit_target(account, bucket, place.bucket)


def _usual_target(account: Account, bucket: Bucket) -> str:
    """Return the one bucket that those of the region log to."""
    used = {
        other.logs_to.bucket
        for other in account.buckets.values()
        if isinstance(other.logs_to, Place)
        and other.logs_to.bucket not in (other.name, bucket.name)
        and other.region == bucket.region
    }
    if len(used) != 1:
        others = (
            f"the others of its region log to {', '.join(sorted(used))}"
            if used
            else "no other of its region logs"
        )
        raise RefusedError(f"Name its target, {bucket.name}=target-bucket/prefix/: {others}.")
    return used.pop()


def _fit_target(account: Account, bucket: Bucket, name: str) -> Target:
    target = account.targets.get(name)
    if not isinstance(target, Target):
        why = (
            target.value
            if isinstance(target, Elsewhere)
            else f"is not known: {target.why if target else '?'}"
        )
        raise RefusedError(f"The target {name} {why}.")
    for region, whose in ((bucket.region, bucket.name), (account.buckets[name].region, name)):
        if isinstance(region, Unknown):
            raise RefusedError(f"The region of {whose} is not known: {region.why}.")
    if bucket.region != account.buckets[name].region:
        raise RefusedError(
            f"The bucket is in {bucket.region}, the target {name} in {account.buckets[name].region}; "
            "S3 delivers only inside a region."
        )
    for reason in (public_reason(target), refusal_reason(target)):
        if isinstance(reason, Unknown):
            raise RefusedError(f"It is not known whether the target {name} is fit for logs: {reason.why}.")
        if reason:
            raise RefusedError(f"The target {name} is not fit for logs: {reason}.")
    may, why = may_encrypt(account, bucket, target)
    if may is False:
        raise RefusedError(f"The target {name} is not fit for logs: {why}.")
    return target
