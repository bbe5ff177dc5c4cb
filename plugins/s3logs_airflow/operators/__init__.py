"""The operators: thin Airflow clothes around the stages in `include.s3logs`."""

from s3logs_airflow.operators.bin import BinOperator
from s3logs_airflow.operators.discover import DiscoverOperator
from s3logs_airflow.operators.map import MapOperator
from s3logs_airflow.operators.publish import PublishOperator
from s3logs_airflow.operators.reduce import ReduceOperator

__all__ = ["BinOperator", "DiscoverOperator", "MapOperator", "PublishOperator", "ReduceOperator"]
