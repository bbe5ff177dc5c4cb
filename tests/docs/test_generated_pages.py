"""What is made from the code is what the pages say."""

from dataclasses import replace

import pytest

from include.s3logs.documents import kept, stages
from include.s3logs.documents.pages import pages
from include.s3logs.lake import stages as declared
from include.s3logs.lake.stages import STAGES, StageFile
from include.s3logs.tables.schemas import Column
from tests.support.new_stage import COUNTED
from tests.support.pages import named

ROWS = Column("rows", "int64", "how many there are")
TABLE = StageFile("numbers", "parquet", "a row for each key", (ROWS,))


@pytest.mark.parametrize("page", pages(), ids=named)
def test_every_generated_page_is_up_to_date(page):
    assert page.read_text("utf-8") == pages()[page], f"{named(page)} is out of date: run `make docs`"


def test_a_stage_that_is_added_is_on_the_page(monkeypatch):
    monkeypatch.setattr(declared, "STAGES", (*STAGES, COUNTED))
    section = stages.parts()["stages"].partition("## `counted/`\n\n")[2].partition("\n## ")[0]
    assert section == (
        "`count`, version 1, reads `mapped/`: how many rows the day has.\n\n"
        "| file | what is in it | columns |\n|---|---|---|\n"
        "| `count-<attempt>.txt` | the number of rows | |\n"
    )
    assert "`counted/<log day>/_checkpoint.json`, `count-<attempt>.txt`" in kept.parts()["lake"]


def test_a_table_of_a_stage_is_there_with_its_columns(monkeypatch):
    monkeypatch.setattr(declared, "STAGES", (replace(COUNTED, files=(TABLE,)),))
    page = stages.parts()["stages"]
    assert "| `numbers-<attempt>.parquet` | a row for each key | `rows` |\n" in page
    assert "\n| `rows` | a whole number | how many there are |\n" in page
