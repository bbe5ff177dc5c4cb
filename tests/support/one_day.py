"""The stages of one log day as functions of just what a test has at hand."""

from datetime import date

from include.s3logs.lake import stages
from include.s3logs.lake.checkpoint import KIND, checkpoint_key, load_checkpoint
from include.s3logs.lake.pointer import Pointer
from include.s3logs.settings import Settings
from include.s3logs.stages.limits import LIMITS
from include.s3logs.stages.work import Work, run_stage_of

TOKEN = "the run of a test"


def work(lake, day, *, settings=None, token=TOKEN, limits=LIMITS, **given):
    """The work of a day; `given` are `stores`, `listing`, `catalog` and `regions`, if they are used."""
    listing = given.pop("listing", None)
    opened = {name: given.pop(name, None) for name in ("stores", "catalog", "regions")}
    return Work(
        day=day if isinstance(day, date) else date.fromisoformat(day),
        lake=lake,
        settings=settings or Settings(_env_file=None),
        token=token,
        sources=lambda: opened["stores"],
        listing=listing if callable(listing) else lambda: listing,
        catalog=lambda: opened["catalog"],
        regions=lambda: opened["regions"],
        limits=limits,
        **given,
    )


def reduce_day(lake, stores, day, listing, settings, **options):
    options |= {"stores": stores, "listing": listing, "settings": settings}
    return run_stage_of(stages.REDUCED, work(lake, day, **options))


def bin_day(lake, reduced, **options):
    return run_stage_of(stages.BINNED, _after(lake, reduced, options))


def map_day(lake, binned, catalog, regions, **options):
    return run_stage_of(
        stages.MAPPED, _after(lake, binned, {**options, "catalog": catalog, "regions": regions})
    )


def _after(lake, checkpoint, options):
    """The work of the day after this checkpoint, which is put into the lake if another one stands there."""
    day = date.fromisoformat(checkpoint.log_day)
    if load_checkpoint(lake, checkpoint.stage, day) != checkpoint:
        pointer = Pointer(lake, checkpoint_key(checkpoint.stage, day), KIND)
        pointer.put(checkpoint.files, checkpoint.told(), over=pointer.version())
    return work(lake, day, **options)
