"""Who is measured: each a function from a log file to the bytes of the rows it counts as traffic.

What counts is the reduce job: of every successful GET of an object the time, address, key, bytes, status and
size, as an Arrow table or what comes closest. The file is in the page cache; reading it is part of the job.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

PIECE = 4 << 20
Sent = Any  # the bytes of each row, as an array


@dataclass(frozen=True)
class Contestant:
    """A way to read logs; `counts` is false for the mere limit, which finds no rows."""

    run: Callable[[Path], Sent]
    counts: bool = True


# --- s3logs.

_COLUMNS = ("time", "remote_ip", "bucket", "operation", "key", "bytes_sent", "http_status", "object_size")


def product_reduce(pieces: Iterable[bytes]) -> Any:
    """Return the rows that count as a table, the way `reduce` makes them: repeats are looked for, too."""
    import pyarrow as pa

    from include.s3logs.kernel.repeats import Seen
    from include.s3logs.parse import select
    from include.s3logs.selection import Filter

    wanted = Filter(frozenset(["REST.GET.OBJECT"]), range(200, 300))
    return pa.concat_tables([found.rows for found in select(pieces, wanted, _COLUMNS, Seen())])


def strict_reduce(pieces: Iterable[bytes]) -> Any:
    """Return the same as `product_reduce` by the strict path alone, as small days are read."""
    import pyarrow as pa

    from include.s3logs.selection import Filter, select_strictly

    wanted, seen = Filter(frozenset(["REST.GET.OBJECT"]), range(200, 300)), set()
    return pa.concat_tables([select_strictly(piece, wanted, _COLUMNS, seen).rows for piece in pieces])


def product_all(pieces: Iterable[bytes]) -> Iterator[Any]:
    """Yield all fields of the records as tables."""
    from include.s3logs.parse import parse_pieces

    for parsed in parse_pieces(pieces):
        yield parsed.records


def _sent(table: Any) -> Sent:
    import pyarrow.compute as pc

    return pc.fill_null(table["bytes_sent"], 0).to_numpy()


def _s3logs_reduce(path: Path) -> Sent:
    return _sent(product_reduce(_pieces(path)))


def _s3logs_strict(path: Path) -> Sent:
    return _sent(strict_reduce(_whole_lines(path)))


def _s3logs_all(path: Path) -> Sent:
    import pyarrow.compute as pc

    sent = []
    for table in product_all(_pieces(path)):
        status = table["http_status"]
        counts = pc.and_(pc.greater_equal(status, 200), pc.less(status, 300))
        sent.append(_sent(table.filter(pc.and_(counts, pc.equal(table["operation"], "REST.GET.OBJECT")))))
    return np.concatenate(sent)


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the file in pieces, cut anywhere."""
    with path.open("rb", buffering=0) as file:
        yield from iter(partial(file.read, PIECE), b"")


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the file in pieces of whole lines, as if each were a log object."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece + file.readline()


# --- The others.


def _newlines(path: Path) -> Sent:
    with path.open("rb", buffering=0) as file:
        return np.zeros(sum(chunk.count(b"\n") for chunk in iter(partial(file.read, 1 << 20), b"")), np.int64)


def _duckdb(path: Path) -> Sent:
    import duckdb

    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(32))  # 27 fields, the time in two; some to spare
    connection = duckdb.connect(config={"threads": 1})
    table = connection.sql(
        f"""
        SELECT c2 AS time, c4 AS ip, c1 AS bucket, c8 AS key,
            coalesce(TRY_CAST(c12 AS BIGINT), 0) AS bytes_sent, c10 AS status, TRY_CAST(c13 AS BIGINT) AS size
        FROM read_csv('{path}', delim=' ', quote='"', header=false, auto_detect=false,
            columns={{{columns}}}, null_padding=true, strict_mode=false, ignore_errors=true, parallel=false)
        WHERE c7 = 'REST.GET.OBJECT' AND TRY_CAST(c10 AS INTEGER) BETWEEN 200 AND 299
        """
    ).to_arrow_table()
    connection.close()
    return table["bytes_sent"].to_numpy()


def _pandas(path: Path) -> Sent:
    import pandas as pd

    frame = pd.read_csv(
        path,
        sep=" ",
        quotechar='"',
        header=None,
        names=list(range(28)),
        usecols=[1, 2, 4, 7, 8, 10, 12, 13],
        index_col=False,
        dtype=str,
        na_filter=False,
        encoding="latin-1",
        engine="c",
        on_bad_lines="skip",
    )
    frame = frame[(frame[7] == "REST.GET.OBJECT") & frame[10].str.fullmatch("2[0-9][0-9]")]
    return pd.to_numeric(frame[12], errors="coerce").fillna(0).astype("int64").to_numpy()


_PLAIN, _QUOTED = "([^ ]*)", '("[^"]*"|-)'
_EXPRESSION = re.compile(
    rf"{_PLAIN} {_PLAIN} \[(.*?)\] {' '.join([_PLAIN] * 5)} {_QUOTED} (-|[0-9]*) {' '.join([_PLAIN] * 5)} "
    rf"{_QUOTED} {_QUOTED} {_PLAIN}(?: {' '.join([_PLAIN] * 8)})?.*$"
)


def _expression(path: Path) -> Sent:
    rows = []
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        for line in file:
            if (found := _EXPRESSION.match(line)) is None:
                continue
            fields = found.groups()
            if fields[6] == "REST.GET.OBJECT" and fields[9].startswith("2"):
                sent = int(fields[11]) if fields[11].isdigit() else 0
                rows.append((fields[2], fields[3], fields[1], fields[7], sent, fields[9], fields[12]))
    return np.array([row[4] for row in rows], np.int64)


LIMIT, PRODUCT = "newline count (the limit)", "s3logs reduce"
CONTESTANTS = {
    LIMIT: Contestant(_newlines, counts=False),
    PRODUCT: Contestant(_s3logs_reduce),
    "s3logs reduce, strict path only": Contestant(_s3logs_strict),
    "s3logs all fields": Contestant(_s3logs_all),
    "DuckDB read_csv": Contestant(_duckdb),
    "pandas read_csv": Contestant(_pandas),
    "pure Python regular expression": Contestant(_expression),
}
