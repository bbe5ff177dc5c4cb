"""The deployment's own table: a CSV file `network,region` that goes before everything else."""

import codecs
import csv
from collections.abc import Iterator, Sequence

from include.s3logs.errors import SettingsError
from include.s3logs.regions.labels import UNDETERMINED
from include.s3logs.regions.networks import Labelled, read_network

COLUMNS = ["network", "region"]
_LONGEST_LABEL = 120
_SHOWN = 120


def read_own_table(data: bytes, name: str) -> list[Labelled]:
    """Read the CSV (UTF-8); SettingsError names `name` and the row that makes no sense.

    A region may be any label: `DE/Bavaria`, `AWS/us-east-2`, `Campus`.
    """
    # Line by line: no value holds a line break, and a quote that is left open spoils one row, not the rest.
    lines = data.removeprefix(codecs.BOM_UTF8).splitlines()
    rows = [_cells(line, name, number) for number, line in enumerate(lines, start=1)]
    if not rows or [column.strip() for column in rows[0]] != COLUMNS:
        raise SettingsError(f"The region table {name} has to begin with the line network,region.")
    return list(_labelled(rows[1:], name))


def _cells(line: bytes, name: str, number: int) -> list[str]:
    try:
        return next(csv.reader([line.decode()], strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(
            f"The region table {name}, row {number} ({line[:_SHOWN]!r}) is no CSV in UTF-8: {error}."
        ) from error


def _labelled(rows: Sequence[list[str]], name: str) -> Iterator[Labelled]:
    given: dict[object, str] = {}
    for number, row in enumerate(rows, start=2):
        where = f"The region table {name}, row {number} ({','.join(row)!r})"
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(COLUMNS):
            raise SettingsError(f"{where} has {len(row)} values instead of network,region.")
        text, region = (cell.strip() for cell in row)
        try:
            network = read_network(text)
        except ValueError as error:
            raise SettingsError(f"{where} has no network: {error}.") from error
        if not region or not region.isprintable() or len(region) > _LONGEST_LABEL or region == UNDETERMINED:
            raise SettingsError(f"{where} has no region that can be shown.")
        if given.setdefault(network, region) != region:
            raise SettingsError(f"{where} contradicts an earlier row, which says {given[network]!r}.")
        yield Labelled(network, region)
