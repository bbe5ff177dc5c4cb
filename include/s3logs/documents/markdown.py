"""Markdown: tables, and parts of a page that are made anew between their marks.

<!-- made by make docs: <name of the part> -->
…
<!-- end -->
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from include.s3logs.tables.schemas import KINDS, Column, Columns

Parts = dict[str, str]
"""What stands between the marks of a part, by its name."""
_PART = re.compile(r"<!-- made by make docs: (?P<name>[^>]*) -->\n.*?<!-- end -->\n", re.DOTALL)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, each row a line."""
    rule = f"|{'---|' * len(header)}\n"
    return _line(header) + rule + "".join(map(_line, rows))


def code(*texts: str) -> str:
    """Return the texts as code, one after the other."""
    return ", ".join(f"`{text}`" for text in texts)


def filled(page: str, parts: Mapping[str, str]) -> str:
    """Return a page with these parts between their marks; ValueError unless it has just these marks."""
    there = [found["name"] for found in _PART.finditer(page)]
    if sorted(there) != sorted(parts):
        raise ValueError(f"The page has marks for {sorted(there)}, and the parts are {sorted(parts)}.")
    return _PART.sub(lambda found: _marked(found["name"], parts[found["name"]]), page)


def columns_table(columns: Iterable[Column]) -> str:
    """Return what columns say, each once."""
    return table(("column", "is", "meaning"), map(_described, dict.fromkeys(columns)))


def columns_in_tables(tables: Mapping[str, Columns]) -> str:
    """Return what the columns of some tables say, each once, and which tables have them."""
    found: dict[Column, list[str]] = {}
    for name, columns in tables.items():
        for column in columns:
            found.setdefault(column, []).append(name)
    return table(
        ("column", "is", "meaning", "in"),
        ((*_described(column), code(*names)) for column, names in found.items()),
    )


def _described(column: Column) -> tuple[str, str, str]:
    return code(column.name), KINDS[column.kind], column.meaning


def named(columns: Columns, measures: Columns) -> str:
    """Return the names of columns; the measures, if they are among them, in two words."""
    if not set(measures) <= set(columns):
        return code(*(column.name for column in columns))
    return f"{code(*(column.name for column in columns if column not in measures))}, the measures"


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in escaped)}|\n"


def _marked(name: str, part: str) -> str:
    return f"<!-- made by make docs: {name} -->\n{part.strip()}\n<!-- end -->\n"
