"""How many lines of a log day may be without a valid reading: judged at its end, and before it."""

from collections.abc import Mapping, Sequence
from datetime import date

from include.s3logs.errors import TooManyRejectionsError
from include.s3logs.stages.limits import LIMITS, Limits

# The request ID of a record, 16 hexadecimal digits of chance, is in none but its own line: however well log
# objects are packed, they hold no more lines with a valid reading than they have this many bytes.
_LEAST_BYTES = 8


class Rejections:
    """The rejected lines of one log day, against the share that S3LOGS_REJECTION_LIMIT allows.

    `counts`, of which `lines` and `rejections` are looked at, and `examples` of the first may grow meanwhile.
    """

    def __init__(
        self,
        day: date,
        limit: float,
        counts: Mapping[str, int],
        examples: Sequence[str] = (),
        limits: Limits = LIMITS,
    ) -> None:
        self._day, self._limit, self._limits = day, limit, limits
        self._counts, self._examples = counts, examples

    def check(self) -> None:
        """Raise TooManyRejectionsError when the day, at its end, has more of them than is allowed."""
        rejected, lines = self._counts["rejections"], self._counts["lines"]
        if self._share(lines) > self._limit:
            raise self._error(f"{rejected} of {lines} lines of log day {self._day}")

    def check_early(self, to_come: int, quarantined: int) -> None:
        """Raise TooManyRejectionsError when the day cannot end well, whatever `to_come` holds.

        That are the bytes of the log objects that are not read to their end, as they are stored. So a day
        never stops whose later lines could outweigh its first ones. What it keeps has a bound none the less:
        with too large a share and `quarantined` bytes past the limit it stops, whatever is to come.
        """
        rejected, lines = self._counts["rejections"], self._counts["lines"]
        if rejected < self._limits.rejections and quarantined < self._limits.quarantine:
            return
        hopeless = self._share(lines + to_come // _LEAST_BYTES) > self._limit
        too_large = quarantined >= self._limits.quarantine and self._share(lines) > self._limit
        if hopeless or too_large:
            which = f"{rejected} of the first {lines} lines of log day {self._day}, which stops here,"
            raise self._error(which)

    def _share(self, lines: int) -> float:
        rejected = self._counts["rejections"]
        return rejected / lines if rejected else 0.0

    def _error(self, which: str) -> TooManyRejectionsError:
        first = "".join(f"\n  {example}" for example in self._examples)
        return TooManyRejectionsError(
            f"{which} have no valid reading, more than S3LOGS_REJECTION_LIMIT={self._limit:g} allows. "
            f"{'The first:' if first else 'See its quarantine.'}{first}"
        )
