"""Binned log days with chosen requesters, and a region cache that knows some of them."""

import pyarrow as pa
import pyarrow.parquet as pq

from include.s3logs.lake.checkpoint import KIND, Attempt, checkpoint_key
from include.s3logs.lake.pointer import Pointer
from include.s3logs.regions.addresses import pack
from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.salt import hash_address


def bin_rows(lake, day, addresses, row_group_size=None):
    """Leave a binned log day as bin does: rows with these addresses, and a checkpoint."""
    noise = [f"key {n}" * 20 for n in range(len(addresses))]
    rows = pa.table({"object_key": noise, "remote_ip": pa.array(addresses, pa.string())})
    lake.root.mkdir(exist_ok=True)
    path = lake.root / "rows"
    pq.write_table(rows, path, row_group_size=row_group_size)
    attempt = Attempt(lake, "binned", day)
    attempt.write_file("rows", "parquet", path)
    path.unlink()
    return attempt.commit({}, {}, {}, over=Pointer(lake, checkpoint_key("binned", day), KIND).version())


def remember(lake, salt, labels, checked):
    """Let the cache know the label of each address ({address: label}), as of a day."""
    hashes = [hash_address(salt, pack(ip)) for ip in labels]
    RegionCache(lake).add(hashes, list(labels.values()), checked)
