"""Switching logging on, for buckets that are named, with the settings that suit this project.

Keys are partitioned by the day of the *event*: a log day then holds the requests of that day and no others,
and a record that S3 delivers twice lies twice in the same log day, where reduce finds it. By the day of
delivery, or with simple keys, the second one may lie in the next log day and would count again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.s3logs.logging_audit.ask import S3Api, look_at_target, read_place, read_policy
from include.s3logs.logging_audit.facts import Account, Bucket, Place, Target, Unknown
from include.s3logs.logging_audit.invisible import visible
from include.s3logs.logging_audit.policies import ACTION, SERVICE, statements
from include.s3logs.logging_audit.targets import may_deliver
from include.s3logs.logging_audit.wishes import RefusedError, Wish, judged
from include.s3logs.stores.s3_errors import explain, said

LARGEST_POLICY = 20 * 1024  # bytes that S3 takes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a wish: `nothing to do`, `to be switched on`, `switched on`, `refused`, `failed`."""

    bucket: str
    outcome: str
    message: str

    @property
    def changed(self) -> bool:
        """Whether anything was written, or may have been before it failed."""
        return self.outcome in {"switched on", "failed"}

    @property
    def is_denied(self) -> bool:
        """Whether the bucket does not log as wished, and will not by itself."""
        return self.outcome in {"refused", "failed"}


class _FailedError(Exception):
    """What went wrong while a wish was granted."""


def switch_on(
    api: S3Api,
    account: Account,
    wishes: Iterable[Wish],
    *,
    dry_run: bool,
    replacing: bool = False,
) -> list[Outcome]:
    """Do as wished, one bucket after the other, or say what would be done; a refusal stops no other wish."""
    outcomes = []
    for wish in wishes:
        try:
            outcome, account = _grant(api, account, wish, dry_run=dry_run, replacing=replacing)
        except RefusedError as refusal:
            outcome = Outcome(wish.bucket, "refused", str(refusal))
        except _FailedError as failure:
            outcome = Outcome(wish.bucket, "failed", str(failure))
        except ClientError as failure:
            outcome = Outcome(wish.bucket, "failed", f"{failure.operation_name}: {said(failure)}")
        except BotoCoreError as failure:
            outcome = Outcome(wish.bucket, "failed", str(explain(failure, "S3 does not answer")))
        outcomes.append(outcome)
    return outcomes


def _grant(
    api: S3Api, account: Account, wish: Wish, *, dry_run: bool, replacing: bool
) -> tuple[Outcome, Account]:
    """Return what was done, and the account as the next wish meets it."""
    account = _with_target(api, account, wish.target)
    bucket, place, target = judged(account, wish, replacing)
    policy, doubt = _permission(account, bucket, place, target)
    what = f"to {visible(f'{place.bucket}/{place.prefix}')}, keys by event day{doubt}"
    if bucket.logs_to == place and policy is None:
        return Outcome(bucket.name, "nothing to do", f"It logs {what}."), account
    if not dry_run:
        if policy:
            policy = _put_policy(api, account, bucket, place, target)
        if bucket.logs_to != place:
            _put_logging(api, bucket, place)
    if policy:
        what += f"; the policy of {place.bucket} {'would get' if dry_run else 'got'} a statement for it"
    outcome = (
        Outcome(bucket.name, "to be switched on", f"It would log {what}.")
        if dry_run
        else Outcome(bucket.name, "switched on", f"It logs {what}. Read back and found so.")
    )
    return outcome, _after(account, bucket, place, target, policy)


def _with_target(api: S3Api, account: Account, name: str) -> Account:
    """Look at a target that no bucket logs to yet."""
    if not name or name in account.targets:
        return account
    return replace(account, targets={**account.targets, name: look_at_target(api, account.buckets, name)})


def _after(
    account: Account, bucket: Bucket, place: Place, target: Target, policy: Mapping[str, Any] | None
) -> Account:
    """Return the account as the next wish meets it, also in a dry run."""
    changed = replace(target, policy=policy) if policy else target
    return replace(
        account,
        buckets={**account.buckets, bucket.name: replace(bucket, logs_to=place)},
        targets={**account.targets, place.bucket: changed},
    )


def _permission(
    account: Account, bucket: Bucket, place: Place, target: Target
) -> tuple[Mapping[str, Any] | None, str]:
    """Return the policy with a statement for the bucket, None if it needs none; and what is not known."""
    if may_deliver(account, bucket, place, target)[0]:
        return None, ""
    if isinstance(target.policy, Unknown):
        raise RefusedError(f"The policy of {place.bucket} is not known: {target.policy.why}.")
    if isinstance(account.number, Unknown):
        raise RefusedError(f"The account's number is not known: {account.number.why}.")
    there, statement = statements(target.policy), _statement(account, bucket, place, account.number)
    policy = None
    if _plain(statement) not in [_plain(other) for other in there]:
        # A policy keeps its version: another one may give its other statements another meaning.
        policy = {**(target.policy or {"Version": "2012-10-17"}), "Statement": [*there, statement]}
        target = replace(target, policy=policy)
    allowed, why = may_deliver(account, bucket, place, target)
    if allowed is False:
        raise RefusedError(f"S3 could not deliver to {place.bucket}: {why}.")
    if policy and len(json.dumps(policy)) > LARGEST_POLICY:
        raise RefusedError(
            f"The policy of {place.bucket} would get larger than S3 takes (20 kB): put one statement for all "
            "buckets into it by hand."
        )
    return policy, "" if allowed else f" (whether S3 may deliver is not known: {why})"


def _statement(account: Account, bucket: Bucket, place: Place, number: str) -> dict[str, Any]:
    name = hashlib.sha256(f"{bucket.name}/{place.prefix}".encode()).hexdigest()[:16]
    return {
        "Sid": f"S3logs{name}",
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": ACTION,
        "Resource": account.arn(place.bucket, f"{place.prefix}*"),
        "Condition": {
            "ArnLike": {"aws:SourceArn": account.arn(bucket.name)},
            "StringEquals": {"aws:SourceAccount": number},
        },
    }


def _put_policy(
    api: S3Api, account: Account, bucket: Bucket, place: Place, target: Target
) -> Mapping[str, Any] | None:
    """Add the statement to the policy as it is now, so that nothing is lost that came since the audit."""
    holder = account.buckets[place.bucket]
    policy, _ = _permission(account, bucket, place, replace(target, policy=read_policy(api, holder)))
    if policy:
        api.of(holder).put_bucket_policy(Bucket=holder.name, Policy=json.dumps(policy))
        _read_back(api, lambda: read_policy(api, holder), policy, f"policy of {holder.name}")
    return policy


def _put_logging(api: S3Api, bucket: Bucket, place: Place) -> None:
    api.of(bucket).put_bucket_logging(
        Bucket=bucket.name,
        BucketLoggingStatus={
            "LoggingEnabled": {
                "TargetBucket": place.bucket,
                "TargetPrefix": place.prefix,
                "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": place.date_source}},
            }
        },
    )
    _read_back(api, lambda: read_place(api, bucket), place, "logging")


def _read_back(api: S3Api, read: Callable[[], object], wanted: object, what: str) -> None:
    """Wait until S3 says what was written."""
    pauses = iter(api.pauses)
    while _plain(found := read()) != _plain(wanted):
        if (pause := next(pauses, None)) is None:
            raise _FailedError(f"The {what} was written, but reads differently: {found}.")
        time.sleep(pause)


def _plain(value: object) -> object:
    """Return a policy without the liberties its notation allows: one item or a list of it, any order."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [_plain(item) for item in value]
    return items[0] if len(items) == 1 else sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
