"""The list of log objects that a finished day was computed from, and what became of them since."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from include.s3logs.errors import MissingLogObjectsError
from include.s3logs.lake.checkpoint import Checkpoint, read_output
from include.s3logs.lake.open_days import open_day
from include.s3logs.logs.names import LogObject
from include.s3logs.logs.rolled_up.levels import interval_of_file
from include.s3logs.stages.work import Work

HEADER = "source\tkey\tsize\tetag\tlines\trejections"
DIGEST = "log_objects_digest"


def row(log_object: LogObject, lines: int, rejections: int) -> str:
    """Return the line of the list for one log object."""
    source, key, size, etag = log_object
    return f"{escaped(source)}\t{escaped(key)}\t{size}\t{etag}\t{lines}\t{rejections}"


def to_tsv(rows: Sequence[str]) -> bytes:
    """Return the list as a file."""
    return ("\n".join(rows) + "\n").encode("utf-8", "surrogateescape")


def only_lost_objects(
    work: Work, earlier: Checkpoint, inputs: Mapping[str, Any], objects: Sequence[LogObject]
) -> bool:
    """Tell whether a finished day differs from the sources by objects that are gone, and nothing else.

    `inputs` are those of reducing `objects` now. A day that lost objects and differs in another way cannot
    be computed again without losing requests: MissingLogObjectsError. Where all are gone, other settings do
    not count: there is nothing left that they could be applied to.
    """
    if earlier.inputs.get(DIGEST) == inputs[DIGEST]:
        return False
    table = read_output(work.lake, earlier, "objects").decode("utf-8", "surrogateescape")
    before = Counter(tuple(line.split("\t")[1:4]) for line in table.split("\n")[1:-1])
    now = Counter((escaped(o.key), str(o.size), o.etag) for o in objects)
    lost = (_by_key(before) - _by_key(now)).elements()
    gone = sorted(key for key in lost if interval_of_file(key) is None)  # a roll-up was skipped, nothing else
    if not gone:
        return False
    if not objects or (now <= before and same_settings(earlier, inputs)):
        return True
    open_day(work.lake, work.day, work.token)
    raise MissingLogObjectsError(
        f"Log day {earlier.log_day} was computed from {before.total()} log objects; {len(gone)} of them are "
        f"gone from the sources (first: {gone[0]}). Computing it again would lose their requests; "
        "the earlier result stays. Put them back, or run the day with force to go on without them."
    )


def same_settings(earlier: Checkpoint, inputs: Mapping[str, Any]) -> bool:
    """Tell whether a day was reduced with the settings, and by the version, of these inputs."""
    return _settings(earlier.inputs) == _settings(inputs)


def _settings(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if not name.startswith("log_objects")}


def _by_key(objects: Counter[Any]) -> Counter[str]:
    return Counter(key for key, *_ in objects.elements())


def escaped(key: str) -> str:
    """Escape what would break a tab-separated line."""
    return key.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
