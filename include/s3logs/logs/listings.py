"""What a run listed, carried to its tasks: all speak of the same log objects, and nobody lists twice.

    <lake>/listings/<run>/<log day>.tsv    `source, key, size, etag` of each log object; of objects that are
                                           no access logs only the address, as key

Whoever is handed a `Carried` knows, also without the file, how many log objects the day must have.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote

from include.s3logs.errors import CorruptLakeError
from include.s3logs.lake.pointer import OutputFile, read_file, sweep
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.sources import Foreign, Listing
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)

FOLDER = "listings/"
KEPT = timedelta(days=10)
_HEADER = "source\tkey\tsize\tetag"
_LONGEST = 200  # characters of a folder's name: file systems take 255
_REMEDY = "The sources are listed anew."


@dataclass(frozen=True, slots=True)
class Carried:
    """The listing of a log day: the file, and how many log objects are in it.

    `rolled_up` of these are in roll-ups; `foreign` counts the objects that are no access logs.
    """

    file: OutputFile
    objects: int
    rolled_up: int
    foreign: int


def carry(lake: Store, run: str, listing: Listing, days: Iterable[date]) -> dict[date, Carried]:
    """Write what was listed of the log days for the tasks of a run; remove what runs of long ago left."""
    sweep(lake, FOLDER, (), KEPT)
    carried, files = dict[date, Carried](), dict[str, bytes]()
    for day in days:
        objects, foreign = listing.of(day), listing.foreign_of(day)
        rows = [f"{escaped(o.source)}\t{escaped(o.key)}\t{o.size}\t{o.etag}" for o in objects]
        rows += [f"\t{escaped(uri)}\t\t" for uri in foreign.examples]
        key = f"{FOLDER}{_folder(run)}/{day}.tsv"
        files[key] = "".join(f"{row}\n" for row in (_HEADER, *rows)).encode("utf-8", "surrogateescape")
        file = OutputFile(key, len(files[key]), hashlib.sha256(files[key]).hexdigest())
        rolled_up = sum(o in listing.places for o in objects)
        carried[day] = Carried(file, len(objects), rolled_up, foreign.count)
    lake.write_many(files)
    return carried


def take(lake: Store, day: date, carried: Carried) -> Listing | None:
    """Return the listing, without places in roll-ups; None when the file is gone or damaged."""
    try:
        table = read_file(lake, carried.file, _REMEDY).decode("utf-8", "surrogateescape")
    except CorruptLakeError as error:
        log.warning("%s", error)
        return None
    listing, foreign = Listing(), Foreign(carried.foreign)
    for row in table.split("\n")[1:-1]:
        source, key, size, etag = row.split("\t")
        if source:
            listing.by_day[day].append(LogObject(unescaped(source), unescaped(key), int(size), etag))
        else:
            foreign.examples.append(unescaped(key))
    if foreign.count:
        listing.others[str(day)] = foreign
    return listing


_ESCAPES: Mapping[str, str] = {"\\": "\\\\", "\t": "\\t", "\n": "\\n"}


def escaped(text: str) -> str:
    """Escape what would break a tab-separated line."""
    for character, written in _ESCAPES.items():
        text = text.replace(character, written)
    return text


def unescaped(text: str) -> str:
    """Return what was escaped."""
    parts = text.split("\\\\")
    return "\\".join(part.replace("\\t", "\t").replace("\\n", "\n") for part in parts)


def _folder(run: str) -> str:
    """Return the name of a run as one folder: runs may be called anything."""
    name = quote(run, safe="")
    return name if len(name) <= _LONGEST and name.strip(".") else hashlib.sha256(run.encode()).hexdigest()
