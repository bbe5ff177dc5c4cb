"""Of `docs/formats.md`: the published files and their columns."""

from include.s3logs.documents.markdown import Parts, code, columns_in_tables, columns_table, named, table
from include.s3logs.publishing.schemas import (
    ARCHIVE_TOTALS,
    FILES,
    LOG_DAYS,
    MEASURES,
    TOTALS_OF_DATASETS,
    MaskedColumn,
    PublishedFile,
)
from include.s3logs.tables.schemas import KINDS, Columns

_ELSEWHERE = (TOTALS_OF_DATASETS, ARCHIVE_TOTALS, LOG_DAYS)
"""Their columns have a table of their own."""


def parts() -> Parts:
    """Return the parts of the page."""
    others = {
        _name(file): tuple(column for column in file.columns if column not in MEASURES)
        for file in FILES
        if file not in _ELSEWHERE
    }
    return {
        "measures": _shown(MEASURES),
        "published files": table(("file", "kinds", "rows", "in order of", "columns"), map(_row, FILES)),
        "published columns": columns_in_tables(others),
        "totals": _shown(ARCHIVE_TOTALS.columns),
        "status": columns_table(LOG_DAYS.columns),
    }


def _row(file: PublishedFile) -> tuple[str, ...]:
    places = code(*(f"{folder}/{file.name}" for folder in file.folders))
    kinds = code(*(f".{kind}" for kind in file.kinds))
    columns = "see below" if file in _ELSEWHERE else named(file.columns, MEASURES)
    return places, kinds, file.rows, file.order, columns


def _name(file: PublishedFile) -> str:
    """Return the name by which the table of columns calls it."""
    if len(file.kinds) > 1:
        return file.name
    return file.places[0].removeprefix("usage/").removeprefix("<dataset>/")


def _shown(columns: Columns) -> str:
    """Return what columns say of which some are masked."""
    return table(
        ("column", "is", "shown", "meaning"),
        (
            (
                code(column.name),
                KINDS[column.kind],
                "masked" if isinstance(column, MaskedColumn) else "exactly",
                column.meaning,
            )
            for column in columns
        ),
    )
