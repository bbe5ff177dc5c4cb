"""The last word of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from include.s3logs.errors import IncompleteDaysError
from s3logs_airflow.operators.errors import told

_TALLY = ("states", "reasons", "unreadable", "foreign", "filtered")


class CompleteOperator(BaseOperator):
    """Fails the run when what it leaves is not good enough: a day is not complete, or no logs come.

    Returns how many log days the lake has in each state and with each reason, and what of them is unreadable,
    foreign or filtered.

    :param published: the summary that publish returned.
    """

    template_fields: Sequence[str] = ("published",)
    ui_color = "#ecfccb"

    def __init__(self, *, published: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.published = published

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Say what is to be known; raise IncompleteDaysError for what fails the run."""
        published = self.published or {}
        for sentence in published.get("warnings", ()):
            self.log.warning("%s", sentence)
        if failures := published.get("failures"):
            raise IncompleteDaysError(
                f"{' '.join(failures)} docs/operations.md says what each state means and what to do."
            )
        return {name: published[name] for name in _TALLY if name in published}
