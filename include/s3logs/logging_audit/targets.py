"""Is a bucket fit to receive logs? Each answer may be that it is not known, and why."""

from typing import TypeVar

from include.s3logs.logging_audit.facts import Account, Bucket, Place, Target, Unknown
from include.s3logs.logging_audit.policies import Delivery, judge

_LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
_ANYBODY = {
    "http://acs.amazonaws.com/groups/global/AllUsers": "everybody",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "everybody with an AWS account",
}
_T = TypeVar("_T")


def may_deliver(account: Account, bucket: Bucket, place: Place, target: Target) -> tuple[bool | None, str]:
    """Return whether S3 may put log objects there, None if it is not known, and why not (not known)."""
    key = account.log_key(bucket, place)
    if isinstance(key, Unknown):
        return None, f"the names of its log objects are not known, because {key.why}"
    if isinstance(target.policy, Unknown):
        return None, target.policy.why
    number = None if isinstance(account.number, Unknown) else account.number
    delivery = Delivery.of(account.arn(place.bucket, key), account.arn(bucket.name), number)
    policy = judge(target.policy, delivery)
    if policy.denies:
        return False, policy.why
    by_list, why_not_by_list = _allowed_by_list(target)
    if policy.allows or by_list:
        return (True, "") if policy.denies is False else (None, policy.why)
    if policy.allows is None or by_list is None:
        return None, policy.why if policy.allows is None else why_not_by_list
    return False, policy.why + why_not_by_list


def _allowed_by_list(target: Target) -> tuple[bool | None, str]:
    """Say what the access control list does for log delivery; this is how it was done before policies."""
    if isinstance(target.grants, Unknown):
        # Without lists nothing is lost: what they say does not count.
        return (False, "") if target.ownership == "BucketOwnerEnforced" else (None, target.grants.why)
    permissions = {grant.permission for grant in target.grants if grant.grantee == _LOG_DELIVERY}
    if "FULL_CONTROL" not in permissions and not {"WRITE", "READ_ACP"} <= permissions:
        return False, ""
    if isinstance(target.ownership, Unknown):
        return None, target.ownership.why
    if target.ownership == "BucketOwnerEnforced":
        return False, ", and its access control list, which does, is void (BucketOwnerEnforced)"
    return True, ""


def public_reason(target: Target) -> str | Unknown | None:
    """Return why a bucket is public, None if it is not; as far as its own settings go, not the account's."""
    by_policy = _unless_blocked(target, "RestrictPublicBuckets", target.policy_is_public)
    by_list = _unless_blocked(target, "IgnorePublicAcls", _list_readers(target))
    if by_policy is True:
        return "its policy is public"
    if isinstance(by_list, str):
        return f"its access control list lets {by_list} in"
    return next((answer for answer in (by_policy, by_list) if isinstance(answer, Unknown)), None)


def _list_readers(target: Target) -> str | Unknown | None:
    if target.ownership == "BucketOwnerEnforced":
        return None
    if isinstance(target.grants, Unknown):
        return target.grants
    readers = sorted({_ANYBODY[grant.grantee] for grant in target.grants if grant.grantee in _ANYBODY})
    if readers and isinstance(target.ownership, Unknown):
        return target.ownership
    return readers[0] if readers else None


def _unless_blocked(target: Target, setting: str, answer: _T | Unknown) -> _T | Unknown | None:
    """Return the answer unless the setting makes it void."""
    if not answer:
        return answer
    if isinstance(target.blocked, Unknown):
        return target.blocked
    return None if setting in target.blocked else answer


def refusal_reason(target: Target) -> str | Unknown | None:
    """Return the setting for which S3 delivers no logs to a bucket, None if there is none."""
    if target.requester_pays is True:
        return "its requesters pay (Requester Pays)"
    if target.retention is True:
        return "Object Lock keeps every new object by default"
    answers = (target.requester_pays, target.retention)
    return next((answer for answer in answers if isinstance(answer, Unknown)), None)
