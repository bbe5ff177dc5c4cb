"""Each package is a page that says what its modules answer; the architecture has a line for each package."""

import ast
import re

import pytest

from tests.support.paths import PROJECT

ROOTS = ("include/s3logs", "plugins/s3logs_airflow")
PACKAGES = sorted(
    path.parent.relative_to(PROJECT).as_posix()
    for root in ROOTS
    for path in (PROJECT / root).rglob("__init__.py")
)
ARCHITECTURE = (PROJECT / "docs/architecture.md").read_text()


def inside(package):
    """The modules and packages in a package, as its page should name them."""
    folder = PROJECT / package
    modules = {path.name for path in folder.glob("*.py")} - {"__init__.py", "__main__.py"}
    return modules | {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}


def rows(text):
    """The first cell of each row of the tables in a text, as the names in it."""
    lines = [line for line in text.splitlines() if re.match(r"\| +`", line)]
    return [re.findall(r"`([^`]+)`", line.split("|")[1]) for line in lines]


@pytest.mark.parametrize("package", [package for package in PACKAGES if package not in ROOTS])
def test_the_page_of_a_package_names_each_of_its_modules_once(package):
    page = ast.get_docstring(ast.parse((PROJECT / package / "__init__.py").read_text()))
    assert sorted(name for names in rows(page) for name in names) == sorted(inside(package))


@pytest.mark.parametrize("root", ROOTS)
def test_the_architecture_has_a_line_for_each_package_and_module_at_the_top(root):
    table = ARCHITECTURE.partition(f"### `{root}/`\n")[2].partition("\n#")[0]
    assert sorted(name for names in rows(table) for name in names) == sorted(inside(root))


def test_the_floors_in_the_architecture_are_those_that_the_contract_holds():
    contract = re.search(
        r"layers = \[\n(    \"__main__.*?)\]", (PROJECT / "pyproject.toml").read_text(), re.DOTALL
    )
    floors = [set(floor.split(" | ")) for floor in re.findall(r'"([^"]+)"', contract[1])]
    drawn = ARCHITECTURE.partition("```text\n")[2].partition("```")[0]
    shown = [set(line.split("  ")[0].split(" · ")) for line in drawn.splitlines() if line.strip()]
    assert shown == floors


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+(?:/[a-z_]+)+\.py)`", ARCHITECTURE))))
def test_modules_that_the_architecture_names_are_there(name):
    places = (PROJECT, *(PROJECT / root for root in ROOTS))
    assert any((place / name).is_file() for place in places)
