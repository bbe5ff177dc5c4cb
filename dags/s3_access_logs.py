"""
### S3 access logs → usage figures

Reads the access-log objects that S3 delivered, one **log day** at a time, and publishes how often each
dataset is used, from where, and how much.

| step | what it does | leaves in the lake |
|---|---|---|
| `discover` | finds the log days to do: own day, late or grown ones, and those to map anew | |
{stages}
| `publish` | figures of all complete days, small counts masked | `usage/`, `status/` |
| `retain` | addresses and raw lines of days that are longer ago than `S3LOGS_KEEP_ADDRESSES_DAYS` go | |
| `complete` | fails the run if any of its days failed or is not complete, and names it | |

**Running it again** changes nothing: a day whose log objects and settings are the same is *reused*.
**One failed day** stops no other. Mend its cause, then *clear* its failed task (downstream included): only
that day and `publish` run again.
**Settings** are `S3LOGS_…` environment variables; see `docs/settings.md`.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, task_group

from include.s3logs.lake import stages
from include.s3logs.settings import load_limits
from s3logs_airflow.assets import USAGE, asset_of
from s3logs_airflow.operators import (
    CompleteOperator,
    DiscoverOperator,
    PublishOperator,
    RetainOperator,
    StageOperator,
)
from s3logs_airflow.policies import retrying
from s3logs_airflow.schedule import DailyTimetable

limits = load_limits()
STEPS = "\n".join(f"| `day.{stage.task}` | {stage.does} | `{stage.name}/` |" for stage in stages.STAGES)

with DAG(
    dag_id="s3_access_logs",
    dag_display_name="S3 access logs → usage figures",
    doc_md=(__doc__ or "").replace("{stages}", STEPS),
    schedule=DailyTimetable(),
    catchup=False,
    max_active_runs=4,
    dagrun_timeout=timedelta(hours=23),
    tags=["s3logs", "daily", "usage"],
    owner_links={"s3logs": "https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html"},
    default_args={"owner": "s3logs", "weight_rule": "upstream", **retrying(limits)},
    params={
        "days": Param(
            [],
            type=["array", "null"],
            items={"type": "string", "format": "date"},
            title="Log days",
            description_md="These days exactly, one a line: `2024-06-01`. Empty: what a daily run would do.",
        ),
        "first_day": Param(
            None,
            type=["string", "null"],
            format="date",
            title="First log day",
            description_md="Every log day found from here on …",
        ),
        "last_day": Param(
            None,
            type=["string", "null"],
            format="date",
            title="Last log day",
            description_md="… up to here, both included. Either end may be left open. `discover` refuses at "
            "once days in the future, a last day before the first, and days beside a range.",
        ),
        "force": Param(
            False,
            type="boolean",
            title="Force",
            description_md="Compute the days again although nothing changed since, and although log objects "
            "they were computed from may be gone.",
        ),
        "sources": Param(
            [],
            type=["array", "null"],
            # No user, password or key: Airflow keeps and shows what a run was given.
            items={"type": "string", "pattern": r"^(?!\w+://[^/]*[:@])"},
            title="Sources",
            description_md="Read these instead of `S3LOGS_SOURCES`, one a line: folders or "
            "`s3://bucket/prefix`. A day's figures are made of all sources of the run.",
        ),
    },
) as dag:
    discover = DiscoverOperator(
        task_id="discover", doc_md="Which log days are new, grown, late or asked for?"
    )

    @task_group(group_id="day", tooltip="One log day")
    def log_day(day: str) -> None:
        """Do the stages of one log day, each on what the one before left."""
        per_day: dict[str, Any] = {
            "day": day,
            "map_index_template": "{{ task.day }}",
            "pool": limits.pool,
            "max_active_tis_per_dagrun": limits.parallel_days,
        }
        left: dict[str, Any] = {"": None}
        for stage in stages.STAGES:
            left[stage.name] = StageOperator(
                task_id=stage.task,
                stage=stage.name,
                upstream=left[stage.reads],
                listed_by=discover.task_id,
                outlets=[asset_of(stage)],
                doc_md=stage.does,
                **per_day,
            ).output

    days = log_day.expand(day=discover.output)

    publish = PublishOperator(
        task_id="publish",
        days=discover.output,
        outlets=[USAGE],
        trigger_rule="all_done",
        max_active_tis_per_dag=1,  # two runs must not publish over each other
        doc_md="Publishes what is complete, although a day failed.",
    )
    retain = RetainOperator(
        task_id="retain",
        trigger_rule="all_done",
        max_active_tis_per_dag=1,
        doc_md="Takes addresses out of the lake that may be kept no longer, although a day failed.",
    )
    complete = CompleteOperator(
        task_id="complete",
        published=publish.output,
        trigger_rule="none_failed",
        doc_md="Fails if any day failed or is not complete, and names it.",
    )

    days >> publish >> [retain, complete]
    days >> complete
