"""`docs/dags.md`, made from the DAG files and their operators: `make docs`."""

from __future__ import annotations

import inspect
import os
import re
import runpy
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

from include.s3logs.documents.markdown import code, table
from include.s3logs.settings import PROJECT, DagLimits

PAGE = PROJECT / "docs/dags.md"
_HEAD = """# DAGs

Made from the DAG files and their operators by `make docs`; a test keeps it true. The web UI shows the same
text of each DAG, and its parameters as a form (*Trigger*). Times are UTC.
"""
_SCHEDULED_BY = {"s3_log_rollup": "S3LOGS_ROLLUP_SCHEDULE"}
"""Settings that give a DAG its schedule."""
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_DAILY = re.compile(r"(?P<minute>\d+) (?P<hour>\d+) \* \* (?P<weekday>\*|[0-6])")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def dags_page() -> str:
    """Return `docs/dags.md`, with the settings of this process."""
    files = sorted((PROJECT / "dags").glob("*.py"))
    return "\n".join([_HEAD, *(_section(runpy.run_path(str(file))["dag"]) for file in files)])


def _section(dag: Any) -> str:
    facts = f"*{dag.dag_display_name}*, {schedule_in_words(dag)}."
    parts = [f"## `{dag.dag_id}`\n", f"{facts}\n", dag.doc_md.strip() + "\n"]
    if dag.params:
        parts += ["### Parameters\n", _parameters(dag)]
    return "\n".join([*parts, "### Tasks\n", _tasks(dag)])


def schedule_in_words(dag: Any) -> str:
    """Return when a DAG runs, and which setting says so, if one does."""
    expression = getattr(dag.timetable, "expression", "")
    found = _DAILY.fullmatch(expression)
    if found:
        weekday = found["weekday"]
        day = "every day" if weekday == "*" else f"every {_WEEKDAYS[int(weekday)]}"
        words = f"{day} at {int(found['hour']):02}:{int(found['minute']):02}"
    else:
        words = f"by the cron expression {code(expression)}" if expression else "only when it is triggered"
    if getattr(dag.timetable, "run_offset", 0) == -1:
        words += ", for the day before"
    setting = _SCHEDULED_BY.get(dag.dag_id)
    return f"{words} (`{setting}` decides)" if setting else words


def _parameters(dag: Any) -> str:
    found = [(name, dag.params.get_param(name)) for name in dag.params]
    rows = (
        (
            code(name),
            param.schema["title"],
            param.schema.get("section", ""),
            _kind(param.schema),
            _value(param.value),
            param.schema["description_md"],
        )
        for name, param in found
    )
    return table(("parameter", "title", "section", "is", "default", "meaning"), rows)


def _kind(schema: dict[str, Any]) -> str:
    """Return in words what a value of a parameter is."""
    if "enum" in schema:
        return code(*(value for value in schema["enum"] if value is not None))
    types = schema["type"]
    match types if isinstance(types, str) else next(name for name in types if name != "null"):
        case "array":
            return f"list of {_kind(schema['items'])}s"
        case "boolean":
            return "yes or no"
        case _ if schema.get("format") == "date":
            return "date"
        case "string":
            return "text"
        case other:
            return str(other)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return code(str(value)) if value else "empty"


def _tasks(dag: Any) -> str:
    rows = []
    for task in dag.tasks:
        operator = task.operator_class
        sentences = list(_sentences(operator))
        left = " ".join(sentence for sentence in sentences if re.search(r"\bReturns\b|\bXCom\b", sentence))
        rows.append((code(task.task_id), task.doc_md or "", code(operator.__name__), sentences[0], left))
    return table(("task", "in short", "operator", "what it does", "what it leaves as XCom"), rows)


def _sentences(operator: type) -> Iterator[str]:
    """Yield the sentences of an operator's docstring up to its lists and parameters."""
    for paragraph in (inspect.getdoc(operator) or "").split("\n\n"):
        if not paragraph.lstrip().startswith((":", "-", "..")):
            yield from _SENTENCE.split(" ".join(paragraph.split()))


if __name__ == "__main__":
    fields = DagLimits.model_fields.items()
    defaults = {f"S3LOGS_{name.upper()}": str(field.default) for name, field in fields}
    with TemporaryDirectory() as home:  # Airflow makes one where it is imported
        os.environ |= {"AIRFLOW_HOME": home, **defaults}
        PAGE.write_text(dags_page(), encoding="utf-8")
