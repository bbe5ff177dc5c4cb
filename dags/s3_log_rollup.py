"""
### Many small log objects → few, verified, and only then deleted

S3 delivers thousands of log objects a day. This makes one **roll-up** of each interval (ten minutes, an hour,
a day or a month) of each prefix, with a manifest beside it that names every log object in it and proves it.

| step | what it does |
|---|---|
| `plan` | finds the intervals with work to do; its log shows them as a table |
| `roll_up` | one task for each interval: write, read back, compare; then what is chosen for the originals |
| `sum_up` | adds up what the tasks did |
| `complete` | fails the run if any interval failed |

**It is a dry run** unless you untick that: `plan` shows what would happen, and nothing is written.
**Originals stay** unless you choose otherwise. They are deleted (or tagged) only after the stored roll-up was
read back and compared with its manifest, and only the very versions that are in it.
**Running it again** changes nothing; late log objects extend their interval's roll-up, whatever step an
earlier attempt died in.
**`s3_access_logs`** reads roll-ups as it reads log objects: a day that was rolled up stays as it is, and can
be reduced again years later.
**Settings** are `S3LOGS_…` environment variables; see `docs/settings.md`.
"""

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param

from include.s3logs.settings import load_limits
from s3logs_airflow.operators.rollup import PlanRollUpsOperator, RollUpOperator, SumRollUpsOperator
from s3logs_airflow.policies import retrying

limits = load_limits()

with DAG(
    dag_id="s3_log_rollup",
    dag_display_name="S3 log roll-up",
    doc_md=__doc__,
    schedule=limits.rollup_schedule or None,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=23),
    tags=["s3logs", "roll-up"],
    owner_links={"s3logs": "https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html"},
    default_args={"owner": "s3logs", "weight_rule": "upstream", **retrying(limits)},
    params={
        "dry_run": Param(
            True,
            type="boolean",
            title="Dry run",
            description_md="Only show what would be done, in the log of `plan`. Untick it to do it.",
        ),
        "level": Param(
            None,
            type=["string", "null"],
            enum=[None, "10min", "hour", "day", "month"],
            title="Level",
            description_md="How long the interval of one roll-up is. Empty: `S3LOGS_ROLLUP_LEVEL`.",
            section="Roll-ups",
        ),
        "codec": Param(
            None,
            type=["string", "null"],
            enum=[None, "none", "gzip", "bzip2", "zstd"],
            title="Codec",
            description_md="How roll-ups are packed. Empty: `S3LOGS_ROLLUP_CODEC`.",
            section="Roll-ups",
        ),
        "include_open": Param(
            False,
            type="boolean",
            title="Open intervals, too",
            description_md="Also roll up intervals that late log objects may still come to "
            "(`S3LOGS_SETTLING_DAYS`).",
            section="Roll-ups",
        ),
        "overwrite": Param(
            False,
            type="boolean",
            title="Overwrite",
            description_md="Make roll-ups anew from the log objects that still exist. Refused where lines "
            "would be lost that only the old roll-up holds.",
            section="Roll-ups",
        ),
        "originals": Param(
            None,
            type=["string", "null"],
            enum=[None, "keep", "delete", "tag"],
            title="Log objects in verified roll-ups",
            description_md="`keep`, `delete`, or `tag` them (`S3LOGS_ROLLUP_TAG`) for a lifecycle rule. "
            "Empty: `S3LOGS_ROLLUP_ORIGINALS`.",
            section="Originals",
        ),
        "delete_forbidden": Param(
            False,
            type="boolean",
            title="Delete unreadable ones",
            description_md="With `delete`: also delete log objects that may not be read (403). Their lines "
            "are lost.",
            section="Originals",
        ),
    },
) as dag:
    plan = PlanRollUpsOperator(task_id="plan", doc_md="Its log shows the plan as a table.")
    roll_up = RollUpOperator.partial(
        task_id="roll_up",
        map_index_template="{{ task.interval['prefix'] }}{{ task.interval['name'] }}",
        pool=limits.pool,
        max_active_tis_per_dagrun=limits.parallel_days,
        doc_md="One interval: write, read back, compare.",
    ).expand(interval=plan.output)
    sum_up = SumRollUpsOperator(task_id="sum_up", trigger_rule="all_done", doc_md="Sums over the run.")
    complete = EmptyOperator(
        task_id="complete", trigger_rule="none_failed", doc_md="Fails if any interval failed."
    )

    plan >> sum_up
    roll_up >> [sum_up, complete]
