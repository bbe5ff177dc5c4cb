"""A reduced log day of any size, invented, and one stage over it in a process of its own.

    python -m tests.support.large_day STAGE FOLDER [MEGABYTES]

FOLDER is the lake with the day; MEGABYTES limits what is sorted in memory at once. Prints the seconds, those
of the processor (which depend less on what else the machine does), the most memory that the process had
(`peak`, bytes), and how much of it came on top of what it had after the same stage of a tiny day (`growth`).
"""

import json
import sys
import tempfile
from datetime import date
from time import perf_counter, process_time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.prefix import PrefixCatalog
from include.s3logs.lake.checkpoint import Attempt, load_checkpoint
from include.s3logs.lake.stages import BINNED, REDUCED
from include.s3logs.regions import Regions, RegionSource
from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.tables import network_table
from include.s3logs.stages.limits import LIMITS, Limits
from include.s3logs.stages.reduce import SCHEMA
from include.s3logs.stores.folder import LocalStore
from include.s3logs.tables.arrays import number_array
from include.s3logs.tables.parquet import RowsFile
from include.s3logs.tables.sorting import Limits as Sorting
from include.s3logs.tables.temporary import temporary_folder
from tests.support.memory_run import count_peak_from_here, status
from tests.support.one_day import bin_day, map_day

DAY = date(2024, 6, 1)
_BATCH = 100_000
_BEGIN = np.datetime64(DAY, "s") - np.timedelta64(3600, "s")  # some requests are of the evening before


class TwoVersions(PrefixCatalog):
    """The first segment of a key is its dataset; every object is in two versions."""

    def claims(self, object_keys):
        claims = super().claims(object_keys)
        twice = claims.take(number_array(np.repeat(np.arange(claims.num_rows), 2), pa.int64()))
        versions = pa.array(["0.2", "0.1"]).take(
            number_array(np.tile(np.arange(2), claims.num_rows), pa.int64())
        )
        return twice.set_column(2, "version", versions)


def invent(lake, rows, keys, addresses):
    """Write a reduced day of so many rows, of so many different keys and addresses at the most."""
    rng = np.random.default_rng(1)
    key_texts, address_texts = _keys(keys), _addresses(addresses, rng)
    attempt, sent_in_all = Attempt(lake, REDUCED.name, DAY), 0
    with temporary_folder() as folder:
        file = RowsFile(folder / "rows", SCHEMA)
        for first in range(0, rows, _BATCH):
            count = min(_BATCH, rows - first)
            # Half of the requests are for few keys and of few addresses.
            which_key, which_address = (
                np.where(rng.random(count) < 0.5, rng.random(count), rng.random(count) ** 6) * size
                for size in (keys, addresses)
            )
            seconds = (np.arange(first, first + count) * 90_000 // rows).astype("timedelta64[s]")
            sent = rng.integers(0, 10**9, count)
            sent_in_all += int(sent.sum())
            columns = {
                "timestamp": number_array((_BEGIN + seconds).astype(np.int64), SCHEMA.field(0).type),
                "remote_ip": address_texts.take(number_array(which_address.astype(np.int64), pa.int64())),
                "bucket": pa.repeat("amzn-s3-demo-archive", count),
                "object_key": key_texts.take(number_array(which_key.astype(np.int64), pa.int64())),
                "bytes_sent": number_array(sent, pa.int64()),
                "http_status": number_array(rng.choice(np.array([200, 206], np.int16), count), pa.int16()),
                "object_size": number_array(sent + rng.integers(0, 10**9, count), pa.int64()),
            }
            file.add(pa.table(columns, SCHEMA))
        file.close()
        attempt.write_file("rows", "parquet", file.path)
    return attempt.commit({"rows": rows}, {"reduced_rows": rows, "bytes_sent": sent_in_all}, {})


def _keys(count):
    """Return keys of about 60 characters, a tenth of which are Zarr assets; in no order."""
    numbers = pc.cast(number_array(np.random.default_rng(2).permutation(count), pa.int64()), pa.string())
    padded = pc.utf8_lpad(numbers, 9, "0")
    name = pc.binary_join_element_wise("/sub-", padded, "/sub-", padded, "_behavior+ecephys.nwb", "")
    dataset = pc.utf8_slice_codeunits(padded, 7, 9)
    is_zarr = pc.equal(pc.utf8_slice_codeunits(padded, 8, 9), "0")
    zarr = pc.binary_join_element_wise("zarr/6f2b0e4e-0000-4000-8000-", padded, "/0/0/1", "")
    return pc.if_else(is_zarr, zarr, pc.binary_join_element_wise(dataset, name, ""))


def _addresses(count, rng):
    """Return different addresses, a tenth of them IPv6."""
    numbers = rng.permutation(1 << 24)[:count].tolist()
    return pa.array(
        [
            f"2600:1f00:{n >> 16:x}::{n & 65_535:x}"
            if n % 10 == 0
            else f"{1 + n % 200}.{n >> 16}.{n >> 8 & 255}.{n & 255}"
            for n in numbers
        ],
        pa.string(),
    )


def _regions_of(lake):
    return Regions(network_table(lake), b"the salt of the large day", RegionCache(lake), today=DAY)


def run(stage, lake, limits=LIMITS):
    """Run `bin` or `map` on what the stage before left."""
    if stage == "bin":
        return bin_day(lake, load_checkpoint(lake, REDUCED.name, DAY), force=True, limits=limits).checkpoint
    binned = load_checkpoint(lake, BINNED.name, DAY)
    regions = RegionSource("all that ship with packages", lambda: _regions_of(lake))
    return map_day(lake, binned, TwoVersions(1), regions, force=True, limits=limits).checkpoint


def main(stage, folder, megabytes=None):
    """Do a small day first: it loads what is loaded late."""
    limits = LIMITS
    if megabytes:
        limits = Limits(sorting=Sorting(run=int(megabytes) << 20, step=int(megabytes) << 19))
    with tempfile.TemporaryDirectory() as other:
        small = LocalStore(other)
        invent(small, 100, 10, 10)
        run("bin", small, limits)
        run(stage, small, limits)
    before = count_peak_from_here()
    start = perf_counter(), process_time()
    counts = run(stage, LocalStore(folder), limits).counts
    seconds, processor = perf_counter() - start[0], process_time() - start[1]
    peak = status("VmHWM")
    found = {"seconds": seconds, "processor": processor, "peak": peak, "growth": peak - before}
    print(json.dumps(found | {"counts": counts}))


if __name__ == "__main__":
    main(*sys.argv[1:])
