"""Of `docs/formats.md`: what there is in the lake, its pointers, and the tables of no stage."""

from collections.abc import Iterator

from include.s3logs.catalogs import claims, dandi
from include.s3logs.days import catalog_changes, healing
from include.s3logs.documents.markdown import Parts, code, columns_in_tables, table
from include.s3logs.lake import checkpoint, stages
from include.s3logs.lake.checkpoint import CHECKPOINT
from include.s3logs.lake.pointer import Kind
from include.s3logs.logging_audit import report
from include.s3logs.logs import listings
from include.s3logs.logs.rolled_up import manifest
from include.s3logs.publishing import publish
from include.s3logs.publishing.schemas import LOG_DAYS
from include.s3logs.regions import cache, kept_networks, lists, places
from include.s3logs.tables.schemas import Columns

POINTERS: dict[str, Kind] = {
    f"<stage>/<log day>/{CHECKPOINT}": checkpoint.KIND,
    publish.CHECKPOINT: publish.KIND,
    dandi.POINTER: dandi.KIND,
    cache.POINTER: cache.KIND,
    "<sub-prefix><date>.manifest.json": manifest.KIND,
}
"""All pointers, by their keys; the last is beside a roll-up."""
TABLES: dict[str, Columns] = {
    f"{dandi.FOLDER}/{dandi.ASSETS}-<attempt>.parquet": claims.COLUMNS,
    f"{cache.FOLDER}/{cache.BASE}-<attempt>.parquet": cache.COLUMNS,
    f"{cache.NEW}<digest>.parquet": cache.COLUMNS,
}
"""Tables of no stage, by their keys."""


def parts() -> Parts:
    """Return the parts of the page."""
    return {
        "lake": table(("key", "what it is"), ((_keys(keys), what) for keys, what in layout())),
        "pointers": table(("pointer", "", "meaning"), _pointers()),
        "other tables": columns_in_tables(TABLES),
    }


def layout() -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield all keys of the lake, with `<…>` for what differs, and what they are."""
    for stage in (*stages.STAGES, stages.MONTHS):
        folder = f"{stage.name}/<log day>" if stage in stages.STAGES else f"{stage.name}/<first day>"
        files = (f"{folder}/{file.role}-<attempt>.{file.suffix}" for file in stage.files)
        yield (f"{folder}/{CHECKPOINT}", *files), stage.does
    assets, base, new = TABLES
    yield (
        ("open/<log day>",),
        "there while a log day is not finished: the token of the run at work on it",
    )
    yield (f"{listings.FOLDER}<run>/<log day>.tsv",), "what a run listed of a log day, for its tasks"
    yield (healing.NOTE,), "when it is asked again for log objects that could not be read, by log day"
    yield (catalog_changes.CHECKED,), "the fingerprint of the catalog that all finished log days agree with"
    yield (
        (dandi.POINTER, assets),
        "what was last fetched of an archive's API: every asset of every version, in order of key, dataset, "
        "version (newest first) and path",
    )
    yield (publish.CHECKPOINT,), "what was published, with digests"
    yield (f"{publish.UNFINISHED}-<attempt>",), "there while published files are being replaced"
    yield (LOG_DAYS.key,), "the state and counts of every log day"
    yield tuple(f"{lists.FOLDER}/{name}.json" for name in lists.LISTS), "networks that were fetched, and when"
    yield (
        (f"{kept_networks.FOLDER}<digest>{kept_networks.SUFFIX}",),
        "all networks with their labels as one table, by the digest of what it is made of; can be made anew",
    )
    yield (cache.POINTER, base, new), "what the IP service said, by keyed hash: merged, and added since"
    yield (places.COORDINATES,), "latitude and longitude of every region that figures can name"
    yield (report.TABLE, report.DATA), "where every bucket logs to, and what is wrong with that"
    yield ("usage/…",), "the published figures, the only part that may be shown"


def _keys(keys: tuple[str, ...]) -> str:
    """Return the keys; of those after the first only what follows its folder."""
    folder = keys[0].rpartition("/")[0]
    return code(keys[0], *(key.removeprefix(f"{folder}/") for key in keys[1:]))


def _pointers() -> Iterator[tuple[str, str, str]]:
    for key, kind in POINTERS.items():
        yield code(key), "`format`", f"{kind.format}: a {kind.name}"
        for name, meaning in kind.says.items():
            yield "", code(name), meaning
