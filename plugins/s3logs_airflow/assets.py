"""The Airflow assets that stand for the outputs of the stages; their events carry the counts.

They have names and no URIs: a URI would make every parsing of a DAG file load all of Airflow's providers
(0.4 s), and where the lake is, is a setting.
"""

from airflow.sdk import Asset

from include.s3logs.lake.stages import Stage

USAGE = Asset("s3logs_usage", group="s3logs")


def asset_of(stage: Stage) -> Asset:
    """Return the Airflow asset of what a stage leaves."""
    return Asset(f"s3logs_{stage.name}", group="s3logs")
