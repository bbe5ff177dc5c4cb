"""Golden fixtures: what each stage makes of a small input, as text that a person can read.

    tests/fixtures/reduce/<case>/   input/…: log objects
    tests/fixtures/bin/<case>/      rows.tsv: rows as reduce leaves them
    tests/fixtures/map/<case>/      rows.tsv: rows as bin leaves them; catalog.csv, regions.csv
    tests/fixtures/publish/<case>/  input/…: log objects of some days; catalog.csv, regions.csv
                                    late/…: delivered when all others were published already, if there are any
        settings.json               settings that are no defaults, and `pack` (see `golden_text.PACKINGS`)
        expected/…                  what comes out of it

`python -m tests.support.golden [stage/case …]` shows how the results differ from what is expected; with
`--write` they become what is expected. Then read the difference: each line of it is a figure that changed.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass
from datetime import date
from difflib import unified_diff
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from include.s3logs.catalogs.manifest import ManifestCatalog
from include.s3logs.lake.checkpoint import read_output
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.publish import publish
from include.s3logs.regions import Regions, RegionSource
from include.s3logs.regions.bogons import bogons
from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.networks import NetworkTable
from include.s3logs.regions.own_table import read_own_table
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.support.golden_text import PACKINGS, as_log, read_rows, table_text
from tests.support.offline_regions import SALT
from tests.support.one_day import bin_day, map_day, reduce_day
from tests.support.paths import FIXTURES

EXACT = Masking(0, 1)
_DELIVERED = 1_717_286_400 * 10**9  # when, in nanoseconds: a folder makes ETags of it
_TODAY = date(2024, 6, 30)


@dataclass(frozen=True)
class Case:
    """One case of a stage: its input and what is expected, in a folder of the fixtures or of another root."""

    stage: str
    name: str
    root: Path = FIXTURES

    def __str__(self):
        return f"{self.stage}/{self.name}"

    @property
    def path(self):
        return self.root / self.stage / self.name

    def given(self):
        """The settings of the case as texts, as they may stand in the environment."""
        return {name: value for name, value in self._settings().items() if name != "pack"}

    def settings(self):
        return Settings(_env_file=None, **self.given())

    def masking(self):
        settings = self.settings()
        return Masking(settings.mask_below, settings.round_to)

    def rows(self):
        return (self.path / "rows.tsv").read_text("utf-8")

    def catalog(self):
        return ManifestCatalog((self.path / "catalog.csv").read_bytes(), "catalog.csv")

    def regions(self, lake=None):
        """The case's own table and the reserved networks, and what the cache of the lake knows."""
        own = read_own_table((self.path / "regions.csv").read_bytes(), "regions.csv")
        cache = lake or LocalStore("/nowhere")
        table = NetworkTable([own, list(bogons())])
        return RegionSource("golden", lambda: Regions(table, SALT, RegionCache(cache), today=_TODAY))

    def deliveries(self):
        return [delivery for delivery in ("input", "late") if (self.path / delivery).is_dir()]

    def deliver(self, delivery, folder):
        """Put the log objects of a delivery into a folder."""
        packings = self._settings().get("pack", {})
        root = self.path / delivery
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            key = path.relative_to(root).as_posix()
            data = path.read_bytes()
            for packing in packings.get(key, ()):
                data = PACKINGS[packing](data)
            put(folder / key, data)

    def expected(self):
        """{name of the file: its text}."""
        return {path.name: _text(path.read_bytes()) for path in sorted((self.path / "expected").glob("*"))}

    def _settings(self):
        path = self.path / "settings.json"
        return json.loads(path.read_text("utf-8")) if path.exists() else {}


def cases(*stages):
    """All cases of the stages, or of all stages."""
    found = (Case(stage, path.name) for stage in stages or STAGES for path in (FIXTURES / stage).iterdir())
    return sorted(found, key=str)


def put(path, data):
    """Write a log object as it was delivered: always at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(_DELIVERED, _DELIVERED))


def results(case, folder):
    """Return what the case's stage makes of its input now, as {name of the file: its text}."""
    return STAGES[case.stage](case, folder)


def difference(expected, found):
    """Return what differs between two {name: text} as people read it; nothing when they are the same."""
    lines = []
    for name in sorted({*expected, *found}):
        before, after = (texts.get(name, "").splitlines() for texts in (expected, found))
        lines += unified_diff(before, after, f"expected/{name}", f"found/{name}", lineterm="")
    return "\n".join(lines)


def published(lake):
    """Return all texts below usage/ and status/ in one, each under its key."""
    keys = sorted(info.key for prefix in ("usage/", "status/") for info in lake.list(prefix))
    texts = (f"==> {key}\n{_text(lake.read(key))}" for key in keys if key.endswith((".tsv", ".json")))
    return "\n".join(texts)


def stages_of(case, lake, stores, *, regions=None, days=None):
    """Do all stages of these log days, or all that there are, before publishing; return the outcomes."""
    outcomes, listing = [], find_log_objects(stores)
    for day in days or sorted(listing.by_day):
        reduced = reduce_day(lake, stores, day, listing, case.settings())
        binned = bin_day(lake, reduced.checkpoint)
        mapped = map_day(lake, binned.checkpoint, case.catalog(), regions or case.regions())
        outcomes += [reduced, binned, mapped]
    return outcomes


def _reduced(case, folder):
    case.deliver("input", folder / "source")
    lake, checkpoint = _reduce(folder, case.settings())
    texts = {"rows.tsv": _table(lake, checkpoint, "rows"), "counts.json": _counts(checkpoint)}
    for name in ("objects.tsv", "quarantine.jsonl"):
        texts[name] = _text(read_output(lake, checkpoint, name.partition(".")[0]))
    return texts


def _binned(case, folder):
    lake, checkpoint = _bin(case, folder)
    texts = {f"{role}.tsv": _table(lake, checkpoint, role) for role in ("rows", "keys")}
    return texts | {"counts.json": _counts(checkpoint)}


def _mapped(case, folder):
    lake, binned = _bin(case, folder)
    assert _table(lake, binned, "rows") == case.rows(), "rows.tsv is not what bin leaves"
    checkpoint = map_day(lake, binned, case.catalog(), case.regions()).checkpoint
    texts = {f"{role}.tsv": _table(lake, checkpoint, role) for role in checkpoint.files}
    return texts | {"counts.json": _counts(checkpoint)}


def _published(case, folder):
    lake, stores = LocalStore(folder / "lake"), {"logs": LocalStore(folder / "source")}
    for delivery in case.deliveries():
        case.deliver(delivery, folder / "source")
        stages_of(case, lake, stores)
        publish(lake, case.masking())
    texts = {"masked.txt": published(lake)}
    publish(lake, EXACT)
    return texts | {"exact.txt": published(lake)}


STAGES = {"reduce": _reduced, "bin": _binned, "map": _mapped, "publish": _published}
"""What makes the results of each stage."""


def _reduce(folder, settings):
    """Reduce the one log day that there is; return lake and checkpoint."""
    lake, stores = LocalStore(folder / "lake"), {"logs": LocalStore(folder / "source")}
    listing = find_log_objects(stores)
    (day,) = listing.by_day
    return lake, reduce_day(lake, stores, day, listing, settings).checkpoint


def _bin(case, folder):
    """Reduce a log that has just the case's rows, and bin it; return lake and checkpoint."""
    put(folder / "source/2024-06-01-11-00-00-A", as_log(read_rows(case.rows())))
    lake, reduced = _reduce(folder, case.settings())
    if case.stage == "bin":
        assert _table(lake, reduced, "rows") == case.rows(), "rows.tsv is not what reduce leaves"
    return lake, bin_day(lake, reduced).checkpoint


def _table(lake, checkpoint, role):
    return table_text(pq.read_table(BytesIO(read_output(lake, checkpoint, role))))


def _counts(checkpoint):
    return json.dumps(dict(checkpoint.counts), indent=1, sort_keys=True) + "\n"


def _text(data):
    return data.decode("utf-8")


def main(arguments=None):
    """Show, or write, what differs; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.golden")
    parser.add_argument("cases", nargs="*", metavar="stage/case", help="all, when none is named")
    parser.add_argument("--write", action="store_true", help="make the expected files anew")
    chosen = parser.parse_args(arguments)
    known = {str(case): case for case in cases()}
    if unknown := sorted(set(chosen.cases) - known.keys()):
        parser.error(f"there is no case {', '.join(unknown)}")
    for name in [name for name in os.environ if name.startswith("S3LOGS_")]:
        del os.environ[name]
    differ = False
    for case in (known[name] for name in chosen.cases or known):
        with TemporaryDirectory() as folder:
            found = results(case, Path(folder))
        if found != case.expected():
            differ = True
            print(f"{case}\n{difference(case.expected(), found)}\n")
            if chosen.write:
                _write(case, found)
    return int(differ and not chosen.write)


def _write(case, texts):
    folder = case.path / "expected"
    folder.mkdir(exist_ok=True)
    for stale in folder.iterdir():
        stale.unlink()
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())


if __name__ == "__main__":
    sys.exit(main())
