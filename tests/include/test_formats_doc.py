"""docs/formats.md explains every file and column that is published."""

import json
import re
from datetime import date
from pathlib import Path

from include.s3logs.catalogs import CLAIMS
from include.s3logs.privacy import Masking
from include.s3logs.publish import publish
from include.s3logs.store import LocalStore

DOC = (Path(__file__).parents[2] / "docs/formats.md").read_text()


def documented(name):
    return re.search(rf"`(<dataset>/|archive/|status/)?{re.escape(name)}`", DOC) is not None


def test_every_published_file_column_and_key_is_documented(tmp_path):
    from include.s3logs.tables import TOTALS
    from include.s3logs.usage_files import COLUMNS

    lake = LocalStore(tmp_path)
    publish(lake, Masking(50, 20), [date(2024, 6, 1)])
    keys = [info.key for info in lake.list("usage/")] + ["status/log_days.tsv"]
    assert len(keys) == 6
    for key in keys:
        assert documented(key.rpartition("/")[2]), key
    columns = (tmp_path / "status/log_days.tsv").read_text().splitlines()[0].split("\t")
    totals = json.loads((tmp_path / "usage/archive_totals.json").read_text())
    for name in (*columns, *totals, *COLUMNS.values(), *TOTALS, *CLAIMS.names):
        assert documented(name), name
    for role in COLUMNS:
        assert f"{role}.tsv" in DOC
