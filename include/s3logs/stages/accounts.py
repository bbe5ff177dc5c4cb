"""What each log object of a day gave: its lines counted, those without a reading kept, and judged."""

from collections import Counter
from collections.abc import Iterable, Sequence

from include.s3logs.logs.names import LogObject
from include.s3logs.parsing.selection import Share
from include.s3logs.quarantine.file import QuarantineFile
from include.s3logs.stages.limits import Limits
from include.s3logs.stages.object_list import Listed, word_of
from include.s3logs.stages.rejections import Rejections


class Accounts:
    """The log objects of a day, to which lines are added in their order; `listed` are those that ended.

    The lines are counted in `counts`, too. Raises TooManyRejectionsError as soon as the day cannot end well
    any more: that is judged at the end of each object, and inside one now and then.
    """

    def __init__(
        self,
        objects: Iterable[LogObject],
        quarantine: QuarantineFile,
        rejections: Rejections,
        counts: Counter[str],
        limits: Limits,
    ) -> None:
        self.listed = list[Listed]()
        self._quarantine, self._rejections, self._counts = quarantine, rejections, counts
        self._to_come = sum(log_object.size for log_object in objects)  # of those that did not end
        self._judged, self._often = 0, limits.judged  # bytes of quarantine when it was judged, and until

    def add(self, objects: Sequence[LogObject], shares: Iterable[Share]) -> None:
        """Add what is in objects that follow each other; all of them end."""
        ended = lines = rejections = 0  # the latter of the object whose turn it is
        for share in shares:
            while ended < share.which:
                self._end(objects[ended], lines, rejections)
                ended, lines, rejections = ended + 1, 0, 0
            lines, rejections = lines + share.lines, rejections + len(share.rejections)
            self._count(objects[ended], share)
        for log_object in objects[ended:]:
            self._end(log_object, lines, rejections)
            lines = rejections = 0

    def add_unreadable(self, log_object: LogObject, error: Exception) -> None:
        """Add an object that cannot be read and is skipped."""
        self._counts["unreadable_objects"] += 1
        self._quarantine.add(log_object, None, f"unreadable: {error}", None)
        self._list(log_object, 0, 0, word_of(error))

    def _count(self, log_object: LogObject, share: Share) -> None:
        self._counts["lines"] += share.lines
        self._counts["rejections"] += len(share.rejections)
        for number, reason, raw in share.rejections:
            self._quarantine.add(log_object, number, reason, raw)
        if self._quarantine.size - self._judged >= self._often:
            self._judge()

    def _end(self, log_object: LogObject, lines: int, rejections: int) -> None:
        self._judge()
        self._list(log_object, lines, rejections)

    def _judge(self) -> None:
        self._judged = self._quarantine.size
        self._rejections.check_early(self._to_come, self._judged)

    def _list(self, log_object: LogObject, lines: int, rejections: int, unreadable: str = "") -> None:
        self.listed.append(Listed(log_object, lines, rejections, unreadable))
        self._to_come -= log_object.size
