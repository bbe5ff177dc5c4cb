"""What is in a roll-up, found without the code under test."""

import bz2
import gzip
import hashlib
import json
import re
from collections import Counter

import pyarrow as pa

_ROLLUP = re.compile(r".*?[0-9]{4}-[0-9]{2}(-[0-9]{2}){0,3}(?P<suffix>|\.gz|\.bz2|\.zst)", re.DOTALL)


def content(data, suffix):
    """Unpack."""
    if suffix == ".gz":
        return gzip.decompress(data)
    if suffix == ".bz2":
        return bz2.decompress(data)
    if not suffix:
        return data
    with pa.input_stream(pa.BufferReader(data), compression="zstd") as frames:
        return frames.read()


def rollups(store):
    """Return the unpacked content of every roll-up in a store, by key."""
    found = {info.key: _ROLLUP.fullmatch(info.key) for info in store.list()}
    return {key: content(store.read(key), match["suffix"]) for key, match in found.items() if match}


def lines(store):
    """Return how often each line is in the roll-ups of a store."""
    return Counter(line for data in rollups(store).values() for line in data.split(b"\n")[:-1])


def prove(store):
    """Check that each roll-up has one manifest, which is right about every byte; return the manifests."""
    keys = {info.key for info in store.list()}
    stored, manifests = rollups(store), {}
    for key, data in stored.items():
        base = re.sub(r"\.(gz|bz2|zst)$", "", key)
        manifest = json.loads(store.read(f"{base}.manifest.json"))
        packed, told = store.read(key), manifest["rollup"]
        assert (told["key"], told["size"], told["bytes"], told["lines"]) == (
            key,
            len(packed),
            len(data),
            data.count(b"\n"),
        )
        assert told["sha256"] == hashlib.sha256(packed).hexdigest()
        assert told["content_sha256"] == hashlib.sha256(data).hexdigest()
        covered = 0
        for member in sorted(manifest["objects"], key=lambda m: (m["offset"], m["bytes"])):
            assert member["offset"] == covered
            own = data[covered : covered + member["bytes"]]
            repaired = bool(own) and not own.endswith(b"\n")
            assert not repaired or data[covered + len(own) :][:1] == b"\n"
            assert member["sha256"] == hashlib.sha256(own).hexdigest()
            assert member["lines"] == own.count(b"\n") + repaired
            covered += len(own) + repaired
        assert covered == len(data)
        assert manifest["objects"] == sorted(manifest["objects"], key=lambda m: m["key"])
        manifests[base] = manifest
    assert {f"{base}.manifest.json" for base in manifests} == {k for k in keys if ".manifest" in k}
    return manifests
