"""The region cache made anew of what is whole of it, after damage."""

import pyarrow as pa

from include.s3logs.errors import ChangedObjectError, CorruptLakeError, NotFoundError
from include.s3logs.lake.pointer import Attempt, NotAPointerError, OutputFile, Pointer, read_file
from include.s3logs.regions.cache import BASE, BASES, FOLDER, KIND, NEW, POINTER, SCHEMA, newest, parsed
from include.s3logs.stores.store import Store
from include.s3logs.tables.parquet import to_parquet


def rebuild_cache(lake: Store) -> int:
    """Make the cache anew of all its files that can be read; return how many could not: their entries go.

    These are asked about again when their requesters come again.
    """
    place = Pointer(lake, POINTER, KIND)
    version = place.version()
    new = [info.key for info in lake.list(NEW)]
    bases = [info.key for info in lake.list(BASES)]
    whole, broken = list[pa.Table](), list[str]()
    sound = _sound_base(place)
    for key in (*bases, *new):
        try:
            whole.append(parsed(lake, key, _content(lake, key, sound)))
        except (CorruptLakeError, NotFoundError):
            broken.append(key)
    attempt = Attempt(lake, FOLDER)
    entries = newest(pa.concat_tables([SCHEMA.empty_table(), *whole]))
    attempt.write(BASE, "parquet", to_parquet(entries))
    try:
        place.put(attempt.files, {"rows": entries.num_rows}, over=version)
    except ChangedObjectError:
        attempt.abandon()
        raise
    lake.delete(new)  # bases may be being read: a later merge sweeps them
    return len(broken)


def _sound_base(place: Pointer) -> OutputFile | None:
    """Return the base that the checkpoint names; None where it says nothing that makes sense."""
    try:
        return found.files.get(BASE) if (found := place.read()) else None
    except NotAPointerError:
        return None


def _content(lake: Store, key: str, base: OutputFile | None) -> bytes:
    """Return the content of a file, compared where there is a digest."""
    return read_file(lake, base, "") if base and base.key == key else lake.read(key)
