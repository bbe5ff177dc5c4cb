"""Mending a lake: what remedies say is done, each result in place of the damaged one only when it is whole.

No stage is computed from less than before, nothing is forced, and of what cannot be mended nothing is
touched. Each step is that of a run: beside a run that works on the same, one of the two is the first.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, partial

from include.s3logs.days.states import mapped_at
from include.s3logs.deployment import Deployment
from include.s3logs.errors import S3LogsError
from include.s3logs.lake.checkpoint import Checkpoint, load_checkpoint
from include.s3logs.lake.stages import MAPPED
from include.s3logs.pipeline import unless_overtaken
from include.s3logs.publishing.masking import Masking
from include.s3logs.publishing.months import merge_month
from include.s3logs.publishing.most_datasets import most_datasets
from include.s3logs.publishing.publish import publish
from include.s3logs.regions import RegionSource
from include.s3logs.regions.rebuild import rebuild_cache
from include.s3logs.stages.work import Work, run_stage_of
from include.s3logs.stores.store import Store
from include.s3logs.verification.remedies import Remedies, stages_to_run

log = logging.getLogger(__name__)

Say = Callable[[str], object]


@dataclass(slots=True)
class Repaired:
    """What a repair did, step by step, and what it could not do, with why."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def repair(deployment: Deployment, what: Remedies, say: Say = log.info) -> Repaired:
    """Do what can be done, and `say` so after each step; one that fails stops no other that can go on."""
    found = Repaired()

    def step(name: str, do: Callable[[], object]) -> None:
        try:
            unless_overtaken(do)
        except S3LogsError as error:
            found.failed.append(f"{name}: {error}")
            say(f"FAILED  {found.failed[-1]}")
        else:
            found.done.append(name)
            say(name)

    lake, settings = deployment.lake, deployment.settings
    if what.catalog:
        step("catalog fetched", deployment.refresh_catalog)
    if what.regions:
        step("region cache made anew", partial(rebuild_cache, lake))
    if what.lists:
        step("lists of networks removed", partial(lake.delete, what.lists))
    if what.networks:
        step("tables of networks removed", partial(lake.delete, what.networks))
    hopeless = {(finding.log_day, finding.area) for finding in what.hopeless}
    for work in _works(deployment, what):
        lost = [area for day, area in hopeless if day == str(work.day)]
        step(f"{work.day}: {' and '.join(work.remake)} again", partial(_do_stages, work, lost))
    for month in what.months:
        step(f"months/{month} merged again", partial(_merge, lake, month))
    if what.days or what.months or what.publication:
        step(
            "published",
            lambda: publish(
                lake,
                Masking(settings.mask_below, settings.round_to),
                today=deployment.today(),
                most_datasets=most_datasets(settings),
                damaged=what.damaged,
            ),
        )
    return found


def _works(deployment: Deployment, what: Remedies) -> list[Work]:
    """Return the work of each day; what knows catalog and regions is loaded once, when it is needed."""
    catalog = cache(deployment.catalog)

    @cache
    def regions() -> RegionSource:
        source = deployment.regions()
        return RegionSource(source.version, cache(source.open))

    token = f"repair {secrets.token_hex(8)}"
    return [
        replace(deployment.work(day, token=token), catalog=catalog, regions=regions, remake=tuple(stages))
        for day, stages in sorted(what.days.items())
    ]


def _do_stages(work: Work, lost: list[str]) -> None:
    for stage in stages_to_run(work.remake, lost):
        run_stage_of(stage, work)


def _merge(lake: Store, month: date) -> Checkpoint:
    days = [day for day in sorted(mapped_at(lake)) if day.replace(day=1) == month]
    mapped = [found for day in days if (found := load_checkpoint(lake, MAPPED.name, day))]
    return merge_month(lake, month, mapped, force=True)
