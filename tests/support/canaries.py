"""Where canaries sit in log objects, and where Airflow would sing of them."""

import sqlite3
from urllib.parse import quote

from tests.conftest import HOME
from tests.support.small_archive import line


def database(*, audit=True):
    """All of Airflow's database, or all but its audit log, which has what people sent to the API."""
    with sqlite3.connect(f"{HOME.name}/airflow.db") as connection:
        rows = [row for row in connection.iterdump() if audit or not row.startswith('INSERT INTO "log"')]
    return "\n".join(rows).encode("utf-8", "surrogateescape")


def log_lines(canary):
    """Records and torn lines with canaries in all fields, in the cases and encodings that there are."""
    record = line().decode().rstrip("\n")
    names = (
        "X-Amz-Signature",
        "x-amz-credential",
        "X-AMZ-SECURITY-TOKEN",
        "AWSAccessKeyId",
        "session",
        "Sig",
    )
    for name in names:
        for encode in (str, quote, lambda text: quote(quote(text, safe=""), safe="")):
            for field, old, new in (
                ("URI", "GET /x HTTP", "GET /x?a=1&{} HTTP"),
                ("referer", '"-"', '"https://host/x?{}"'),
                ("agent", '"curl/8"', '"curl/8 https://u:{}@host/?{}"'),
                ("requester", " - R1", " arn:aws:iam::1:user/{} R1"),
            ):
                word = canary(f"{name} in {field}")
                yield record.replace(old, new.replace("{}", encode(f"{name}={word}")))
    for begin in ("ignature=", "?session=", "GET /x?X-Amz-Signature=", "198.51.100.7 ", ""):
        yield f"{begin}{canary(f'torn line {begin}')}"
