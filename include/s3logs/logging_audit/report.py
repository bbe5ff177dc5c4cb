"""The audit in the lake: the table and JSON. Both are the same bytes while nothing changes."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from include.s3logs.errors import NotFoundError
from include.s3logs.logging_audit.facts import Account, Bucket, Place, Unknown
from include.s3logs.logging_audit.findings import Finding, Severity, by_bucket
from include.s3logs.stores.store import Store

TABLE, DATA = "audit/logging.txt", "audit/logging.json"


def write_report(lake: Store, table: str, data: bytes) -> bool:
    """Write table and JSON if they changed; return whether they did."""
    files = {TABLE: table.encode(), DATA: data}
    changed = {key: content for key, content in files.items() if _read(lake, key) != content}
    for key, content in changed.items():
        lake.write(key, content)
    return bool(changed)


def _read(lake: Store, key: str) -> bytes | None:
    try:
        return lake.read(key)
    except NotFoundError:
        return None


def counts(found: Sequence[Finding]) -> dict[str, dict[str, int]]:
    """Return how many buckets have each finding, by severity."""
    numbers = Counter((finding.severity, finding.name) for finding in found)
    return {
        severity.value: {name: number for (one, name), number in sorted(numbers.items()) if one is severity}
        for severity in Severity
    }


def as_json(account: Account, found: Sequence[Finding]) -> bytes:
    """Return what `docs/formats.md` describes."""
    received, wrong = account.received(), by_bucket(found)
    data = {
        "account": _known(account.number),
        "counts": counts(found),
        "buckets": [
            _bucket(bucket, received.get(name, []), wrong.get(name, []))
            for name, bucket in account.buckets.items()
        ],
    }
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _bucket(bucket: Bucket, received: Sequence[str], found: Sequence[Finding]) -> dict[str, Any]:
    place = bucket.logs_to if isinstance(bucket.logs_to, Place) else None
    return {
        "bucket": bucket.name,
        "region": _known(bucket.region),
        "logs": None if isinstance(bucket.logs_to, Unknown) else place is not None,
        "target_bucket": place and place.bucket,
        "target_prefix": place and place.prefix,
        "key_format": place and ("partitioned" if place.date_source else "simple"),
        "date_source": place and place.date_source,
        "receives_logs_of": received,
        "findings": [
            {
                "finding": finding.name,
                "severity": finding.severity.value,
                "message": finding.message,
                "remedy": finding.remedy,
            }
            for finding in found
        ],
    }


def _known(value: str | Unknown) -> str | None:
    return None if isinstance(value, Unknown) else value
