"""Who is measured: each a function from a log file to the bytes of the rows it counts as traffic.

What counts is the reduce job: of every successful GET of an object the time, address, key, bytes, status and
size, as an Arrow table or what comes closest. The file is in the page cache; reading it is part of the job.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from hashlib import blake2b
from ipaddress import ip_address
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

PIECE = 1 << 20
Sent = Any  # the bytes of each row, as an array


@dataclass(frozen=True)
class Contestant:
    """A way to read logs; `counts` is false for the mere limit, which finds no rows."""

    run: Callable[[Path], Sent]
    counts: bool = True


# --- s3logs.

_COLUMNS = ("time", "remote_ip", "bucket", "object_key", "bytes_sent", "http_status", "object_size")


def product_reduce(pieces: Iterable[bytes]) -> Any:
    """Return the rows that count as a table, the way `reduce` makes them: repeats are looked for, too."""
    import pyarrow as pa

    from include.s3logs.parsing.parse import Selector
    from include.s3logs.parsing.selection import Filter

    wanted = Filter(frozenset(["REST.GET.OBJECT"]), range(200, 300))
    selector = Selector(wanted, _COLUMNS)
    return pa.concat_tables([found.rows for found in chain(selector.select(pieces), selector.finish())])


def strict_reduce(lines: Iterable[bytes]) -> Any:
    """Return the same as `product_reduce` by the strict path alone, the specification in pure Python."""
    from include.s3logs.parsing.strict import Reason, decode_key, parse_line

    rows, seen = [], set()
    for line in lines:
        record = parse_line(line.removesuffix(b"\n"))
        digest = blake2b(line, digest_size=16).digest()
        if isinstance(record, Reason) or digest in seen:
            continue
        seen.add(digest)
        if record.operation == "REST.GET.OBJECT" and 200 <= (record.http_status or 0) < 300:
            key = record.key and decode_key(record.operation, record.key)
            sent = record.bytes_sent or 0, record.http_status, record.object_size
            rows.append((record.time, record.remote_ip, record.bucket, key, *sent))
    return _table(rows)


def product_all(pieces: Iterable[bytes]) -> Iterator[Any]:
    """Yield all fields of the records as tables."""
    from include.s3logs.parsing.parse import parse_pieces

    for parsed in parse_pieces(pieces):
        yield parsed.records


def _sent(table: Any) -> Sent:
    import pyarrow.compute as pc

    return pc.fill_null(table["bytes_sent"], 0).to_numpy()


def _s3logs_reduce(path: Path) -> Sent:
    return _sent(product_reduce(_pieces(path)))


def _s3logs_strict(path: Path) -> Sent:
    with path.open("rb") as file:
        return _sent(strict_reduce(file))


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


def _table(rows: list[tuple[Any, ...]]) -> Any:
    import pyarrow as pa

    return pa.table([pa.array(values) for values in zip(*rows, strict=True)], names=_COLUMNS)


# --- The others.


def _newlines(path: Path) -> Sent:
    with path.open("rb", buffering=0) as file:
        return np.zeros(sum(chunk.count(b"\n") for chunk in iter(partial(file.read, PIECE), b"")), np.int64)


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


_PLAIN, _QUOTED, _STATUS = "([^ ]*)", '(".*?"|-)', "(-|[0-9]{3})"  # quotes stand inside of quotes, too
_EXPRESSION = re.compile(
    rf"{_PLAIN} {_PLAIN} \[(.*?)\] {' '.join([_PLAIN] * 5)} {_QUOTED} {_STATUS} {' '.join([_PLAIN] * 5)} "
    rf"{_QUOTED} {_QUOTED} {_PLAIN}(?: {' '.join([_PLAIN] * 8)})?.*$"
)


@lru_cache(1 << 17)
def _epoch(text: str) -> float:
    return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").timestamp()


@lru_cache(1 << 17)
def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return text == "-"
    return True


def _expression(path: Path) -> Sent:
    rows, seen = [], set()
    with path.open("rb") as file:
        for line in file:
            digest = blake2b(line, digest_size=16).digest()
            found = _EXPRESSION.match(line.decode(errors="replace"))
            if found is None or digest in seen:
                continue
            seen.add(digest)
            _, bucket, time, ip, _, _, operation, key, _, status, _, sent, size, *_ = found.groups()
            try:
                row = (
                    _epoch(time),
                    ip,
                    bucket,
                    unquote(unquote(key)),
                    _count(sent),
                    _count(status),
                    _count(size),
                )
            except ValueError:
                continue
            if operation == "REST.GET.OBJECT" and status.startswith("2") and _is_address(ip):
                rows.append(row)
    return _sent(_table(rows))


def _count(text: str) -> int:
    return 0 if text == "-" else int(text)


LIMIT, PRODUCT, ALL_FIELDS = "newline count (the limit)", "s3logs reduce", "s3logs all fields"
CONTESTANTS = {
    LIMIT: Contestant(_newlines, counts=False),
    PRODUCT: Contestant(_s3logs_reduce),
    "s3logs reduce, strict path only": Contestant(_s3logs_strict),
    ALL_FIELDS: Contestant(_s3logs_all),
    "DuckDB read_csv": Contestant(_duckdb),
    "pandas read_csv": Contestant(_pandas),
    "pure Python regular expression": Contestant(_expression),
}
