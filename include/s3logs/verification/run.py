"""The whole of it: look, mend if that is asked for, and look again."""

from collections.abc import Callable
from dataclasses import dataclass

from include.s3logs.deployment import Deployment
from include.s3logs.settings import require
from include.s3logs.verification.check import Say as Progress
from include.s3logs.verification.check import verify
from include.s3logs.verification.findings import Verified
from include.s3logs.verification.remedies import Remedies, remedies
from include.s3logs.verification.repair import Repaired, repair
from include.s3logs.verification.report import lines, summary

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Result:
    """How the lake is at the end, what would mend that, and what a repair did (None: nothing was to do)."""

    verified: Verified
    remedies: Remedies
    repaired: Repaired | None = None

    @property
    def summary(self) -> str:
        """Return the last word in one line."""
        return summary(self.verified, self.remedies)


def look_and_mend(
    deployment: Deployment, *, mends: bool, say: Say, progress: Progress | None = None
) -> Result:
    """Verify the lake and `say` what is wrong; with `mends` do what mends it, and verify again.

    Raises SettingsError, and what stores raise for an outage.
    """
    require(deployment.settings, "lake")
    result = _look(deployment, say, progress)
    if not mends or not result.remedies.mended:
        return result
    repaired = repair(deployment, result.remedies, say)
    again = _look(deployment, say, progress)
    return Result(again.verified, again.remedies, repaired)


def _look(deployment: Deployment, say: Say, progress: Progress | None) -> Result:
    verified = verify(deployment.lake, progress)
    found = remedies(verified.findings, deployment)
    for line in lines(deployment.lake, verified, found):
        say(line)
    return Result(verified, found)
