"""What mends each finding, and what cannot be mended: decided before anything is done.

A stage is computed again from what the stage before it left; reduce from the log objects, if none of those
is gone that the day was made of. Months, publication and region cache are made anew of what is whole.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from include.s3logs.deployment import Deployment
from include.s3logs.errors import S3LogsError
from include.s3logs.lake.checkpoint import load_checkpoint
from include.s3logs.lake.stages import MONTHS, REDUCED, STAGES, Stage, by_name
from include.s3logs.stages.never_less import made_before
from include.s3logs.stages.reduce import reduce_inputs
from include.s3logs.stages.work import Work
from include.s3logs.verification.findings import (
    CATALOG,
    LISTS,
    NETWORKS,
    PUBLICATION,
    REGIONS,
    Finding,
    Problem,
)

_LEFT_ALONE = {
    Problem.NEWER: "use that release",
    Problem.NOT_READABLE: "let the credentials read it, or restore it",
}


@dataclass(slots=True)
class Remedies:
    """What a repair has to do: of log days the stages that are computed again, and so on.

    `mended` says of each finding by what, `hopeless` of the others why not.
    """

    days: dict[date, list[str]] = field(default_factory=dict)
    months: list[date] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    """Keys of published files."""
    publication: bool = False
    catalog: bool = False
    regions: bool = False
    lists: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    """Keys of files that are removed, as the next run that needs them makes them anew."""
    mended: dict[Finding, str] = field(default_factory=dict)
    hopeless: dict[Finding, str] = field(default_factory=dict)


def remedies(findings: Sequence[Finding], deployment: Deployment) -> Remedies:
    """Return what mends the findings. Asks the sources for the log objects of days that need them."""
    found = Remedies()
    of_days: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.problem in _LEFT_ALONE:
            found.hopeless[finding] = _LEFT_ALONE[finding.problem]
        if finding.area in {stage.name for stage in STAGES}:
            of_days[finding.log_day].append(finding)
        elif finding not in found.hopeless:
            _beside_the_days(found, finding, deployment)
    for day, of_day in of_days.items():
        work = deployment.work(date.fromisoformat(day), token=f"repair {secrets.token_hex(8)}")
        _of_day(found, of_day, work)
    return found


def _beside_the_days(found: Remedies, finding: Finding, deployment: Deployment) -> None:
    if finding.area == MONTHS.name:
        month = date.fromisoformat(finding.log_day)
        found.months += [month] if month not in found.months else []
        found.mended[finding] = "merging the month's log days again"
    elif finding.area == PUBLICATION:
        found.publication = True
        found.damaged.add(finding.key)
        found.mended[finding] = "publishing again"
    elif finding.area == REGIONS:
        found.regions = True
        found.mended[finding] = (
            "making the cache of its other files; what this one alone held is asked about again when its "
            "requesters come"
        )
    elif finding.area == LISTS:
        found.lists.append(finding.key)
        found.mended[finding] = "removing it: the next run of s3_ip_regions fetches it"
    elif finding.area == NETWORKS:
        found.networks.append(finding.key)
        found.mended[finding] = "removing it: the next task that needs it makes it anew"
    elif finding.area == CATALOG and deployment.is_fetched_catalog:
        found.catalog = True
        found.mended[finding] = "fetching the catalog again"
    else:
        found.hopeless[finding] = "it is of a catalog that S3LOGS_CATALOG does not name any more: remove it"


def _of_day(found: Remedies, findings: Sequence[Finding], work: Work) -> None:
    """Decide from the first stage on: each needs the one that it reads whole, or mended."""
    by_stage: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_stage[finding.area].append(finding)
    lost: dict[str, str] = {}  # stages that are not whole and stay so, and why
    for stage in STAGES:
        damaged = by_stage[stage.name]
        if not damaged:
            continue
        first = _first_to_run(stage, work)
        if why := _why_not(damaged, found.hopeless) or _is_in_the_way(first, work, lost):
            lost[stage.name] = why
            found.hopeless |= dict.fromkeys(damaged, why)
            continue
        again = found.days.setdefault(work.day, [])
        again += [name for name in dict.fromkeys((first.name, stage.name)) if name not in again]
        source = f"{first.reads}/" if first.reads else "its log objects"
        found.mended |= dict.fromkeys(damaged, f"{stage.task} of {work.day} again, from {source}")


def _first_to_run(stage: Stage, work: Work) -> Stage:
    """Return the stage itself, or the one before where the rows that it reads went with their addresses."""
    if stage.reads != REDUCED.name:
        return stage
    reduced = load_checkpoint(work.lake, REDUCED.name, work.day)
    return REDUCED if reduced and reduced.retained else stage


def _why_not(findings: Iterable[Finding], hopeless: Mapping[Finding, str]) -> str:
    return next((hopeless[finding] for finding in findings if finding in hopeless), "")


def _is_in_the_way(stage: Stage, work: Work, lost: Mapping[str, str]) -> str:
    """Return why a stage of a day cannot be computed again, or nothing."""
    if stage.reads:
        return f"{stage.reads}/ is not whole either, and {lost[stage.reads]}" if stage.reads in lost else ""
    try:
        objects = work.listing().of(work.day)
    except S3LogsError as error:
        return f"its log objects cannot be listed: {error}"
    before = made_before(work, reduce_inputs(objects, work.settings))
    if before is None:
        return "" if objects else "there is no log object of the day any more"
    gone = before.gone(objects)
    return f"{len(gone)} of its log objects are gone from the sources (first: {gone[0]})" if gone else ""


def stages_to_run(remade: Iterable[str], lost: Iterable[str]) -> list[Stage]:
    """Return the stages of a day to go through: those to compute again, and those that follow from them."""
    again, running = set(remade), list[Stage]()
    for stage in STAGES:
        follows = by_name(stage.reads) in running and stage.name not in set(lost)
        if stage.name in again or follows:
            running.append(stage)
    return running
