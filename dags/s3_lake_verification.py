"""
### Is all of the lake what was written?

Reads everything that the pointers of the lake name, once, and compares digests and columns: what each stage
left of each log day, merged months, `usage/` and `status/`, a fetched catalog, the region cache.

| step | what it does | leaves in the lake |
|---|---|---|
| `verify` | names what is not as it was written and what mends that; mends it if it is told to | |

**What is wrong** fails the run: what is missing, damaged or makes no sense, each with its log day and what
mends it, or why nothing does. Files that nobody names are counted: replaced, or of attempts that died.
**To mend it**, trigger the DAG with *Repair*. A damaged stage of a day is computed again from what the stage
before left (reduce: from the log objects, if none of them is gone), months are merged again, the figures
published again, the catalog fetched again; then all is compared again. Nothing is forced and nothing gets
less: what cannot be mended stays as it is.
**Running it again** changes nothing, and it may run beside other runs. It costs what reading the lake does.
**Settings** are `S3LOGS_…` environment variables; see `docs/settings.md`.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from include.s3logs.settings import load_limits
from s3logs_airflow.operators.verification import VerifyLakeOperator
from s3logs_airflow.policies import retrying

with DAG(
    dag_id="s3_lake_verification",
    dag_display_name="Lake verification: same bytes, proven",
    doc_md=__doc__,
    schedule="0 12 * * 0",  # UTC; on Sundays, far from the daily run
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=23),
    tags=["s3logs", "weekly", "verification"],
    owner_links={"s3logs": "https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html"},
    default_args={"owner": "s3logs", "weight_rule": "upstream", **retrying(load_limits())},
    params={
        "repair": Param(
            False,
            type="boolean",
            title="Repair",
            description_md="Mend what can be mended, then compare all again. Never with less than before.",
        ),
    },
) as dag:
    VerifyLakeOperator(task_id="verify", doc_md="What is wrong fails it, after all was looked at.")
