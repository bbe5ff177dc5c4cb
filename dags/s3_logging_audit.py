"""
### Which bucket logs where, and is it right?

Looks at every bucket of the account, where it logs to, and what is wrong with that; and switches logging on,
for buckets that you name.

| step | what it does | leaves in the lake |
|---|---|---|
| `audit` | asks S3, writes table and JSON, logs the table | `audit/logging.txt`, `audit/logging.json` |

**What is found** fails nothing: a bucket that does not log, or logs into itself; a target that is gone, in
another region or account, public, or to which S3 may not deliver; a prefix without `/` or with a character
that nobody sees; a key of KMS that S3 may not use for delivery; two buckets with one prefix; log objects that
nothing ever removes, or that a lifecycle removes or archives before their day is settled. What S3 does not
tell is named as not known.
**To switch logging on**, trigger the DAG and name the buckets. It is a dry run unless you say otherwise.
**Running it again** changes nothing.
**Settings** are `S3LOGS_…` environment variables; the credentials are those of `S3LOGS_AWS_CONN_ID`, and
`docs/operations.md` says which permissions they need.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from include.s3logs.settings import load_limits
from s3logs_airflow.operators.logging_audit import LoggingAuditOperator
from s3logs_airflow.policies import retrying

with DAG(
    dag_id="s3_logging_audit",
    dag_display_name="S3 logging audit",
    doc_md=__doc__,
    schedule="0 6 * * 1",  # UTC; on Mondays, when somebody reads it
    catchup=False,
    max_active_runs=1,  # two runs that add to a policy at once could lose a statement
    dagrun_timeout=timedelta(hours=1),
    tags=["s3logs", "weekly", "audit"],
    owner_links={"s3logs": "https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html"},
    default_args={"owner": "s3logs", "weight_rule": "upstream", **retrying(load_limits())},
    params={
        "switch_on": Param(
            [],
            type=["array", "null"],
            items={"type": "string"},
            title="Buckets to switch logging on for",
            description_md="One a line: `bucket=target-bucket/prefix/`, or `bucket=target-bucket` for the "
            "prefix `bucket/`, or `bucket` to let it log to where the others of its region do. Keys are "
            "partitioned by event day, and the target's policy gets a statement if S3 may not deliver yet.",
            section="Switch logging on",
        ),
        "dry_run": Param(
            True,
            type="boolean",
            title="Dry run",
            description_md="Only say what would be done. Untick it to do it.",
            section="Switch logging on",
        ),
        "replace": Param(
            False,
            type="boolean",
            title="Replace",
            description_md="Also for buckets that log elsewhere, or with other keys, already.",
            section="Switch logging on",
        ),
    },
) as dag:
    LoggingAuditOperator(task_id="audit", doc_md="What is found fails nothing.")
