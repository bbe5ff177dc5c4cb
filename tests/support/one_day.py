"""The stages of one log day as functions of just what a test has at hand."""

from include.s3logs.stages.binning import bin_day
from include.s3logs.stages.mapping import map_day
from include.s3logs.stages.reduce import reduce_day

__all__ = ["bin_day", "map_day", "reduce_day"]
