"""The text of golden fixtures: tables as TSV, rows as log lines, log objects with what no text file holds."""

import bz2
import codecs
import gzip
import re
from datetime import UTC, date, datetime
from urllib.parse import quote

NULL = r"\N"
_ESCAPED = re.compile(r"\\(?:[\\tnr]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_BYTE = re.compile(rb"\\x([0-9a-f]{2})")
PACKINGS = {
    "crlf": lambda data: data.replace(b"\n", b"\r\n"),
    "bom": lambda data: codecs.BOM_UTF8 + data,
    "open end": lambda data: data.removesuffix(b"\n"),
    "bytes": lambda data: _BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), data),
    "gzip": lambda data: gzip.compress(data, 0, mtime=0),  # not packed: so of one size with every zlib
    "bzip2": bz2.compress,
    "torn": lambda data: data[: len(data) // 2],
}
"""What a settings.json can ask for, by log object, to be done to the text in this order: `{"pack": {…}}`.

`bytes` puts the byte in place of each `\\xff`; `torn` loses the second half.
"""


def table_text(table):
    """Return an Arrow table as TSV: times in UTC, null as `\\N`, odd characters escaped as in Python."""
    rows = [table.column_names, *(map(_shown, row.values()) for row in table.to_pylist())]
    return "".join("\t".join(row) + "\n" for row in rows)


def read_rows(text):
    """Return the rows of such a TSV as {column: text or None}."""
    header, *rows = (line.split("\t") for line in text.split("\n")[:-1])
    return [dict(zip(header, map(_read, row), strict=True)) for row in rows]


def as_log(rows):
    """Return the lines of a log from which reduce makes just these rows, in their order."""
    return "".join(_line(number, row) for number, row in enumerate(rows)).encode()


def _shown(value):
    match value:
        case None:
            return NULL
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case date():
            return str(value)
        case str():
            return "".join(c if c.isprintable() and c != "\\" else _escape(c) for c in value)
        case _:
            return str(value)


def _escape(character):
    return character.encode("unicode_escape").decode()


def _read(shown):
    if shown == NULL:
        return None
    return _ESCAPED.sub(lambda found: found[0].encode().decode("unicode_escape"), shown)


def _line(number, row):
    given = {name: "-" if value is None else value for name, value in row.items()}
    time = datetime.fromisoformat(given["timestamp"])
    key = quote(quote(given["object_key"]))
    return (
        f"owner {given['bucket']} [{time:%d/%b/%Y:%H:%M:%S +0000}] {given['remote_ip']} - R{number} "
        f'REST.GET.OBJECT {key} "GET /x HTTP/1.1" {given["http_status"]} - {given["bytes_sent"]} '
        f'{given["object_size"]} 9 8 "-" "curl/8.5" -\n'
    )
