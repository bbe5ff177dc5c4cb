"""What is wrong with a bucket's logging. A finding is one function; a new one is one more."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from include.s3logs.logging_audit.encryption import may_encrypt
from include.s3logs.logging_audit.facts import (
    Account,
    Bucket,
    DateSource,
    Elsewhere,
    Encryption,
    Place,
    Target,
    Unknown,
)
from include.s3logs.logging_audit.invisible import invisible_characters, visible
from include.s3logs.logging_audit.lifecycles import expires_or_moves, gone_too_soon
from include.s3logs.logging_audit.policies import KEY_ACTION, SERVICE
from include.s3logs.logging_audit.targets import may_deliver, public_reason, refusal_reason

SETTLING_DAYS = 10
_SHOWN = 3  # names of others, in a sentence


class Severity(StrEnum):
    """What a finding means to those who need the logs."""

    PROBLEM = "problem"
    """Log records get lost, or are seen by others, or make more of themselves."""
    WARNING = "warning"
    """It works, and should be mended."""
    UNKNOWN = "unknown"
    """S3 did not say what is needed to tell."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one bucket: a sentence, and what to do."""

    bucket: str
    name: str
    severity: Severity
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Case:
    """A bucket with all that rules look at: where it logs to, and what it is itself as a target."""

    account: Account
    bucket: Bucket
    settling_days: int
    senders: Mapping[tuple[str, str], Sequence[tuple[str, DateSource | None]]]
    """For each place, its bucket and prefix: the buckets that log there, and with which keys."""

    @property
    def place(self) -> Place | None:
        """Where it logs to; None also if that is unknown."""
        return self.bucket.logs_to if isinstance(self.bucket.logs_to, Place) else None

    @property
    def target(self) -> Target | Elsewhere | Unknown | None:
        """What the bucket is like that it logs to."""
        return self.account.targets[self.place.bucket] if self.place else None

    @property
    def as_target(self) -> Target | None:
        """What it is like for the buckets that log to it; None if none does."""
        found = self.account.targets.get(self.bucket.name)
        return found if isinstance(found, Target) else None


Judge = Callable[[Case], str | Unknown | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """What makes a finding."""

    name: str
    severity: Severity
    remedy: str
    judge: Judge


RULES: list[Rule] = []


def findings(account: Account, settling_days: int = SETTLING_DAYS) -> list[Finding]:
    """Return what is wrong with all buckets, in order of their names and of the rules below.

    Log objects have to stay readable for `settling_days`.
    """
    found = []
    senders = defaultdict[tuple[str, str], list[tuple[str, DateSource | None]]](list)
    for bucket in account.buckets.values():
        if isinstance(at := bucket.logs_to, Place):
            senders[at.bucket, at.prefix].append((bucket.name, at.date_source))
    for bucket in account.buckets.values():
        case = Case(account, bucket, settling_days, senders)
        for rule in RULES:
            result = rule.judge(case)
            if isinstance(result, Unknown):
                found.append(Finding(bucket.name, rule.name, Severity.UNKNOWN, result.why, _MAKE_KNOWN))
            elif result is not None:
                found.append(Finding(bucket.name, rule.name, rule.severity, result, rule.remedy))
    return found


_MAKE_KNOWN = "Allow the credentials what is missing, or look at it yourself."


def _finding(severity: Severity, remedy: str) -> Callable[[Judge], Judge]:
    """Make a finding of a function: its name is the finding's, what it returns is the sentence.

    It returns None if all is well, and Unknown if S3 did not say what is needed to tell.
    """

    def add(judge: Judge) -> Judge:
        RULES.append(Rule(judge.__name__.replace("_", "-"), severity, remedy, judge))
        return judge

    return add


def by_bucket(found: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the findings of each bucket that has any."""
    buckets: dict[str, list[Finding]] = {}
    for finding in found:
        buckets.setdefault(finding.bucket, []).append(finding)
    return buckets


def _undetermined(question: str, answer: Unknown) -> Unknown:
    return Unknown(f"It is not known {question}: {answer.why}.")


@_finding(Severity.WARNING, "If its usage matters, name it in `switch_on` when you trigger this DAG.")
def not_logging(case: Case) -> str | Unknown | None:
    """A bucket that receives logs need not log itself."""
    if isinstance(case.bucket.logs_to, Unknown):
        return _undetermined("whether it logs", case.bucket.logs_to)
    if case.bucket.logs_to is None and case.as_target is None:
        return "The bucket does not log."
    return None


@_finding(Severity.PROBLEM, "Let it log into a bucket that does not log, or logs into a third one.")
def logs_into_itself(case: Case) -> str | None:
    """Directly, or by way of other buckets."""
    way = list(case.account.way_of(case.bucket.name))
    if case.bucket.name not in way:
        return None
    between = way[: way.index(case.bucket.name)]
    by_way_of = f", by way of {' and '.join(between)}" if between else ""
    return f"The bucket logs into itself{by_way_of}: each log object makes records for the next, without end."


@_finding(Severity.PROBLEM, "Let it log into a bucket of this account; nothing is delivered as it is.")
def no_such_target(case: Case) -> str | Unknown | None:
    """Somebody else may have, or make, a bucket of that name."""
    if isinstance(case.target, Unknown):
        return _undetermined(f"whose the target {_name(case)} is", case.target)
    return f"The target {_name(case)} {case.target.value}." if isinstance(case.target, Elsewhere) else None


@_finding(Severity.PROBLEM, "S3 delivers only inside a region: choose a target in the bucket's region.")
def target_in_another_region(case: Case) -> str | None:
    """A region that is not known says nothing."""
    target = case.account.buckets.get(case.place.bucket) if case.place else None
    if target is None or isinstance(target.region, Unknown) or isinstance(case.bucket.region, Unknown):
        return None
    if target.region == case.bucket.region:
        return None
    return f"The bucket is in {case.bucket.region}, its target {target.name} in {target.region}."


@_finding(
    Severity.PROBLEM,
    f"Add a statement to the target's policy that allows {SERVICE} s3:PutObject below the prefix, or mend "
    "the one that denies it.",
)
def no_delivery_permission(case: Case) -> str | Unknown | None:
    """By the target's policy, or by its access control list where that counts."""
    if not case.place or not isinstance(case.target, Target):
        return None
    allowed, why = may_deliver(case.account, case.bucket, case.place, case.target)
    if allowed is None:
        return _undetermined(f"whether S3 may deliver to {_name(case)}", Unknown(why))
    return None if allowed else f"S3 may not deliver to {_name(case)}: {why}."


@_finding(
    Severity.PROBLEM,
    f"Encrypt by default with SSE-S3 (AES256); or with a key whose policy lets {SERVICE} do {KEY_ACTION}.",
)
def no_use_of_the_key(case: Case) -> str | Unknown | None:
    """Of a target that encrypts with KMS."""
    if not case.place or not isinstance(case.target, Target):
        return None
    allowed, why = may_encrypt(case.account, case.bucket, case.target)
    if allowed is None:
        return _undetermined(f"whether S3 may encrypt what it delivers to {_name(case)}", Unknown(why))
    return None if allowed else f"S3 may not encrypt what it delivers to {_name(case)}: {why}."


@_finding(
    Severity.WARNING,
    "Allow kms:Decrypt on the key to all who read the logs, s3logs too; or encrypt with SSE-S3 (AES256).",
)
def readers_need_the_key(case: Case) -> str | None:
    """A finding of the bucket that receives logs; what readers may is not known from here."""
    encryption = case.as_target.encryption if case.as_target else None
    if not isinstance(encryption, Encryption):
        return None
    key = encryption.key or "aws/s3, which other accounts can never use"
    return f"It receives logs, and who reads them needs kms:Decrypt on the key {key}."


@_finding(Severity.WARNING, "Give each bucket its own prefix, or partitioned keys, which name the bucket.")
def shares_its_prefix(case: Case) -> str | None:
    """Simple keys do not say which bucket a log object is about.

    Partitioned ones do, by account, region and bucket: in one prefix they lie in a folder for each.
    """
    if not case.place:
        return None
    where = (case.place.bucket, case.place.prefix)
    senders = case.senders[where]
    simple = [name for name, source in senders if source is None]
    if len(senders) == 1 or not simple:
        return None
    more = f" and {len(simple) - _SHOWN:,} more" if len(simple) > _SHOWN else ""
    return (
        f"{len(senders):,} buckets log to {visible('/'.join(where))}, with simple keys those of "
        f"{', '.join(simple[:_SHOWN])}{more}: their log objects lie mixed."
    )


@_finding(Severity.PROBLEM, "Type the prefix anew; log objects that are there keep the old one.")
def invisible_character(case: Case) -> str | None:
    """Whoever types the prefix as it looks finds nothing below it."""
    names = invisible_characters(case.place.prefix) if case.place else []
    if not case.place or not names:
        return None
    return f"The prefix '{visible(case.place.prefix)}' holds what cannot be seen: {', '.join(names)}."


@_finding(Severity.WARNING, "End the prefix in `/`; or leave it empty and let the keys be partitioned.")
def prefix_without_slash(case: Case) -> str | None:
    """Partitioned keys begin with the account where there is no prefix."""
    place = case.place
    if place is None or place.prefix.endswith("/"):
        return None
    if place.prefix:
        return f"The prefix '{visible(place.prefix)}' does not end in '/': log objects' names run on from it."
    return None if place.date_source else f"There is no prefix: log objects lie about in {place.bucket}."


@_finding(Severity.WARNING, "Add a lifecycle rule for the prefix: expire log objects, or move them.")
def no_lifecycle(case: Case) -> str | Unknown | None:
    """Only rules that cover all of the bucket's log objects count."""
    if not case.place or not isinstance(case.target, Target):
        return None
    expires = expires_or_moves(case.account, case.bucket, case.place, case.target)
    if isinstance(expires, Unknown):
        return _undetermined(f"whether log objects in {_name(case)} expire", expires)
    where = visible(f"{case.place.bucket}/{case.place.prefix}")
    return None if expires else f"No lifecycle rule expires or moves what is below {where}; it piles up."


@_finding(
    Severity.PROBLEM,
    "Let the rule wait for the settling days at least, counted in days, not from a date: what is gone or "
    "archived before is not counted.",
)
def gone_before_it_settles(case: Case) -> str | None:
    """Or archived: then it cannot be read without being restored."""
    if not case.place or not isinstance(case.target, Target):
        return None
    how = gone_too_soon(case.account, case.bucket, case.place, case.target, case.settling_days)
    days = f"S3LOGS_SETTLING_DAYS={case.settling_days}"
    return f"Log objects in {_name(case)} {how}, before a log day is settled ({days})." if how else None


@_finding(Severity.PROBLEM, "Block public access to the bucket: log records hold IP addresses.")
def public_target(case: Case) -> str | Unknown | None:
    """A finding of the bucket that receives logs, not of each that logs to it."""
    target = case.as_target
    if target is None:
        return None
    reason = public_reason(target)
    if isinstance(reason, Unknown):
        return _undetermined("whether the public sees the logs it receives", reason)
    return f"It receives logs, and {reason}." if reason else None


@_finding(Severity.PROBLEM, "Switch it off for the bucket: S3 delivers no logs to it as it is.")
def target_that_refuses(case: Case) -> str | Unknown | None:
    """Settings of a bucket to which S3 delivers no logs, as AWS documents it."""
    reason = refusal_reason(case.as_target) if case.as_target else None
    if isinstance(reason, Unknown):
        return _undetermined("whether it can receive logs", reason)
    return f"It receives logs, and {reason}." if reason else None


def _name(case: Case) -> str:
    return case.place.bucket if case.place else ""
