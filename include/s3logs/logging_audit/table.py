"""The audit for a terminal of 120 columns: a table, and below it what the findings mean and what to do."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from textwrap import fill

from include.s3logs.logging_audit.facts import Account, Bucket, Place, Unknown
from include.s3logs.logging_audit.findings import Finding, Severity, by_bucket
from include.s3logs.logging_audit.invisible import visible, width

_WIDTH = 120
_MARKS = {Severity.PROBLEM: "!!", Severity.WARNING: "!", Severity.UNKNOWN: "?"}
_TITLES = {Severity.PROBLEM: "PROBLEMS", Severity.WARNING: "WARNINGS", Severity.UNKNOWN: "NOT KNOWN"}
_KEYS = {None: "simple", "EventTime": "event day", "DeliveryTime": "delivery day"}
_HEADER = ("", "BUCKET", "REGION", "LOGS TO", "KEYS", "FINDINGS")
_WIDEST = (2, 28, 14, 30, 12, 24)  # columns; what is wider goes on in the next line


def as_table(account: Account, found: Sequence[Finding]) -> str:
    """Return the report for people."""
    received, wrong = account.received(), by_bucket(found)
    rows = [_HEADER] + [
        _row(bucket, len(received.get(name, [])), wrong.get(name, []))
        for name, bucket in account.buckets.items()
    ]
    parts = [_summary(account, found), "\n".join(_aligned(rows))]
    for severity in Severity:
        if explained := [finding for finding in found if finding.severity is severity]:
            parts.append(_explain(severity, explained))
    return "\n\n".join(parts) + "\n"


def _summary(account: Account, found: Sequence[Finding]) -> str:
    whose = "" if isinstance(account.number, Unknown) else f" of account {account.number}"
    logging = sum(isinstance(bucket.logs_to, Place) for bucket in account.buckets.values())
    numbers = Counter(finding.severity for finding in found)
    return (
        f"S3 access logging{whose}: {_plural(len(account.buckets), 'bucket')}, {logging:,} of them "
        f"{'logs' if logging == 1 else 'log'}. {_plural(numbers[Severity.PROBLEM], 'problem')} (!!), "
        f"{_plural(numbers[Severity.WARNING], 'warning')} (!), {numbers[Severity.UNKNOWN]:,} not known (?)."
    )


def _plural(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _row(bucket: Bucket, received: int, found: Sequence[Finding]) -> tuple[str, ...]:
    severities = {finding.severity for finding in found}
    mark = next((_MARKS[severity] for severity in Severity if severity in severities), "")
    place, keys = bucket.logs_to, ""
    if isinstance(place, Place):
        where, keys = visible(f"{place.bucket}/{place.prefix}"), _KEYS[place.date_source]
    else:
        where = "?" if isinstance(place, Unknown) else "-"
        where += f" (receives from {received})" if received else ""
    region = "?" if isinstance(bucket.region, Unknown) else bucket.region
    names = "\n".join(f.name + (" ?" if f.severity is Severity.UNKNOWN else "") for f in found)
    return (mark, bucket.name, region, where, keys, names)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines of the rows; a cell has as many lines as it needs."""
    folded = [[_fold(cell, widest) for cell, widest in zip(row, _WIDEST, strict=True)] for row in rows]
    widths = [max(width(line) for row in folded for line in row[column]) for column in range(len(_HEADER))]
    lines = []
    for row in folded:
        for number in range(max(len(cell) for cell in row)):
            cells = [cell[number] if number < len(cell) else "" for cell in row]
            padded = [cell + " " * (wide - width(cell)) for cell, wide in zip(cells, widths, strict=True)]
            lines.append("  ".join(padded).rstrip())
    return lines


def _fold(cell: str, widest: int) -> list[str]:
    """Cut where the name is, if it is well chosen, divided anyway."""
    lines = []
    for line in cell.split("\n"):
        rest = line
        while width(rest) > widest:
            length = len(rest)
            while width(rest[:length]) > widest:
                length -= 1
            divided = max(rest.rfind(mark, 0, length) for mark in "/-._") + 1
            length = divided if divided > length // 2 else length
            lines.append(rest[:length])
            rest = rest[length:]
        lines.append(rest)
    return lines


def _explain(severity: Severity, found: Sequence[Finding]) -> str:
    """Group by finding: a sentence for each bucket (for all that share it), and what to do."""
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in found:
        groups[finding.name, finding.remedy].append(finding)
    lines = [_TITLES[severity]]
    for (name, remedy), members in sorted(groups.items()):
        sentences: dict[str, list[str]] = defaultdict(list)
        for member in members:
            sentences[member.message].append(member.bucket)
        lines += ["", f"{_MARKS[severity]:<2}  {name}"]
        lines += [_wrapped(f"{', '.join(who)}: {sentence}") for sentence, who in sentences.items()]
        lines.append(_wrapped(f"→ {remedy}"))
    return "\n".join(lines)


def _wrapped(text: str) -> str:
    return fill(
        text,
        _WIDTH,
        initial_indent=" " * 4,
        subsequent_indent=" " * 6,
        break_on_hyphens=False,
        break_long_words=False,
    )
