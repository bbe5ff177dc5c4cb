"""A stage that no release has, as somebody would add it: its work, and one entry."""

from include.s3logs.lake.checkpoint import run_stage
from include.s3logs.lake.stages import Stage, StageFile


def count_day(work):
    """Leave a file with the number of rows that map has."""
    mapped = work.upstream(COUNTED)
    rows = mapped.counts["rows"]

    def compute(attempt):
        attempt.write("count", "txt", f"{rows}\n".encode())
        return {"counted": rows}

    inputs, upstream = {"version": COUNTED.version, "mapped": mapped.content()}, mapped.lineage()
    given = {"inputs": inputs, "upstream": upstream, "compute": compute, "token": work.token}
    return run_stage(work.lake, COUNTED, work.day, force=work.force, **given)


COUNTED = Stage(
    name="counted",
    task="count",
    version=1,
    reads="mapped",
    does="how many rows the day has",
    work="tests.support.new_stage:count_day",
    files=(StageFile("count", "txt", "the number of rows"),),
)
