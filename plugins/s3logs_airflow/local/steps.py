"""The steps of a run: the tasks of `s3_access_logs`, by day and stage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from include.s3logs.lake import stages

DISCOVER, PUBLISH, RETAIN, COMPLETE = "discover", "publish", "retain", "complete"
FAILED, UPSTREAM_FAILED = "failed", "upstream_failed"


def stage_tasks() -> tuple[str, ...]:
    """Return what the stages of a day do, in one word each, in order."""
    return tuple(stage.task for stage in stages.STAGES)


@dataclass(frozen=True, slots=True)
class Step:
    """One task instance: a stage of a day, or one of the tasks around the days (day is then empty)."""

    task: str
    day: str
    state: str
    index: int = -1
    tries: int = 0

    @property
    def stage(self) -> str:
        """Return the stage's task for a step of a day, else the task's own name."""
        return self.task.removeprefix("day.")


def first_failed(steps: Iterable[Step]) -> Step | None:
    """Return the earliest stage that failed; the stages after it only wait for it."""
    bad = {step.stage: step for step in steps if step.state in (FAILED, UPSTREAM_FAILED)}
    return next((bad[stage] for stage in stage_tasks() if stage in bad), None)
