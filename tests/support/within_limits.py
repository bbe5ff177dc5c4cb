"""Bin and map as their stages do them, with limits of one's own on what is worked on at once."""

from datetime import date

from include.s3logs.lake.checkpoint import copy_output, run_stage
from include.s3logs.stages import binning, mapping
from include.s3logs.tables.temporary import temporary_folder


def bin_within(lake, reduced, limits):
    """Return the checkpoint of a day that is binned so."""
    return _stage(lake, binning.STAGE, reduced, lambda attempt: binning._bin(attempt, reduced, limits))


def map_within(lake, binned, catalog, regions, limits):
    """Return the checkpoint of a day that is mapped so."""
    with temporary_folder() as folder:
        keys = copy_output(lake, binned, "keys", folder / "binned-keys")
        claims = mapping._claims(catalog, keys, limits.keys)
        return _stage(
            lake,
            mapping.STAGE,
            binned,
            lambda attempt: mapping._map(attempt, binned, claims, regions, folder, limits=limits),
        )


def _stage(lake, stage, before, compute):
    day = date.fromisoformat(before.log_day)
    return run_stage(lake, stage, day, inputs={}, compute=compute, force=True).checkpoint
