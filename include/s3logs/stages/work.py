"""What a stage is given: one log day, and what it may need, opened when it asks for it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from include.s3logs.catalogs.claims import Catalog
from include.s3logs.errors import CorruptLakeError, NotFoundError
from include.s3logs.lake import stages
from include.s3logs.lake.checkpoint import (
    Checkpoint,
    Outcome,
    checkpoint_key,
    intact_checkpoint,
    load_checkpoint,
)
from include.s3logs.lake.open_days import close_day
from include.s3logs.lake.stages import Stage
from include.s3logs.logs.listings import Carried
from include.s3logs.logs.sources import Listing
from include.s3logs.regions import RegionSource
from include.s3logs.settings import Settings
from include.s3logs.stages.limits import LIMITS, Limits
from include.s3logs.stages.older_rules import settle
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)


class KeptError(Exception):
    """A stage cannot be done, and its earlier result stays: it is whole, or a later stage tells of it."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint.stage)
        self.checkpoint = checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One log day of a run for all of its stages.

    `token` is the run's, the same in each of its attempts. `sources` are the stores of the log objects by
    their addresses, and `listing` what they hold of the day now. `carried` is what the run's discover listed
    of it, if it did; the first try at the day goes by that.
    """

    day: date
    lake: Store
    settings: Settings
    token: str
    sources: Callable[[], Mapping[str, Store]]
    listing: Callable[[], Listing]
    catalog: Callable[[], Catalog]
    regions: Callable[[], RegionSource]
    force: bool = False
    carried: Carried | None = None
    first_try: bool = True
    limits: Limits = LIMITS

    def upstream(self, stage: Stage) -> Checkpoint:
        """Return the checkpoint of the stage that this one reads.

        When that is gone and the stage's own result is whole, that stays, and so does one of which only a
        later stage tells: KeptError. Else NotFoundError.
        """
        found = load_checkpoint(self.lake, stage.reads, self.day)
        if found is not None:
            return found
        own = intact_checkpoint(self.lake, stage.name, self.day) or self.told_later(stage)
        if own and not self.force:
            raise KeptError(own)
        where = self.lake.uri(checkpoint_key(stage.reads, self.day))
        raise NotFoundError(f"{where} is not there. Do {_task_of(stage.reads)} of {self.day} first.")

    def told_later(self, stage: Stage) -> Checkpoint | None:
        """Return what a later stage tells of the stage's result, which is gone, without its files.

        Only where the later one is whole, and a newer version of a stage would compute it anew, or could not.
        """
        for later in stages.STAGES[stages.names().index(stage.name) + 1 :]:
            found = intact_checkpoint(self.lake, later.name, self.day)
            if found and stage.name in found.upstream and (found.is_behind() or found.is_by_older_rules()):
                return found.told_of(stage.name)
        return None


def run_stage_of(stage: Stage, work: Work) -> Outcome:
    """Do one stage of a log day; with the stage that closes it, the day is done as far as this run knows."""
    try:
        outcome: Outcome = stage.function()(work)
    except KeptError as kept:
        log.warning("%s: %s/ is gone; what %s made of it stays.", work.day, stage.reads, stage.task)
        outcome = _left(stage, work, kept.checkpoint, with_upstream=True)
    except CorruptLakeError as error:
        earlier = _of_an_earlier_version(stage, work) or work.told_later(stage)
        if work.force or earlier is None:
            raise
        log.warning("%s: %s", work.day, error)
        outcome = _left(stage, work, earlier)
    if stage.closes:
        close_day(work.lake, work.day, work.token)
    return outcome


def _left(stage: Stage, work: Work, result: Checkpoint, *, with_upstream: bool = False) -> Outcome:
    """Leave a result as it is, marked if it is whole; of others only a later stage tells."""
    if result.files:
        result = settle(work.lake, work.day, stage, result, with_upstream=with_upstream)
    return Outcome(result, reused=True)


def _of_an_earlier_version(stage: Stage, work: Work) -> Checkpoint | None:
    """Return a whole result that only the stage's version would compute anew, and not what it was made of."""
    own = intact_checkpoint(work.lake, stage.name, work.day)
    before = load_checkpoint(work.lake, stage.reads, work.day) if stage.reads else None
    if own is None or before is None or own.version >= stage.version:
        return None
    return own if own.upstream[stage.reads]["fingerprint"] == before.fingerprint else None


def _task_of(name: str) -> str:
    stage = stages.by_name(name)
    return stage.task if stage else name
