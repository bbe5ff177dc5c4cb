"""Results that a newer version of a stage cannot compute again, as what they were made of is gone.

They are brought to the version by the stage's upgrades, or they stay as they are, with a mark that says for
which version that was found out.
"""

import logging
from datetime import date
from typing import Any

from include.s3logs.errors import ChangedObjectError
from include.s3logs.lake.checkpoint import (
    KEPT_FOR,
    KIND,
    Attempt,
    Checkpoint,
    checkpoint_key,
    load_checkpoint,
)
from include.s3logs.lake.pointer import Pointer
from include.s3logs.lake.stages import Stage, by_name
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)


def settle(
    lake: Store, day: date, stage: Stage, result: Checkpoint, *, with_upstream: bool = False
) -> Checkpoint:
    """Return the result as it is to stand from now on; what has the stage's version is not touched.

    Upgrades are made for rows with addresses: where these went, the result stays. With `with_upstream` what
    it was made of is gone from the lake: what this one says of it is settled, too.
    """
    missing = range(result.version, stage.version)
    if missing and not result.retained and all(number in stage.upgrades for number in missing):
        for number in missing:
            result = _upgraded(lake, day, stage, result, number)
    upstream = dict(result.upstream)
    if with_upstream:
        upstream = {name: _marked(name, told) for name, told in upstream.items()}
    marks = dict(result.marks)
    if result.version < stage.version:
        marks[KEPT_FOR] = stage.version
    if (marks, upstream) == (dict(result.marks), dict(result.upstream)):
        return result
    settled = result.with_(marks=marks, upstream=upstream)
    Pointer(lake, checkpoint_key(stage.name, day), KIND).put(
        settled.files, settled.told(), over=_version_of(lake, day, result)
    )
    if marks != result.marks:
        log.warning(
            "%s: %s stays as version %d made it: what it was made of is gone.",
            *(day, stage.name, result.version),
        )
    return settled


def _upgraded(lake: Store, day: date, stage: Stage, result: Checkpoint, number: int) -> Checkpoint:
    """Bring the result from version `number` to the next one."""
    over = _version_of(lake, day, result)
    attempt = Attempt(lake, stage.name, day)
    counts = stage.upgrade(number)(attempt, result)
    attempt.files = {**result.files, **attempt.files}
    log.info("%s: %s is brought from version %d to %d.", day, stage.name, number, number + 1)
    return attempt.commit({**result.inputs, "version": number + 1}, counts, result.upstream, over=over)


def _version_of(lake: Store, day: date, result: Checkpoint) -> str:
    """Return the version of the checkpoint; ChangedObjectError when it says something else by now."""
    over = Pointer(lake, checkpoint_key(result.stage, day), KIND).version()
    if load_checkpoint(lake, result.stage, day) != result:
        raise ChangedObjectError(f"Another attempt at {result.stage} of {day} was faster; its result stands.")
    return over


def _marked(name: str, told: Any) -> Any:
    stage = by_name(name)
    if stage is None or told.get("version", stage.version) >= stage.version:
        return told
    return {**told, "marks": {**told.get("marks", {}), KEPT_FOR: stage.version}}
