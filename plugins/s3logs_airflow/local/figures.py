"""The result, as it stands in the lake: the state of every log day, and what may be published."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from include.s3logs.days.states import COMPLETE, EMPTY, PARTIAL
from include.s3logs.lake.stages import names
from s3logs_airflow.local.console import harmless

DAYS, BY_DATASET, BY_DAY = "status/log_days.tsv", "usage/archive/by_dataset.tsv", "usage/archive/by_day.tsv"
MOST_ROWS = 31
_BAR = 20
_STYLES = {COMPLETE: "green", EMPTY: "dim", PARTIAL: "yellow"}
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000
Row = Mapping[str, str]


@dataclass(frozen=True)
class Figures:
    """The published tables. A table that is not there yet is empty."""

    lake: str
    days: Sequence[Row]
    by_dataset: Sequence[Row]
    by_day: Sequence[Row]
    accepts_partial: bool = False

    @property
    def unfinished(self) -> list[Row]:
        """Return the log days whose figures lack something."""
        fine = {COMPLETE, EMPTY, *([PARTIAL] if self.accepts_partial else [])}
        return [day for day in self.days if day["state"] not in fine]

    @property
    def complete(self) -> bool:
        """Say whether there are days, all of them complete."""
        return bool(self.days) and not self.unfinished


def load_figures(settings: Mapping[str, str], environment: Mapping[str, str]) -> Figures:
    """Read the tables from the lake of the settings; credentials come through Airflow, if it is on S3."""
    os.environ.update({**environment, **settings, "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"})
    from include.s3logs.errors import NotFoundError
    from s3logs_airflow.connections.deployment import open_deployment

    deployment = open_deployment()
    lake = deployment.lake

    def table(key: str) -> list[dict[str, str]]:
        try:
            return read_tsv(lake.read(key))
        except NotFoundError:
            return []

    accepts_partial = deployment.settings.partial == "accept"
    return Figures(lake.uri(), table(DAYS), table(BY_DATASET), table(BY_DAY), accepts_partial)


def read_tsv(data: bytes) -> list[dict[str, str]]:
    """Return the rows of a TSV file with a header."""
    lines = data.decode("utf-8").split("\n")
    header = lines[0].split("\t")
    return [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:] if line]


def show(figures: Figures, console: Console) -> None:
    """Print the tables, and where the files are."""
    if not figures.days and not figures.by_dataset:
        console.print(f"There are no figures in {figures.lake} yet.", markup=False, soft_wrap=True)
        return
    console.print()
    console.print(days_table(figures.days))
    for title, rows, newest in (
        ("Usage by dataset", figures.by_dataset, False),
        ("Usage by day", figures.by_day, True),
    ):
        if rows:
            console.print()
            console.print(usage_table(title, rows, newest=newest))
    console.print()
    console.print(
        f"Everything is in {figures.lake.rstrip('/')}/", markup=False, highlight=False, soft_wrap=True
    )
    for place, meaning in where_files_are():
        console.print(f"  {place:28}{meaning}", markup=False, highlight=False, soft_wrap=True)


def where_files_are() -> list[tuple[str, str]]:
    """Return the folders of the lake that people look at, and what is in them."""
    figures = "the figures that may be published: per dataset by_day, by_asset, by_region; archive/ for all"
    return [
        ("usage/", figures),
        ("status/log_days.tsv", "the state and the counts of every log day"),
        (f"{'/, '.join(names())}/", "what the stages found, day by day; they hold IPs up to binned/"),
    ]


_COUNTS = {
    "objects": "objects",
    "unreadable": "un-\nreadable",
    "foreign": "foreign",
    "lines": "lines",
    "rejections": "re-\njected",
    "filtered": "fil-\ntered",
    "reduced_rows": "kept",
    "bytes_sent": "sent",
}
"""What is counted of a log day, and how that is headed."""


def days_table(days: Sequence[Row]) -> Table:
    """Return the table of the log days: what was read, what of it was no record, what it came to."""
    shown = days[-MOST_ROWS:]
    table = _table("Log days", len(days), len(shown), newest=True)
    table.collapse_padding = True  # all of it fits into 80 columns
    table.add_column("log day")
    for heading in _COUNTS.values():
        table.add_column(heading, justify="right")
    table.add_column("state")
    for day in shown:
        cells = [
            human_bytes(day.get(name, "")) if name == "bytes_sent" else grouped(day.get(name, ""))
            for name in _COUNTS
        ]
        told = ", ".join(filter(None, (day["state"], day.get("reason"))))
        table.add_row(day["log_day"], *cells, Text(told, style=_STYLES.get(day["state"], "bold red")))
    return table


def usage_table(title: str, rows: Sequence[Row], *, newest: bool) -> Table:
    """Return a published table with a bar for the bytes; of a long one the newest or the largest rows."""
    shown = rows[-MOST_ROWS:] if newest else rows[:MOST_ROWS]
    name = next(iter(rows[0]))
    table = _table(title, len(rows), len(shown), newest=newest)
    table.add_column(name, overflow="fold")
    table.add_column("requests", justify="right")
    table.add_column("downloads", justify="right")
    table.add_column("sent", justify="right")
    table.add_column("", min_width=_BAR)
    largest = max(_number(row["bytes_sent"]) for row in shown)
    for row in shown:
        sent = row["bytes_sent"]
        counts = (grouped(row["number_of_requests"]), grouped(row["number_of_downloads"]))
        table.add_row(
            Text(harmless(row[name])),
            *counts,
            human_bytes(sent),
            Text(bar(_number(sent), largest), style="cyan"),
        )
    return table


def human_bytes(text: str) -> str:
    """Return `1234567` as `1.2 MB`; what is no number (a masked count, nothing) as it is."""
    if not text.isdecimal():
        return text
    value, unit = float(text), 0
    while round(value, 1) >= _THOUSAND and unit < len(_UNITS) - 1:
        value, unit = value / _THOUSAND, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{value:.0f} B"


def grouped(text: str) -> str:
    """Return `1234567` as `1,234,567`; what is no number as it is."""
    return f"{int(text):,}" if text.isdecimal() else text


def bar(value: int, largest: int) -> str:
    """Return a bar whose length is the share of the largest; more than nothing is never no bar."""
    if value <= 0 or largest <= 0:
        return ""
    return "█" * max(round(_BAR * value / largest), 0) or "▏"


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _table(title: str, total: int, shown: int, *, newest: bool) -> Table:
    more = f" (the {'newest' if newest else 'first'} {shown} of {total})" if shown < total else ""
    return Table(title=title + more, title_justify="left", title_style="bold", box=None, pad_edge=False)
