"""Tests hand limits in: no test patches a constant of ours, under a name that nothing checks."""

import ast

import pytest

from tests.support.paths import PROJECT

OURS = ("include", "s3logs_airflow")
PATCHING = ("setattr", "patch", "patch.object")
ALLOWED = {
    "tests/include/test_a_new_stage.py: stages.STAGES": "that one entry adds a stage is what it tests",
    "tests/integration/test_dag_new_stage.py: stages.STAGES": "the same, in the DAG",
    "tests/support/newer_version.py: stages.STAGES": "what a later release would change is what it makes",
    "tests/support/newer_version.py: ….…": "the same, where the stage is named",
    "tests/docs/test_generated_pages.py: stages.STAGES": "the same, on the page",
}
"""Where a constant is patched, and why."""


def modules_of_ours(tree):
    """What the file imports of ours: {name in the file: module or what is in it}."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OURS:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        if isinstance(node, ast.Import):
            names = [alias for alias in node.names if alias.name.split(".")[0] in OURS]
            found |= {alias.asname or alias.name: alias.name for alias in names}
    return found


def is_constant(name):
    return name.isupper()


def patched_constants(text):
    """The constants of ours that a test file patches or assigns to, as `module.NAME`.

    `…` stands for a name that is not written out.
    """
    tree = ast.parse(text)
    ours = modules_of_ours(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [(ast.unparse(t.value), t.attr) for t in targets if isinstance(t, ast.Attribute)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(PATCHING):
            parts = [_patched(node.args)]
        else:
            continue
        for where, name in parts:
            module = ours.get(where, where)
            if module.split(".")[0] in OURS and (is_constant(name) or name == "…"):
                found.append(f"{module.rpartition('.')[2]}.{name}")
    return found


def _patched(arguments):
    """(object, name) of `setattr(object, "name", …)` and of `setattr("module.name", …)`."""
    first, *more = arguments
    if isinstance(first, ast.Constant | ast.JoinedStr):
        text = first.value if isinstance(first, ast.Constant) else _with_gaps(first)
        where, _, name = str(text).rpartition(".")
        return where, name
    name = more[0] if more else None
    return ast.unparse(first), str(name.value) if isinstance(name, ast.Constant) else "…"


def _with_gaps(text):
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in text.values)


def test_no_test_patches_a_constant_of_ours():
    found = {
        f"{path.relative_to(PROJECT)}: {name}"
        for path in sorted(PROJECT.glob("tests/**/*.py"))
        for name in patched_constants(path.read_text())
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "line",
    [
        'monkeypatch.setattr(lines, "LINES", 16)',
        'monkeypatch.setattr(lines, "_LINES", 16)',
        'monkeypatch.setattr("include.s3logs.parsing.lines.LINES", 16)',
        'monkeypatch.setattr(f"include.s3logs.{module}.LINES", 16)',
        'setattr(lines, "LINES", 16)',
        'patch.object(lines, "LINES", 16)',
        "lines.LINES = 16",
        "monkeypatch.setattr(lines, *what)",
    ],
)
def test_each_way_to_patch_a_constant_is_found(line):
    assert patched_constants(f"from include.s3logs.parsing import lines\n{line}")


@pytest.mark.parametrize(
    "line",
    [
        'monkeypatch.setattr(lines, "read", None)',
        'monkeypatch.setattr("include.s3logs.stores.folder.os.fsync", None)',
        'monkeypatch.setattr(sys, "PLATFORM", "darwin")',
        'monkeypatch.setattr(lake, "read", None)',
        "store.client = None",
    ],
)
def test_what_stands_for_the_outside_may_be_patched(line):
    assert patched_constants(f"from include.s3logs.parsing import lines\n{line}") == []
