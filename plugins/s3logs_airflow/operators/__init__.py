"""The operators: thin Airflow clothes around what `include.s3logs` does.

| module | what its tasks do |
|---|---|
| `discover.py`, `stage.py`, `publish.py` | which log days; one stage of one day; the figures |
| `retain.py` | addresses that may be kept no longer go |
| `complete.py` | is what a run leaves good enough? |
| `rollup.py`, `regions.py`, `logging_audit.py`, `verification.py` | of the DAGs with these names |
| `parameters.py` | what a run was asked for |
| `errors.py` | how an error leaves a task |
"""

from s3logs_airflow.operators.complete import CompleteOperator
from s3logs_airflow.operators.discover import DiscoverOperator
from s3logs_airflow.operators.publish import PublishOperator
from s3logs_airflow.operators.retain import RetainOperator
from s3logs_airflow.operators.stage import StageOperator

__all__ = ["CompleteOperator", "DiscoverOperator", "PublishOperator", "RetainOperator", "StageOperator"]
