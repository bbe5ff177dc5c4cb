"""The Airflow assets that stand for the outputs of the stages; their events carry the counts."""

from airflow.sdk import Asset

REDUCED = Asset("s3logs_reduced", uri="s3logs://lake/reduced", group="s3logs")
BINNED = Asset("s3logs_binned", uri="s3logs://lake/binned", group="s3logs")
MAPPED = Asset("s3logs_mapped", uri="s3logs://lake/mapped", group="s3logs")
USAGE = Asset("s3logs_usage", uri="s3logs://lake/usage", group="s3logs")
