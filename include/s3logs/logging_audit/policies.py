"""Does the policy of a bucket, or of a key, let S3 deliver log objects? Yes, no, or: that cannot be judged.

A verdict is True, False or None (cannot be judged). Only what is certain of a delivery is judged: who puts
the object, which, for which bucket of whose account, and that it comes over TLS.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SERVICE = "logging.s3.amazonaws.com"
ACTION = "s3:PutObject"
KEY_ACTION = "kms:GenerateDataKey"
_ARN_PARTS = 5  # colons that separate; those after are part of the resource


@dataclass(frozen=True, slots=True)
class Delivery:
    """The request that puts a log object, or uses a key for one: the ARN of it, and what is known of it."""

    resource: str
    context: Mapping[str, str]
    """By condition key, in lower case."""
    action: str = ACTION

    @classmethod
    def of(cls, resource: str, source_arn: str, account: str | None, action: str = ACTION) -> "Delivery":
        """Return the delivery of a log object of the bucket `source_arn`."""
        context = {
            "aws:sourcearn": source_arn,
            "aws:securetransport": "true",
            "aws:principalisawsservice": "true",
            "aws:principalservicename": SERVICE,
        }
        return cls(resource, context | ({"aws:sourceaccount": account} if account else {}), action)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a policy, and the reason for what is not True (the end of a sentence)."""

    allows: bool | None
    denies: bool | None
    why: str


def judge(policy: Mapping[str, Any] | None, delivery: Delivery) -> Judgement:
    """Judge all statements: those that allow the delivery, and those that deny it."""
    allows: bool | None = False
    denies: bool | None = False
    what = "put objects there" if delivery.action == ACTION else f"do {delivery.action}"
    no_permission = f"no statement of its policy lets {SERVICE} {what}"
    denial = ""
    for number, statement in enumerate(statements(policy), 1):
        name = f"statement {statement.get('Sid') or number} of its policy"
        applies = _applies(statement, delivery)
        if statement.get("Effect") == "Allow":
            if applies is None and allows is False:
                allows = None
                no_permission = f"{name} has conditions that cannot be judged from here"
            allows = True if applies else allows
        elif applies:
            return Judgement(allows, True, f"{name} denies it")
        elif applies is None:
            denies, denial = None, f"{name} may deny it, by conditions that cannot be judged from here"
    return Judgement(allows, denies, denial if allows else no_permission)


def statements(policy: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Return the statements of a policy; a single one may stand there without a list."""
    found = (policy or {}).get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)


def _applies(statement: Mapping[str, Any], delivery: Delivery) -> bool | None:
    return _all(
        (
            _is_principal(statement),
            _matches(statement, "Action", delivery.action, ignore_case=True),
            _matches(statement, "Resource", delivery.resource),
            _conditions_hold(statement.get("Condition") or {}, delivery.context),
        )
    )


def _is_principal(statement: Mapping[str, Any]) -> bool | None:
    if "NotPrincipal" in statement:
        named = _names_service(statement["NotPrincipal"])
        return None if statement.get("Effect") == "Allow" else not named
    return _names_service(statement.get("Principal", {}))


def _names_service(principal: Any) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    return SERVICE in _list(principal.get("Service", [])) or "*" in _list(principal.get("AWS", []))


def _matches(
    statement: Mapping[str, Any], element: str, value: str, ignore_case: bool = False
) -> bool | None:
    negated = f"Not{element}" in statement
    patterns = _list(statement.get(f"Not{element}" if negated else element, []))
    found = _any(_like(pattern, value, ignore_case) for pattern in patterns)
    return _not(found) if negated else found


def _conditions_hold(conditions: Mapping[str, Any], context: Mapping[str, str]) -> bool | None:
    return _all(
        _condition_holds(operator, context.get(key.lower()), _list(values))
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _condition_holds(operator: str, actual: str | None, values: list[str]) -> bool | None:
    operator = operator.removesuffix("IfExists")
    if actual is None:
        return None
    if operator == "Null":
        return _any(value.lower() == "false" for value in values)
    negated = "Not" in operator
    compare = _OPERATORS.get(operator.replace("Not", "", 1))
    if compare is None:
        return None
    found = _any(compare(value, actual) for value in values)
    return _not(found) if negated else found


def _equal(value: str, actual: str) -> bool | None:
    return None if "${" in value else value == actual


def _equal_in_any_case(value: str, actual: str) -> bool | None:
    return _equal(value.lower(), actual.lower())


def _arn_like(pattern: str, actual: str) -> bool | None:
    parts, actual_parts = pattern.split(":", _ARN_PARTS), actual.split(":", _ARN_PARTS)
    if len(parts) != len(actual_parts):
        return None if "${" in pattern else False
    return _all(_like(part, actual_part) for part, actual_part in zip(parts, actual_parts, strict=True))


def _like(pattern: str, actual: str, ignore_case: bool = False) -> bool | None:
    if "${" in pattern:  # a variable, unless it is one of the three that stand for a character
        return None
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, actual, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


_OPERATORS: dict[str, Callable[[str, str], bool | None]] = {
    "StringEquals": _equal,
    "StringEqualsIgnoreCase": _equal_in_any_case,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": _equal_in_any_case,
}


def _list(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [_text(value)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    found = list(verdicts)
    return False if False in found else None if None in found else True


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    found = list(verdicts)
    return True if True in found else None if None in found else False


def _not(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict
