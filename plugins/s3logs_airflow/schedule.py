"""When daily runs begin: at midnight, each for the log day before, and none that nobody asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.timetables.base import DagRunInfo, TimeRestriction
from airflow.timetables.trigger import CronPartitionTimetable


class DailyTimetable(CronPartitionTimetable):
    """A run at each midnight (UTC), whose partition key is the log day before.

    Without a start date the first run is that of the coming midnight; a backfill reaches back to any day.

    Airflow takes the newest run of schedule and backfill for the one that the next follows, and after a
    backfill alone makes that of the midnight before, which nobody asked for. So runs of a backfill, which
    begin when their partition does and not a day later, count for none here.
    """

    expression = "0 0 * * *"
    run_offset = -1

    def __init__(self) -> None:
        super().__init__(
            self.expression,
            timezone="UTC",
            run_offset=self.run_offset,
            run_immediately=timedelta(0),  # else the last midnight's if that was less than 2.4 hours ago
            key_format="%Y-%m-%d",
        )

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> DailyTimetable:
        """Return the timetable; there is but one."""
        return cls()

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the run that follows the last one of the schedule."""
        last = last_dagrun_info
        if last is not None and last.run_after == last.partition_date:
            last = None
        return super().next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
