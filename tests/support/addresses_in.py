"""Which addresses are anywhere in a lake: in the bytes of a file or in a cell of a table."""

from io import BytesIO

import pyarrow.parquet as pq


def addresses_in(lake, addresses, *prefixes):
    """{key: the addresses in its name or content} of the files that hold some."""
    found = {}
    for prefix in prefixes or ("",):
        for info in lake.list(prefix):
            text = f"{info.key} {_text(info.key, lake.read(info.key))}"
            if there := {address for address in addresses if address in text}:
                found[info.key] = there
    return found


def _text(key, data):
    if not key.endswith(".parquet"):
        return data.decode("utf-8", "replace")
    table = pq.read_table(BytesIO(data))
    return repr([set(column.to_pylist()) for column in table.columns])
