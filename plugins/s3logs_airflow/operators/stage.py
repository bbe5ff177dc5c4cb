"""What the three stage operators share: settings and lake in, checkpoint out."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import Asset, BaseOperator, Context

from include.s3logs.errors import NotFoundError
from include.s3logs.lake.checkpoint import checkpoint_key, load_checkpoint
from include.s3logs.settings import Settings, load_settings, require
from s3logs_airflow.pages.links import CheckpointLink, QuarantineLink

if TYPE_CHECKING:
    from include.s3logs.lake.checkpoint import Checkpoint, Outcome
    from include.s3logs.stores.store import Store


class StageOperator(BaseOperator):
    """One stage of one log day. Returns the checkpoint's summary as XCom; the data stays in the lake.

    :param day: the log day, YYYY-MM-DD.
    :param upstream: the summary that the stage before returned (none for the first stage).
    """

    stage: ClassVar[str]  # the folder of the stage in the lake
    asset: ClassVar[Asset]
    template_fields: Sequence[str] = ("day", "upstream")
    operator_extra_links = (CheckpointLink(), QuarantineLink())

    def __init__(self, *, day: str, upstream: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day = day
        self.upstream = upstream

    @abstractmethod
    def run_stage(self, lake: Store, settings: Settings, context: Context) -> Outcome:
        """Do the work of the stage."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Compute the stage, or find it done, and return its summary."""
        from s3logs_airflow.connections.stores import open_lake

        started = time.monotonic()
        settings = load_settings()
        require(settings, "lake")
        lake = open_lake(settings)
        outcome = self.run_stage(lake, settings, context)
        summary = summarise(lake, outcome, time.monotonic() - started)
        self.log.info(
            "%s %s: %s in %.2f s, %s",
            *(summary[k] for k in ("log_day", "stage", "outcome", "seconds", "counts")),
        )
        context["outlet_events"][self.asset].extra = {
            "log_day": self.day,
            "outcome": summary["outcome"],
            **summary["counts"],
        }
        return summary

    def input_checkpoint(self, lake: Store) -> Checkpoint:
        """Return the checkpoint of the stage before, as its XCom names it and as the lake has it now."""
        stage = self.upstream["stage"]
        checkpoint = load_checkpoint(lake, stage, date.fromisoformat(self.day))
        if checkpoint is None:
            raise NotFoundError(f"{self.upstream['checkpoint']} is gone. Clear reduce of {self.day}.")
        if checkpoint.fingerprint != self.upstream["fingerprint"]:
            self.log.info("Another run has computed %s of %s since; its result is used.", stage, self.day)
        return checkpoint


def summarise(lake: Store, outcome: Outcome, seconds: float) -> dict[str, Any]:
    """Return what the UI shows of a stage and the next stage needs: addresses and counts, never data."""
    checkpoint = outcome.checkpoint
    return {
        "log_day": checkpoint.log_day,
        "stage": checkpoint.stage,
        "outcome": "reused" if outcome.reused else "computed",
        "fingerprint": checkpoint.fingerprint,
        "checkpoint": lake.uri(checkpoint_key(checkpoint.stage, date.fromisoformat(checkpoint.log_day))),
        "files": {role: lake.uri(file.key) for role, file in checkpoint.files.items()},
        "counts": dict(checkpoint.counts),
        "seconds": round(seconds, 3),
    }
