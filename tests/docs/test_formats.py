"""docs/formats.md explains what is in no generated table: types of assets, the logging audit."""

import json
import re

import pytest

from include.s3logs.logging_audit.facts import Account, Bucket
from include.s3logs.logging_audit.findings import RULES, Severity, findings
from include.s3logs.logging_audit.report import DATA, TABLE, as_json
from include.s3logs.publishing.asset_types import OTHERS, TYPES
from tests.support.paths import PROJECT

DOC = (PROJECT / "docs/formats.md").read_text()


def documented(name):
    return re.search(rf"`([^`]*/)?{re.escape(name)}`", DOC) is not None


@pytest.mark.parametrize("name", [*TYPES, OTHERS])
def test_every_type_of_asset_is_documented(name):
    assert documented(name)


def test_every_key_and_finding_of_the_logging_audit_is_documented():
    account = Account("123456789012", {"reef-data": Bucket("reef-data", "us-east-1", None)})
    data = json.loads(as_json(account, findings(account)))
    (bucket,) = data["buckets"]
    (finding,) = bucket["findings"]
    names = {*data, *bucket, *finding, *Severity, *(rule.name for rule in RULES), TABLE, DATA}
    assert len(names) > 30
    for name in names:
        assert documented(name), name
