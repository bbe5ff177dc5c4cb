"""The Airflow assets that stand for the outputs of the stages; their events carry the counts.

They have names and no URIs: a URI would make every parsing of a DAG file load all of Airflow's providers
(0.4 s), and where the lake is, is a setting.
"""

from airflow.sdk import Asset

REDUCED = Asset("s3logs_reduced", group="s3logs")
BINNED = Asset("s3logs_binned", group="s3logs")
MAPPED = Asset("s3logs_mapped", group="s3logs")
USAGE = Asset("s3logs_usage", group="s3logs")
