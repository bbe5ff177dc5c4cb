"""Map one log day."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.sdk import Asset, Context

from s3logs_airflow.assets import MAPPED
from s3logs_airflow.operators.stage import StageOperator

if TYPE_CHECKING:
    from include.s3logs.lake.checkpoint import Outcome
    from include.s3logs.settings import Settings
    from include.s3logs.stores.store import Store


class MapOperator(StageOperator):
    """Binned rows → dataset, version, asset and region; no IP leaves this stage."""

    stage: ClassVar[str] = "mapped"
    asset: ClassVar[Asset] = MAPPED
    ui_color = "#ede9fe"

    def run_stage(self, lake: Store, settings: Settings, context: Context) -> Outcome:
        """Map what bin left."""
        from include.s3logs.stages.mapping import map_day
        from s3logs_airflow.connections.stores import open_catalog, open_regions

        return map_day(
            lake,
            self.input_checkpoint(lake),
            open_catalog(settings, lake),
            open_regions(settings, lake),
            force=bool(context["params"].get("force")),
        )
