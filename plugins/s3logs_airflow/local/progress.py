"""What is going on in the runs: a live table on a terminal, a line for each change without one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from s3logs_airflow.local.runs import ACTIVE, WAITING, Runs
from s3logs_airflow.local.steps import COMPLETE, DISCOVER, FAILED, PUBLISH, RETAIN, Step, stage_tasks

POLL_SECONDS = 0.5
POLL_SECONDS_PER_STEP = 1 / 300  # thousands of steps are work for Airflow, too, when it is asked for them
_AROUND = 6  # lines of the live view that are neither days nor tasks around them
_LOOK = {  # state: what is shown for it, and how
    "": ("·", "dim"),
    "scheduled": ("waiting", "dim"),
    "queued": ("waiting", "dim"),
    "running": ("running", "cyan"),
    "success": ("done", "green"),
    "failed": ("FAILED", "bold red"),
    "up_for_retry": ("will retry", "yellow"),
    "up_for_reschedule": ("waiting", "dim"),
    "restarting": ("restarting", "yellow"),
    "deferred": ("waiting", "dim"),
    "upstream_failed": ("not run", "red"),
    "skipped": ("skipped", "dim"),
    "removed": ("removed", "dim"),
}
_TOLD = ("running", "success", "failed", "up_for_retry", "upstream_failed", "skipped")
_AFTER_DAYS = {DISCOVER: 0, PUBLISH: 2, RETAIN: 3, COMPLETE: 4}
_IDLE = {"", "scheduled", "queued", "skipped"}
_ENDED = ("success", "failed", "upstream_failed", "skipped", "removed")
_URGENT = {"failed": 0, "up_for_retry": 1, "running": 2, "restarting": 2}  # what must not be hidden, first


@dataclass(frozen=True)
class Snapshot:
    """The runs at one moment."""

    states: Mapping[str, str] = field(default_factory=dict)  # run: state
    steps: Mapping[str, Sequence[Step]] = field(default_factory=dict)  # run: its steps
    own_days: Mapping[str, str] = field(default_factory=dict)  # run: its day, if it was made for one

    @property
    def ended(self) -> bool:
        """Say whether no run works any more."""
        return all(state not in ACTIVE for state in self.states.values())

    @property
    def succeeded(self) -> bool:
        """Say whether every run was a success."""
        return all(state == "success" for state in self.states.values())

    def all_steps(self) -> list[Step]:
        """Return the steps of all runs."""
        return [step for steps in self.steps.values() for step in steps]

    def failed(self) -> list[tuple[str, Step]]:
        """Return each run's failed steps, the days in order."""
        found = [(run, step) for run, steps in self.steps.items() for step in steps if step.state == FAILED]
        return sorted(found, key=lambda item: (item[1].day, item[1].stage))

    def days(self) -> dict[str, dict[str, str]]:
        """Return for each day, in order, the state of each stage."""
        days: dict[str, dict[str, str]] = {}
        for step in self.all_steps():
            if step.day:
                days.setdefault(step.day, dict.fromkeys(stage_tasks(), ""))[step.stage] = step.state
        return dict(sorted(days.items()))

    def around(self, task: str) -> Counter[str]:
        """Return how many runs have the task in which state."""
        return Counter(step.state for step in self.all_steps() if step.task == task)


def look(runs: Runs, followed: Sequence[str], before: Snapshot | None = None) -> Snapshot:
    """Ask Airflow how the runs are; those that had ended are not asked for again."""
    known = before or Snapshot()
    open_runs = [run for run in followed if known.states.get(run, ACTIVE[0]) in ACTIVE]
    # The states before the steps: an ended run has its final steps. One that waits has nothing new.
    states = {**known.states, **runs.states(open_runs)}
    steps = {run: runs.steps(run) for run in open_runs if states[run] != WAITING}
    all_steps = {run: steps.get(run, known.steps.get(run, ())) for run in followed}
    return Snapshot(states, all_steps, {run: runs.own_day(run) for run in followed})


def follow(
    runs: Runs,
    followed: Sequence[str],
    console: Console,
    check: Callable[[], None],
    told: Snapshot | None = None,
    *,
    wait: Callable[[float], object] = time.sleep,
) -> Snapshot:
    """Show the runs until all have ended; `check` raises when that will not happen.

    What was in `told` is no news. `wait` is given the seconds until Airflow is asked again.
    """
    before = told or Snapshot()
    now = Snapshot(steps=before.steps)
    with _view(console) as show:
        while True:
            check()
            now = look(runs, followed, now)
            show(before, now)
            if now.ended:
                return now
            before = now
            wait(POLL_SECONDS + POLL_SECONDS_PER_STEP * len(now.all_steps()))


@contextmanager
def _view(console: Console) -> Iterator[Callable[[Snapshot, Snapshot], None]]:
    """Yield a function that shows the newer of two snapshots."""
    if console.is_terminal:
        started = time.monotonic()
        with Live(console=console, refresh_per_second=4) as live:
            yield lambda _, now: live.update(render(now, console.height, time.monotonic() - started))
    else:

        def tell(before: Snapshot, now: Snapshot) -> None:
            for line in changes(before, now):
                console.print(line, markup=False, soft_wrap=True)

        yield tell


def changes(before: Snapshot, now: Snapshot) -> list[str]:
    """Return a line for each step whose state changed to one worth telling."""
    old = {(run, s.task, s.index, s.tries): s.state for run, steps in before.steps.items() for s in steps}
    lines = []
    for run, steps in now.steps.items():
        for step in sorted(steps, key=lambda s: (_AFTER_DAYS.get(s.task, 1), s.day)):
            state = old.get((run, step.task, step.index, step.tries))
            if step.state != state and step.state in _TOLD:
                whose = step.day or now.own_days.get(run, "")
                lines.append(f"{whose:10}  {step.stage:8}  {_LOOK[step.state][0]}".strip())
    return lines


def render(now: Snapshot, height: int, seconds: float) -> RenderableType:
    """Return the view of a terminal with `height` lines."""
    steps = now.all_steps()
    done = sum(step.state in _ENDED for step in steps)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("log day", *stage_tasks()):
        table.add_column(name, min_width=10)
    days = now.days()
    around = (DISCOVER, PUBLISH, *([RETAIN] if set(now.around(RETAIN)) - _IDLE else []), COMPLETE)
    shown = _most_urgent(days, max(height - _AROUND - len(around), 3))
    for day in shown:
        table.add_row(day, *(_cell(days[day][stage]) for stage in stage_tasks()))
    hidden = [states for day, states in days.items() if day not in shown]
    note = [Text(f"… and {len(hidden)} more days, {_tally(hidden)}", style="dim")] if hidden else []
    ends = [_around(name, now.around(name)) for name in around]
    footer = Text(f"{done} of {len(steps)} steps, {seconds:.0f} s", style="dim")
    return Group(ends[0], Text(), table, *note, Text(), *ends[1:], footer)


def _most_urgent(days: Mapping[str, Mapping[str, str]], count: int) -> list[str]:
    """Return the days to show, in order: failed ones before working ones before the most advanced."""

    def urgency(day: str) -> tuple[int, bool, str]:
        states = days[day].values()
        waits = not any(states)
        return min(_URGENT.get(state, 3) for state in states), waits, day

    return sorted(sorted(days, key=urgency)[:count])


def _tally(days: Sequence[Mapping[str, str]]) -> str:
    done = sum(all(state == "success" for state in states.values()) for states in days)
    return f"{done} of them done"


def _cell(state: str) -> Text:
    word, style = _LOOK.get(state, (state, ""))
    return Text(word, style=style)


def _around(task: str, states: Counter[str]) -> Text:
    """Return the line of a task that stands before or after the days."""
    line = Text(f"{task:10}")
    if not states or len(states) == 1:
        return line.append_text(_cell(next(iter(states), "")))
    return line.append(
        ", ".join(f"{count} {_LOOK.get(state, (state, ''))[0]}" for state, count in states.items())
    )
