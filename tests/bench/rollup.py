"""Measure roll-ups of many small objects from an S3 server on loopback, and the codecs.

    python -m tests.bench.rollup

The loop that s3logs is compared with only gets the objects with boto3, one after the other. The roll-up lists
and gets them, packs them, uploads the result, reads that back, unpacks it and compares every digest. Both in
turn, round by round; server and client share the machine.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import psutil
from botocore.credentials import Credentials

from include.s3logs.logs.decompress import unpack_as
from include.s3logs.logs.rolled_up.codecs import CODECS, Codec, encoder
from include.s3logs.logs.rolled_up.levels import Interval
from include.s3logs.logs.rolled_up.manifest import Manifest
from include.s3logs.rollup.interval import roll_up
from include.s3logs.rollup.options import Originals, RollUpOptions
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.store import PARALLEL_READS
from tests.bench.__main__ import FOLDER
from tests.bench.corpus import MB, write_corpus
from tests.bench.table import ratio, render, speed
from tests.support.distant import distant
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY, S3Server, s3_server

DAY = Interval("logs/", "day", "2024-06-01")
BUCKET = "rollup-bench"
PIECE = 1 << 20
AWAY = 10  # milliseconds, about what S3 takes before the first byte of an answer
FEW = 1000  # objects that the loop gets from there: it takes its time


def log_objects(count: int, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield that many objects of whole lines, some `size` bytes each."""
    megabytes = -(-count * size * 6 // 5 // MB)
    path = FOLDER / f"corpus-{megabytes}.log"
    write_corpus(path, megabytes)
    with path.open("rb") as file:
        for number in range(count):
            second = number * 86_400 // count
            clock = f"{second // 3600:02}-{second // 60 % 60:02}-{second % 60:02}"
            yield f"logs/2024-06-01-{clock}-{number:016X}", b"".join(file.readlines(size - 300))


@dataclass(frozen=True)
class Run:
    """How long something took, and how much processor time here and in the server, for each object."""

    seconds: float
    here: float
    there: float


def measured(objects: int, work: Callable[[], object]) -> Run:
    """Do the work and measure."""
    servers = [process for process in psutil.Process().children() if process.name() == "weed"]

    def busy() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in servers)

    there, here, started = busy(), process_time(), perf_counter()
    work()
    seconds = perf_counter() - started
    return Run(seconds / objects, (process_time() - here) / objects, (busy() - there) / objects)


def loop(client: Any, keys: list[str]) -> None:
    """Get the objects one after the other."""
    for key in keys:
        client.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def rolled_up(source: S3Store, destination: S3Store, originals: Originals) -> dict[str, Any]:
    """Roll the day up."""
    return roll_up(destination, {"": source}, DAY, RollUpOptions(originals=originals), datetime.now(UTC))


def measure_objects(count: int, size: int, rounds: int) -> str:
    """Return the table of the roll-up and the loop, the server beside the client and some way off."""
    objects = dict(log_objects(count, size))
    lines = b"".join(objects.values()).count(b"\n")
    with tempfile.TemporaryDirectory() as folder, s3_server(Path(folder)) as server:
        server.client.create_bucket(Bucket=BUCKET)
        source = opened(server, "")
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            list(pool.map(source.write, objects, objects.values()))
        with distant(server.endpoint, AWAY) as endpoint:
            away = compare(S3Server(endpoint), "away", list(objects), lines, 1, FEW)
        near = compare(server, "near", list(objects), lines, rounds, count)
        done = opened(server, "near-0/")
        deleting = measured(count, lambda: rolled_up(source, done, "delete"))
        assert not list(source.list("logs/"))
    rows = [
        _row("boto3, one get after the other", near[0], near[0]),
        _row("roll-up, verified, originals kept", near[1], near[0]),
        _row("then deleting them, verified again", [deleting]),
        _row(f"{AWAY} ms away: boto3, {FEW:,} of them", away[0], away[0]),
        _row(f"{AWAY} ms away: roll-up, verified", away[1], away[0]),
    ]
    total = sum(map(len, objects.values())) / MB
    told = f"{count:,} objects, {total:.1f} MB, {lines:,} lines; medians of {rounds} rounds:\n\n"
    header = ["", "objects/s (min … max)", "÷ loop", "µs of processor, client", "server"]
    return told + render(header, rows)


def opened(server: S3Server, prefix: str) -> S3Store:
    """Return a store of the bucket."""
    return S3Store(server.client, BUCKET, prefix, Credentials(ACCESS_KEY, SECRET_KEY))


def compare(
    server: S3Server, place: str, keys: list[str], lines: int, rounds: int, looped: int
) -> tuple[list[Run], list[Run]]:
    """Measure in turn the loop over some of the objects, and the roll-up of all."""
    loops, rolls = [], []
    for number in range(rounds):
        loops.append(measured(looped, lambda: loop(server.client, keys[:looped])))
        empty = opened(server, f"{place}-{number}/")
        assert not list(empty.list())
        rolls.append(measured(len(keys), lambda to=empty: rolled_up(opened(server, ""), to, "keep")))
        manifest = Manifest.from_json(empty.read(DAY.manifest_key), DAY.manifest_key)
        assert (len(manifest.objects), manifest.rollup.lines) == (len(keys), lines)
    return loops, rolls


def _row(name: str, runs: list[Run], loops: Sequence[Run] = ()) -> list[str]:
    speeds = [1 / run.seconds for run in runs]
    shown = f"{median(speeds):,.0f}"
    if len(speeds) > 1:
        shown += f" ({min(speeds):,.0f} … {max(speeds):,.0f})"
    over = [one.seconds / run.seconds for run, one in zip(runs, loops, strict=False)]
    busy = [f"{1e6 * median(times):,.0f}" for times in zip(*((r.here, r.there) for r in runs), strict=True)]
    return [name, shown, ratio(median(over)) if over else "", *busy]


def measure_codecs(megabytes: int) -> str:
    """Return the table of the codecs."""
    path = FOLDER / f"corpus-{megabytes}.log"
    write_corpus(path, megabytes)
    rows = [_codec_row(codec, path.read_bytes()) for codec in CODECS]
    told = f"{megabytes} MB of the corpus, one core:\n\n"
    return told + render(["codec", "size", "pack MB/s", "unpack MB/s"], rows)


def _codec_row(codec: Codec, content: bytes) -> list[str]:
    started = process_time()
    packer = encoder(codec)
    pieces = [packer.compress(content[at : at + PIECE]) for at in range(0, len(content), PIECE)]
    packed = b"".join([*pieces, packer.flush()])
    packing = process_time() - started
    started = process_time()
    digest, length = hashlib.sha256(), 0
    for piece in unpack_as(None if codec == "none" else codec, [packed]):
        length += len(piece)
        digest.update(piece[:1])
    unpacking = process_time() - started
    assert length == len(content)
    figures = [
        speed(len(content) / MB / seconds) if codec != "none" else "" for seconds in (packing, unpacking)
    ]
    return [codec, f"{100 * len(packed) / len(content):.1f} %", *figures]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=64)
    arguments = parser.parse_args()
    print(measure_objects(arguments.objects, arguments.size, arguments.rounds))
    print()
    print(measure_codecs(arguments.megabytes))


if __name__ == "__main__":
    main()
