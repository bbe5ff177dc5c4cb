"""Bin one log day."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.sdk import Asset, Context

from s3logs_airflow.assets import BINNED
from s3logs_airflow.operators.stage import StageOperator

if TYPE_CHECKING:
    from include.s3logs.lake.checkpoint import Outcome
    from include.s3logs.settings import Settings
    from include.s3logs.stores.store import Store


class BinOperator(StageOperator):
    """Reduced rows → sorted and grouped by object key."""

    stage: ClassVar[str] = "binned"
    asset: ClassVar[Asset] = BINNED
    ui_color = "#e0e7ff"

    def run_stage(self, lake: Store, settings: Settings, context: Context) -> Outcome:
        """Bin what reduce left."""
        from include.s3logs.stages.binning import bin_day

        return bin_day(lake, self.input_checkpoint(lake), force=bool(context["params"].get("force")))
