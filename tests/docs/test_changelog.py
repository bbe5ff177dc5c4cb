"""The changelog knows every version of a stage, up to the one that the code has."""

from include.s3logs.lake.stages import MONTHS, STAGES
from include.s3logs.publishing import publish
from include.s3logs.regions import tables
from tests.support.paths import PROJECT

IN_CODE = {
    **{stage.task: stage.version for stage in STAGES},
    "months": MONTHS.version,
    "publish": publish.VERSION,
    "regions": tables.VERSION,
}


def test_every_version_of_every_stage_has_a_row():
    table = (PROJECT / "CHANGELOG.md").read_text().split("### Stage versions\n")[1].split("\n#")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")][2:]
    versions, stage = {}, ""
    for name, version, *_ in rows:
        stage = name.strip() or stage
        versions.setdefault(stage, []).append(int(version))
    assert versions == {stage: list(range(1, newest + 1)) for stage, newest in IN_CODE.items()}
