"""Parts of pages between their marks, and tables."""

import pytest

from include.s3logs.documents.markdown import columns_in_tables, columns_table, filled, named, table
from include.s3logs.tables.schemas import Column

PAGE = """# Figures
by hand
<!-- made by make docs: one -->
old
<!-- end -->
between
<!-- made by make docs: two -->
<!-- end -->
"""
KEY, DAY = Column("key", "text", "the key"), Column("day", "date", "the day")


def test_only_what_stands_between_marks_is_made_anew():
    page = filled(PAGE, {"one": "1\n", "two": "2"})
    assert page == PAGE.replace("old", "1").replace("two -->\n", "two -->\n2\n")
    assert filled(page, {"one": "1", "two": "2"}) == page


@pytest.mark.parametrize(
    "parts", [{"one": ""}, {"one": "", "two": "", "three": ""}, {"one": "", "three": ""}]
)
def test_a_part_without_marks_and_marks_without_a_part_are_refused(parts):
    with pytest.raises(ValueError, match="has marks for"):
        filled(PAGE, parts)


def test_a_cell_may_hold_what_ends_a_cell_or_nothing():
    assert table(("a", "b"), [("x|y", "")]) == "| a | b |\n|---|---|\n| x\\|y | |\n"


def test_a_column_of_several_tables_stands_there_once():
    assert columns_table([KEY, DAY, KEY]).count("`key`") == 1
    rows = columns_in_tables({"first": (KEY, DAY), "second": (KEY,)}).splitlines()[2:]
    assert rows == [
        "| `key` | a text | the key | `first`, `second` |",
        "| `day` | a UTC day | the day | `first` |",
    ]


def test_measures_are_named_in_two_words_where_all_are_there():
    assert named((KEY, DAY), (DAY,)) == "`key`, the measures"
    assert named((KEY, DAY), (DAY, Column("week", "date", ""))) == "`key`, `day`"
