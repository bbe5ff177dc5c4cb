"""docs/formats.md explains every file and column that is published."""

import json
import re
from datetime import date
from io import BytesIO

import pyarrow.parquet as pq

from include.s3logs.catalogs.claims import CLAIMS
from include.s3logs.logging_audit.facts import Account, Bucket
from include.s3logs.logging_audit.findings import RULES, Severity, findings
from include.s3logs.logging_audit.report import DATA, TABLE, as_json
from include.s3logs.publishing.asset_types import OTHERS, TYPES
from include.s3logs.publishing.publish import publish
from tests.support.paths import PROJECT
from tests.support.small_archive import EXACT, FIRST, Archive, line

DOC = (PROJECT / "docs/formats.md").read_text()


def documented(name):
    return re.search(rf"`([^`]*/)?{re.escape(name)}`", DOC) is not None


def test_every_published_file_column_and_key_is_documented(tmp_path):
    archive = Archive(tmp_path)
    archive.do(FIRST, line(), line("nobodys.txt"))
    publish(archive.lake, EXACT, [date(2024, 6, 1)])
    assert len(archive.files()) > 30
    names = set()
    for key, data in archive.contents().items():
        _, folder, *below = key.split("/")
        if below[:1] == ["logs"]:
            below[-1] = below[-1].replace("2024-06", "<YYYY-MM>")
        place = "archive" if folder == "archive" else "<dataset>"
        names.add(f"{place}/{below[-1]}" if below else folder)
        if key.endswith(".parquet"):
            names |= set(pq.read_schema(BytesIO(data)).names)
        elif key.endswith("requester_count.tsv"):
            assert data.strip().isdigit()
        elif key.endswith(".tsv") and "per_week" not in key:
            names |= set(data.decode().split("\n")[0].split("\t"))
    totals = json.loads(archive.lake.read("usage/archive_totals.json"))
    place = json.loads(archive.lake.read("usage/region_coordinates.json"))
    names |= {*totals, *CLAIMS.names, *TYPES, OTHERS, "latitude", "longitude"}
    assert place == {"bogon": None}
    assert {"archive/by_dataset.tsv", "<dataset>/by_day.parquet", "<dataset>/<YYYY-MM>.tsv"} <= names
    for name in names:
        last = name.rpartition("/")[2].removesuffix(".parquet").removesuffix(".tsv")
        assert any(documented(f"{last}{ending}") for ending in ("", ".tsv", ".parquet")), name


def test_every_key_and_finding_of_the_logging_audit_is_documented():
    account = Account("123456789012", {"reef-data": Bucket("reef-data", "us-east-1", None)})
    data = json.loads(as_json(account, findings(account)))
    (bucket,) = data["buckets"]
    (finding,) = bucket["findings"]
    names = {*data, *bucket, *finding, *Severity, *(rule.name for rule in RULES), TABLE, DATA}
    assert len(names) > 30
    for name in names:
        assert documented(name), name
