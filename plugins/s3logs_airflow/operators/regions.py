"""What the DAG s3_ip_regions does: four pieces of upkeep, each idempotent."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context

from include.s3logs.settings import require
from s3logs_airflow.operators.errors import told

NOBODY_TO_ASK = "There is neither a token of ipinfo nor a file, so nobody can be asked."


class RefreshListsOperator(BaseOperator):
    """Fetches the networks of GitHub and of VPN providers; an outage leaves those of the last time.

    Returns for each list how many networks it has, of which day, and what went wrong if anything did.
    """

    ui_color = "#fef9c3"

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Fetch each list that is not switched off."""
        from include.s3logs.connections.http import HttpClient
        from include.s3logs.regions.lists import OFF, refresh_list
        from s3logs_airflow.connections.deployment import open_deployment

        deployment = open_deployment()
        settings, lake = deployment.settings, deployment.lake
        today = datetime.now(UTC).date()
        urls = {"github": settings.github_list_url, "vpn": settings.vpn_list_url}
        with closing(HttpClient()) as http:
            return {
                name: asdict(refresh_list(lake, name, url, http.get, today))
                for name, url in urls.items()
                if url != OFF
            }


class RefreshRegionCacheOperator(BaseOperator):
    """Asks ipinfo anew about the entries of the region cache that are due.

    Returns the counts of `include.s3logs.regions.refresh.Refreshed`, and why nothing was done if so.
    """

    ui_color = "#fce7f3"

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Ask about what the newest log days hold, or find that there is nobody to ask."""
        from include.s3logs.regions.refresh import Refreshed, refresh_cache
        from s3logs_airflow.connections.deployment import open_deployment

        deployment = open_deployment()
        require(deployment.settings, "lake")
        if not deployment.settings.ipinfo_mmdb and deployment.ip_service() is None:
            self.log.info(NOBODY_TO_ASK)
            return {**asdict(Refreshed()), "problem": NOBODY_TO_ASK}
        refreshed = refresh_cache(deployment.lake, deployment.regions().open())
        return {**asdict(refreshed), "problem": None}


class MergeRegionCacheOperator(BaseOperator):
    """Merges what the tasks added to the region cache, and drops what nobody needed for a year.

    Returns the number of entries, of merged files, of dropped entries, and the day of the oldest entry.
    """

    ui_color = "#e0e7ff"

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Merge, or find that there is nothing to do."""
        from include.s3logs.regions.cache import merge_cache
        from s3logs_airflow.connections.deployment import open_deployment

        state = asdict(merge_cache(open_deployment().lake, datetime.now(UTC).date()))
        return {**state, "oldest": str(state["oldest"]) if state["oldest"] else None}


class RegionCoordinatesOperator(BaseOperator):
    """Writes latitude and longitude of all regions that figures can name, for maps.

    Returns where the file is, how many regions it holds and how many of them are on no map.
    """

    ui_color = "#dcfce7"

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Write the file if its content changed."""
        import json

        from include.s3logs.errors import NotFoundError
        from include.s3logs.regions.places import COORDINATES, coordinates_table
        from include.s3logs.regions.tables import known_regions
        from s3logs_airflow.connections.deployment import open_deployment

        lake = open_deployment().lake
        table = coordinates_table(known_regions(lake))
        data = json.dumps(table, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        try:
            changed = lake.read(COORDINATES) != data
        except NotFoundError:
            changed = True
        if changed:
            lake.write(COORDINATES, data)
        return {
            "coordinates": lake.uri(COORDINATES),
            "outcome": "computed" if changed else "reused",
            "regions": len(table),
            "nowhere": sum(place is None for place in table.values()),
        }
