"""What is made from the code is what the pages say."""

import pytest

from include.s3logs.documents import kept, stages
from include.s3logs.documents.pages import pages
from include.s3logs.lake import stages as declared
from include.s3logs.lake.stages import STAGES, Stage, StageFile
from include.s3logs.tables.schemas import Column
from tests.support.pages import named

ROWS = Column("rows", "int64", "how many there are")
COUNT = Stage(
    name="counted",
    task="count",
    version=7,
    reads="binned",
    does="the rows of each key → their number",
    files=(StageFile("numbers", "parquet", "a row for each key", (ROWS,)),),
)


@pytest.mark.parametrize("page", pages(), ids=named)
def test_every_generated_page_is_up_to_date(page):
    assert page.read_text("utf-8") == pages()[page], f"{named(page)} is out of date: run `make docs`"


def test_a_stage_that_is_added_is_on_the_page(monkeypatch):
    monkeypatch.setattr(declared, "STAGES", (*STAGES, COUNT))
    page = stages.parts()["stages"]
    assert (
        "## `counted/`\n\n`count`, version 7, reads `binned/`: the rows of each key → their number.\n" in page
    )
    assert "| `numbers-<attempt>.parquet` | a row for each key | `rows` |\n" in page
    assert "| `rows` | a whole number | how many there are |\n" in page
    assert "`counted/<log day>/_checkpoint.json`, `numbers-<attempt>.parquet`" in kept.parts()["lake"]
