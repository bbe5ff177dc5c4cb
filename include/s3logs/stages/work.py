"""What a stage is given: one log day, and what it may need, opened when it asks for it."""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date

from include.s3logs.catalogs.claims import Catalog
from include.s3logs.errors import NotFoundError
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
from include.s3logs.logs.sources import Listing
from include.s3logs.regions import RegionSource
from include.s3logs.settings import Settings
from include.s3logs.stages.limits import LIMITS, Limits
from include.s3logs.stores.store import Store

log = logging.getLogger(__name__)


class KeptError(Exception):
    """A stage cannot be done, and its earlier result is whole: that stays."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint.stage)
        self.checkpoint = checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One log day of a run for all of its stages.

    `token` is the run's, the same in each of its attempts. `sources` are the stores of the log objects by
    their addresses, and `listing` what they hold of the day now.
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
    remake: Collection[str] = ()
    """Stages, by name, whose results are damaged: they are computed again, and never of less."""
    limits: Limits = LIMITS

    def remakes(self, stage: Stage) -> bool:
        """Tell whether a stage is computed again although nothing changed."""
        return self.force or stage.name in self.remake

    def upstream(self, stage: Stage) -> Checkpoint:
        """Return the checkpoint of the stage that this one reads.

        When that is gone and the stage's own result is whole, that stays: KeptError. Else NotFoundError.
        """
        found = load_checkpoint(self.lake, stage.reads, self.day)
        if found is not None:
            return found
        if not self.remakes(stage) and (own := intact_checkpoint(self.lake, stage.name, self.day)):
            raise KeptError(own)
        where = self.lake.uri(checkpoint_key(stage.reads, self.day))
        raise NotFoundError(f"{where} is not there. Do {_task_of(stage.reads)} of {self.day} first.")


def run_stage_of(stage: Stage, work: Work) -> Outcome:
    """Do one stage of a log day; with the stage that closes it, the day is done as far as this run knows."""
    try:
        outcome: Outcome = stage.function()(work)
    except KeptError as kept:
        log.warning("%s: %s/ is gone; what %s made of it stays.", work.day, stage.reads, stage.task)
        outcome = Outcome(kept.checkpoint, reused=True)
    if stage.closes:
        close_day(work.lake, work.day, work.token)
    return outcome


def _task_of(name: str) -> str:
    stage = stages.by_name(name)
    return stage.task if stage else name
