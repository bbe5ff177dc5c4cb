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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from botocore.credentials import Credentials

from include.s3logs.decompress import unpack_as
from include.s3logs.rollup.codecs import CODECS, Codec, encoder
from include.s3logs.rollup.levels import Interval
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.rollup import roll_up
from include.s3logs.store import PARALLEL_READS
from include.s3logs.store_s3 import S3Store
from tests.bench.__main__ import FOLDER
from tests.bench.corpus import MB, write_corpus
from tests.bench.table import ratio, render, speed
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY, s3_server

DAY = Interval("logs/", "day", "2024-06-01")
BUCKET = "rollup-bench"
PIECE = 1 << 20
SERVER = {"filer.saveToFilerLimit": 1 << 16}  # small objects stand in its index: less work for it, for all


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


def loop(client: Any, keys: list[str]) -> float:
    """Get the objects one after the other; return the seconds."""
    started = perf_counter()
    for key in keys:
        client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return perf_counter() - started


def rolled_up(source: S3Store, destination: S3Store, **flags: Any) -> tuple[float, dict[str, Any]]:
    """Roll the day up; return the seconds and the result."""
    started = perf_counter()
    result = roll_up(destination, {"": source}, DAY, RollUpOptions(**flags), datetime.now(UTC))
    return perf_counter() - started, result


def measure_objects(count: int, size: int, rounds: int) -> str:
    """Return the table of the roll-up and the loop."""
    objects = dict(log_objects(count, size))
    total = sum(map(len, objects.values()))
    lines = b"".join(objects.values()).count(b"\n")
    with tempfile.TemporaryDirectory() as folder, s3_server(Path(folder), **SERVER) as server:
        server.client.create_bucket(Bucket=BUCKET)
        source = S3Store(server.client, BUCKET, "", Credentials(ACCESS_KEY, SECRET_KEY))
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            list(pool.map(source.write, objects, objects.values()))
        loops, rolls, ratios = [], [], []
        for number in range(rounds):
            loops.append(loop(server.client, list(objects)))
            last = number == rounds - 1
            destination = S3Store(
                source.client, BUCKET, f"round-{number}/", Credentials(ACCESS_KEY, SECRET_KEY)
            )
            seconds, result = rolled_up(source, destination, originals="keep")
            assert (result["held"], result["lines"], result["verified"]) == (count, lines, True)
            rolls.append(seconds)
            ratios.append(loops[-1] / seconds)
            if last:
                deleting, result = rolled_up(source, destination, originals="delete")
                assert result["deleted"] == count
    told = f"{count:,} objects, {total / MB:.1f} MB, {lines:,} lines; medians of {rounds} rounds:\n\n"
    rows = [
        ["boto3, one get after the other", *_rate(loops, count), "1.0"],
        ["roll-up, verified, originals kept", *_rate(rolls, count), ratio(median(ratios))],
        ["then deleting them, verified again", *_rate([deleting], count), ""],
    ]
    return told + render(["", "s (min … max)", "objects/s", "÷ loop"], rows)


def _rate(seconds: list[float], count: int) -> tuple[str, str]:
    shown = f"{median(seconds):.1f} ({min(seconds):.1f} … {max(seconds):.1f})"
    return shown, f"{count / median(seconds):,.0f}"


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
