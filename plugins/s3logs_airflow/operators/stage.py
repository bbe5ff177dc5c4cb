"""One stage of one log day: settings and lake in, checkpoint out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context

from include.s3logs.lake import stages
from include.s3logs.lake.checkpoint import checkpoint_key
from s3logs_airflow.assets import asset_of
from s3logs_airflow.operators.discover import LISTINGS
from s3logs_airflow.operators.errors import told
from s3logs_airflow.operators.parameters import is_forced, token_of
from s3logs_airflow.pages.links import CheckpointLink, QuarantineLink

if TYPE_CHECKING:
    from include.s3logs.lake.checkpoint import Outcome
    from include.s3logs.logs.listings import Carried
    from include.s3logs.stores.store import Store


class StageOperator(BaseOperator):
    """Does one stage of one log day. Returns the checkpoint's summary as XCom; the data stays in the lake.

    :param stage: the name of the stage in `include.s3logs.lake.stages`.
    :param day: the log day, YYYY-MM-DD.
    :param upstream: the summary that the stage before returned (none for the first stage).
    :param listed_by: the task that listed the log objects, for the first stage.
    """

    template_fields: Sequence[str] = ("day", "upstream")
    operator_extra_links = (CheckpointLink(), QuarantineLink())

    def __init__(
        self, *, stage: str, day: str, upstream: Any = None, listed_by: str = "", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.stage = stage
        self.day = day
        self.upstream = upstream
        self.listed_by = listed_by
        self.rejected = 0
        if known := stages.by_name(stage):
            self.ui_color = known.color

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Compute the stage, or find it done, and return its summary."""
        from include.s3logs.stages.work import run_stage_of
        from s3logs_airflow.connections.deployment import open_deployment

        started = time.monotonic()
        stage = stages.by_name(self.stage)
        if stage is None:
            raise KeyError(f"There is no stage {self.stage!r}.")
        deployment = open_deployment()
        work = deployment.work(
            date.fromisoformat(self.day),
            token=token_of(context),
            force=is_forced(context),
            sources=context["params"].get("sources") or (),
            carried=None if stage.reads else self._carried(context),
            first_try=context["ti"].try_number <= 1,
        )
        outcome = run_stage_of(stage, work)
        self._compare(outcome)
        self.rejected = rejected(outcome)
        summary = summarise(deployment.lake, outcome, time.monotonic() - started)
        self.log.info(
            "%s %s: %s in %.2f s, %s",
            *(summary[k] for k in ("log_day", "stage", "outcome", "seconds", "counts")),
        )
        context["outlet_events"][asset_of(stage)].extra = {
            "log_day": self.day,
            "outcome": summary["outcome"],
            **summary["counts"],
        }
        return summary

    def _carried(self, context: Context) -> Carried | None:
        """Return what discover listed of the day; None where it listed nothing of it."""
        from include.s3logs.lake.pointer import OutputFile
        from include.s3logs.logs.listings import Carried

        listings = context["ti"].xcom_pull(task_ids=self.listed_by, key=LISTINGS) if self.listed_by else None
        told = (listings or {}).get(self.day)
        return Carried(**{**told, "file": OutputFile(**told["file"])}) if told else None

    def _compare(self, outcome: Outcome) -> None:
        """Say so when the stage did not read what the stage before of this run returned."""
        before = self.upstream if isinstance(self.upstream, dict) else {}
        read = outcome.checkpoint.upstream.get(str(before.get("stage")))
        if read and read["fingerprint"] != before["fingerprint"]:
            self.log.info(
                "Another run has computed %s of %s since; its result is used.", before["stage"], self.day
            )


def rejected(outcome: Outcome) -> int:
    """Return how many lines and log objects of the day are in its quarantine."""
    counts = outcome.checkpoint.lineage()[stages.REDUCED.name]["counts"]
    return int(counts["rejections"]) + int(counts["unreadable_objects"])


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
