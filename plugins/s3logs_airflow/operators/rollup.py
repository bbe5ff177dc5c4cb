"""What the DAG s3_log_rollup does: plan, roll up one interval each, sum up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.sdk import BaseOperator, Context

from include.s3logs.errors import PermanentError, S3LogsError, StoreUnavailableError
from include.s3logs.settings import Settings
from s3logs_airflow.operators.errors import told
from s3logs_airflow.operators.parameters import refuse_unknown

if TYPE_CHECKING:
    from include.s3logs.rollup.options import RollUpOptions

PARAMETERS = frozenset(
    {"level", "codec", "originals", "include_open", "delete_forbidden", "overwrite", "dry_run"}
)
LEFT_OVER = "left_over"
PLAN = "plan"
RESULT = "return_value"
_TOLD = ("added", "held", "deleted", "deleted_forbidden", "tagged", "kept", "unreadable", "refused")
_SUMMED = ("added", "lines", "bytes", "size", "deleted", "tagged", "kept", "unreadable", "refused")


def options_of(settings: Settings, params: Mapping[str, Any], *, dry_run: bool) -> RollUpOptions:
    """Return what is to be done: what the parameters leave open, the settings say."""
    from include.s3logs.rollup.options import RollUpOptions

    name, _, value = settings.rollup_tag.partition("=")
    return RollUpOptions(
        level=params.get("level") or settings.rollup_level,
        codec=params.get("codec") or settings.rollup_codec,
        settling=timedelta(days=settings.settling_days),
        include_open=bool(params.get("include_open")),
        originals=params.get("originals") or settings.rollup_originals,
        tag=(name, value),
        delete_forbidden=bool(params.get("delete_forbidden")),
        overwrite=bool(params.get("overwrite")),
        dry_run=dry_run,
    )


def is_dry_run(context: Context) -> bool:
    """Tell whether nothing may be written: so unless the form says otherwise, or the schedule runs it."""
    return context["dag_run"].run_type != "scheduled" and context["params"].get("dry_run") is not False


class PlanRollUpsOperator(BaseOperator):
    """Finds the intervals with work to do.

    Returns them (`prefix`, `level`, `name`), oldest first; none in a dry run.

    The log shows the plan as a table; XCom `plan` has its counts, and `left_over` how many intervals are more
    than Airflow maps in one run.
    """

    ui_color = "#fef9c3"

    @told
    def execute(self, context: Context) -> list[dict[str, str]]:
        """Check settings and parameters, then list the sources; reads no log object."""
        from dataclasses import asdict

        from include.s3logs.rollup.planning import describe, plan
        from s3logs_airflow.connections.deployment import open_deployment

        refuse_unknown(context, PARAMETERS)
        deployment, dry_run = open_deployment(), is_dry_run(context)
        options = options_of(deployment.settings, context["params"], dry_run=dry_run)
        destination, sources = deployment.rollups()
        options.check(sources)
        planned = plan(destination, sources, options, datetime.now(UTC))
        most = conf.getint("core", "max_map_length")
        for line in describe(planned, options, most).splitlines():
            self.log.info("%s", line)
        work = planned.intervals[:most]
        ti = context["ti"]
        ti.xcom_push(key=LEFT_OVER, value=len(planned.intervals) - len(work))
        ti.xcom_push(
            key=PLAN,
            value={
                "dry_run": dry_run,
                "destination": destination.uri(),
                "intervals": len(planned.intervals),
                "log_objects": sum(one.objects for one in planned.intervals),
                "bytes": sum(one.bytes for one in planned.intervals),
                "done": planned.done,
                "open": planned.open,
                "foreign": planned.foreign,
                "foreign_examples": planned.foreign_examples,
            },
        )
        if dry_run:
            self.log.info("This was a dry run: nothing was written or deleted. Untick it to roll up.")
            return []
        return [asdict(one.interval) for one in work]


class RollUpOperator(BaseOperator):
    """Rolls up one interval, exactly once however often it runs.

    Returns the counts of `include.s3logs.rollup.result.RollUpResult`; the log says what became of originals.
    Those that cannot be read are reported and stay; one that could not be deleted or tagged fails the task,
    after all others, and for good where trying again can help none of them.
    """

    ui_color = "#e0e7ff"
    template_fields = ("interval",)

    def __init__(self, *, interval: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.interval = interval

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """List the interval's log objects anew, and do what is left to do."""
        from include.s3logs.logs.rolled_up.levels import Interval
        from include.s3logs.rollup.interval import roll_up
        from s3logs_airflow.connections.deployment import open_deployment

        deployment = open_deployment()
        options = options_of(deployment.settings, context["params"], dry_run=is_dry_run(context))
        destination, sources = deployment.rollups()
        interval = Interval(**self.interval)
        result = roll_up(destination, sources, interval, options, datetime.now(UTC))
        counts = ((name, result[name]) for name in _TOLD)
        self.log.info("%s, of %d log objects found: %s", interval.base, result["found"], _shown(counts))
        for where, reason in result["examples"].items():
            self.log.warning("%s: %s", where, reason)
        if result["refused"]:
            context["ti"].xcom_push(key=RESULT, value=result)  # what was done is done
            raise _refusal(interval.name, result)
        return result


class SumRollUpsOperator(BaseOperator):
    """Adds up what the run did. Returns the sums over all its intervals, failed ones left out."""

    ui_color = "#dcfce7"

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Add up what the tasks returned."""
        ti = context["ti"]
        if is_dry_run(context):
            return {**(ti.xcom_pull(task_ids="plan", key=PLAN) or {}), "outcome": "dry run"}
        planned = len(ti.xcom_pull(task_ids="plan") or ())
        found = ti.xcom_pull(task_ids="roll_up", map_indexes=list(range(planned))) if planned else ()
        results = [result for result in found or () if result]
        sums = {name: sum(result[name] for result in results) for name in _SUMMED}
        self.log.info("%d of %d intervals: %s", len(results), planned, _shown(sums.items()))
        return {"intervals": planned, "done": len(results), **sums}


def _refusal(name: str, result: Mapping[str, Any]) -> S3LogsError:
    """Return the error for log objects that stay: trying again helps unless it can help none of them."""
    heals = result["refused_for_good"] < result["refused"]
    (where, reason), *_ = result["examples"].items()
    return (StoreUnavailableError if heals else PermanentError)(
        f"{result['refused']} log objects of {name} are in the verified roll-up and could not be deleted or "
        f"tagged; all others were. The first: {where}: {reason}"
    )


def _shown(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts)
