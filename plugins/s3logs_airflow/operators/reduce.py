"""Reduce one log day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, ClassVar

from airflow.sdk import Asset, Context

from s3logs_airflow.assets import REDUCED
from s3logs_airflow.operators.stage import StageOperator

if TYPE_CHECKING:
    from include.s3logs.lake.checkpoint import Outcome
    from include.s3logs.settings import Settings
    from include.s3logs.stores.store import Store


class ReduceOperator(StageOperator):
    """Log objects of the day → one row for each counted request, and the quarantine."""

    stage: ClassVar[str] = "reduced"
    asset: ClassVar[Asset] = REDUCED
    ui_color = "#dbeafe"

    def run_stage(self, lake: Store, settings: Settings, context: Context) -> Outcome:
        """List the day's log objects and reduce them."""
        from include.s3logs.logs.sources import find_log_objects
        from include.s3logs.stages.reduce import reduce_day
        from s3logs_airflow.connections.stores import open_sources

        day = date.fromisoformat(self.day)
        stores = open_sources(settings, context["params"].get("sources") or ())
        listing = find_log_objects(stores, day, day)
        return reduce_day(lake, stores, day, listing, settings, force=bool(context["params"].get("force")))
