"""What the DAG s3_lake_verification does: look at the whole lake, mend it where that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context

from include.s3logs.errors import CorruptLakeError
from s3logs_airflow.operators.errors import told
from s3logs_airflow.operators.parameters import refuse_unknown

if TYPE_CHECKING:
    from include.s3logs.verification.check import Progress
    from include.s3logs.verification.run import Result

PARAMETERS = frozenset({"repair"})
_MOST = 100  # findings that the XCom holds; the log has all
_STEP = 10  # per cent


class VerifyLakeOperator(BaseOperator):
    """Compares everything in the lake with what was written, and mends what can be mended if it is asked to.

    Returns how much was looked at, how much nobody names, the first findings with what mends them, and what
    a repair did. Fails, after all that, when something is wrong in the end.
    """

    ui_color = "#e0f2fe"

    @told
    def execute(self, context: Context) -> dict[str, Any]:
        """Verify; with the parameter `repair` mend, and verify again."""
        from include.s3logs.verification.run import look_and_mend
        from s3logs_airflow.connections.deployment import open_deployment

        refuse_unknown(context, PARAMETERS)
        result = look_and_mend(
            open_deployment(),
            mends=bool(context["params"].get("repair")),
            say=lambda line: self.log.info("%s", line),
            progress=self._in_steps(),
        )
        summary = summarise(result)
        if not result.verified.is_sound:
            context["ti"].xcom_push(key="return_value", value=summary)  # what was found is found
            raise CorruptLakeError(
                f"{result.summary} The log names them, and docs/operations.md says what to do."
            )
        return summary

    def _in_steps(self) -> Callable[[Progress], None]:
        """Return what logs how far the work is, every ten per cent."""
        told_of = 0

        def tell(how_far: Progress) -> None:
            nonlocal told_of
            percent = 100 * how_far.done // how_far.total if how_far.total else 100
            if percent >= told_of + _STEP:
                told_of = percent - percent % _STEP
                self.log.info("%d %% of %s bytes", told_of, f"{how_far.total:,}")
            elif percent < told_of:
                told_of = 0  # it began again, after a repair

        return tell


def summarise(result: Result) -> dict[str, Any]:
    """Return what the UI shows of a verification."""
    verified, found, repaired = result.verified, result.remedies, result.repaired
    return {
        "outcome": "sound" if verified.is_sound else "damaged",
        "files": verified.files,
        "bytes": verified.size,
        "log_days": verified.log_days,
        "orphans": verified.orphans,
        "orphan_bytes": verified.orphan_size,
        "findings": [
            {
                "key": finding.key,
                "log_day": finding.log_day,
                "problem": str(finding.problem),
                "mended_by": found.mended.get(finding, ""),
                "hopeless": found.hopeless.get(finding, ""),
            }
            for finding in verified.findings[:_MOST]
        ],
        "mendable": len(found.mended),
        "hopeless": len(found.hopeless),
        "repaired": list(repaired.done) if repaired else [],
        "failed": list(repaired.failed) if repaired else [],
        "seconds": round(verified.seconds, 3),
    }
