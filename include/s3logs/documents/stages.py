"""Of `docs/formats.md`: what each stage leaves."""

from include.s3logs.documents.markdown import Parts, code, columns_table, named, table
from include.s3logs.lake import stages
from include.s3logs.lake.stages import Stage, StageFile


def parts() -> Parts:
    """Return the parts of the page."""
    return {"stages": "\n".join(map(_stage, (*stages.STAGES, stages.MONTHS)))}


def _stage(stage: Stage) -> str:
    reads = f"`{stage.reads}/`" if stage.reads else "the log objects"
    facts = f"`{stage.task}`, version {stage.version}, reads {reads}: {stage.does}."
    files = table(("file", "what is in it", "columns"), map(_file, stage.files))
    columns = [column for file in stage.files for column in file.columns]
    tables = f"{files}\n{columns_table(columns)}" if columns else files
    return f"## `{stage.name}/`\n\n{facts}\n\n{tables}"


def _file(file: StageFile) -> tuple[str, str, str]:
    columns = named(file.columns, stages.MEASURES) if file.columns else ""
    return code(f"{file.role}-<attempt>.{file.suffix}"), file.meaning, columns
