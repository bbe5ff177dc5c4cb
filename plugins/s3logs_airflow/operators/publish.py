"""Publish the usage figures of all complete log days."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from s3logs_airflow.assets import USAGE
from s3logs_airflow.operators.errors import told
from s3logs_airflow.operators.parameters import is_forced
from s3logs_airflow.pages.links import LogDaysLink


class PublishOperator(BaseOperator):
    """Mapped totals of all days → usage figures and the state of every log day.

    Publishes what is complete although a day failed. Returns where it is, how many days and files there are,
    the days' states and reasons, what of them is unreadable, foreign or filtered, which are missing, and the
    totals of the archive.

    :param days: the log days this run was to do (the return value of discover).
    """

    template_fields: Sequence[str] = ("days",)
    operator_extra_links = (LogDaysLink(),)
    ui_color = "#dcfce7"

    def __init__(self, *, days: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.days = days

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Publish, or find that nothing changed, and return a summary."""
        from include.s3logs.days.judgement import judge
        from include.s3logs.days.states import tally
        from include.s3logs.days.unmatched import unmatched
        from include.s3logs.publishing.masking import Masking
        from include.s3logs.publishing.most_datasets import most_datasets
        from include.s3logs.publishing.publish import STATUS, publish
        from s3logs_airflow.connections.deployment import open_deployment

        if self.days is None:
            raise AirflowSkipException("discover did not get through, so there is nothing new to publish.")
        started = time.monotonic()
        deployment = open_deployment()
        settings, lake = deployment.settings, deployment.lake
        published = publish(
            lake,
            Masking(settings.mask_below, settings.round_to),
            [date.fromisoformat(day) for day in self.days],
            force=is_forced(context),
            today=deployment.today(),
            most_datasets=most_datasets(settings),
        )
        done = [day for day in published.days if day.log_day in self.days]
        last_words = unmatched(done, settings, deployment.catalog)
        judgement = judge(published.days, settings, self.days, last_words)
        for sentence in (*judgement.failures, *judgement.warnings):
            self.log.warning("%s", sentence)
        summary = {
            "outcome": "reused" if published.reused else "computed",
            "fingerprint": published.fingerprint,
            "usage": lake.uri("usage"),
            "log_days": lake.uri(STATUS),
            "days": len(published.days),
            **tally(published.days),
            "missing": [str(day) for day in published.missing],
            "failures": list(judgement.failures),
            "warnings": list(judgement.warnings),
            "files": published.files,
            "totals": published.totals,
            "seconds": round(time.monotonic() - started, 3),
        }
        self.log.info("Published %(files)d files of %(days)d log days under %(usage)s", summary)
        context["outlet_events"][USAGE].extra = {
            k: summary[k] for k in ("outcome", "days", "states", "missing", "totals")
        }
        return summary
