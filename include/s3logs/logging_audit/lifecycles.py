"""Does a bucket's lifecycle take log objects away before they were read, or once they were?

A log day is looked at again until `S3LOGS_SETTLING_DAYS` are over: until then its log objects have to be
there, and readable. A rule with a date instead of days takes all that is there on that date, and from then on
everything new at once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from include.s3logs.logging_audit.facts import Account, Bucket, Place, Target, Unknown

_ARCHIVES = {"GLACIER", "DEEP_ARCHIVE"}  # from which an object has to be restored before it can be read


def expires_or_moves(account: Account, bucket: Bucket, place: Place, target: Target) -> bool | Unknown:
    """Return whether a lifecycle rule covers all log objects of the bucket at that place."""
    if isinstance(target.lifecycle, Unknown):
        return target.lifecycle
    prefixes = [_prefix_of(rule) for rule in target.lifecycle if _removes_or_moves(rule)]
    key = account.log_key(bucket, place)
    if isinstance(key, Unknown):
        return any(place.prefix.startswith(prefix) for prefix in prefixes) or (key if prefixes else False)
    return any(key.startswith(prefix) for prefix in prefixes)


def gone_too_soon(
    account: Account, bucket: Bucket, place: Place, target: Target, settling_days: int
) -> str | None:
    """Return what a rule does to log objects of the bucket before the settling days are over, if any does.

    A lifecycle that is not known, `expires_or_moves` tells of.
    """
    if isinstance(target.lifecycle, Unknown):
        return None
    key = account.log_key(bucket, place)
    beginning = place.prefix if isinstance(key, Unknown) else key
    taken = [
        (days, what)
        for rule in target.lifecycle
        if rule.get("Status") == "Enabled" and beginning.startswith(_prefix_of(rule)) and not _tags(rule)
        for days, what in _takes(rule)
        if days < settling_days
    ]
    return min(taken)[1] if taken else None


def _takes(rule: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield after how many days a rule makes objects unreadable, and how and when in words."""
    actions = [(rule.get("Expiration", {}), "expire")]
    for move in rule.get("Transitions", []):
        if (kind := move.get("StorageClass")) in _ARCHIVES:
            actions.append((move, f"are archived ({kind})"))
    for action, what in actions:
        if "Days" in action:
            yield action["Days"], f"{what} after {action['Days']} days"
        elif "Date" in action:
            yield 0, f"{what} from {action['Date']:%Y-%m-%d} on, whatever their age"


def _removes_or_moves(rule: Mapping[str, Any]) -> bool:
    """Log objects have no tags and any size, so that rules by these do not cover them."""
    expiration = rule.get("Expiration", {})
    acts = "Days" in expiration or "Date" in expiration or bool(rule.get("Transitions"))
    return rule.get("Status") == "Enabled" and acts and not (_conditions(rule).keys() - {"Prefix", "And"})


def _tags(rule: Mapping[str, Any]) -> bool:
    return bool(_conditions(rule).keys() & {"Tag", "Tags"})


def _conditions(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    conditions = rule.get("Filter", {})
    return {**conditions, **conditions.get("And", {})}


def _prefix_of(rule: Mapping[str, Any]) -> str:
    conditions = rule.get("Filter", {})
    prefix: str = conditions.get("And", conditions).get("Prefix") or rule.get("Prefix") or ""
    return prefix
