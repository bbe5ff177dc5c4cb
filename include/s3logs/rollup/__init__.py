"""Roll-ups: many small log objects become few, are verified, and only then the originals may go."""

from include.s3logs.rollup.levels import Interval
from include.s3logs.rollup.options import RollUpOptions
from include.s3logs.rollup.planning import Plan, Planned, describe, plan
from include.s3logs.rollup.rollup import roll_up

__all__ = ["Interval", "Plan", "Planned", "RollUpOptions", "describe", "plan", "roll_up"]
