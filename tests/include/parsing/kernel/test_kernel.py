"""The compiled kernels: built once, kept, loaded without Numba, built anew when something changes."""

import logging
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from include.s3logs.parsing.kernel import compiled
from tests.support.paths import PROJECT

LINE = (
    b"0a bucket [12/May/2026:08:09:10 +0000] 192.0.2.10 - ID REST.GET.OBJECT a%2520b "
    b'"GET /a.txt HTTP/1.1" 200 - 1 1 1 1 "-" "-" - host\n'
)
READS_A_LINE = f"""
import sys
from include.s3logs.parsing.parse import Selector, parse
from include.s3logs.parsing.selection import Filter
line = {LINE!r}
wanted = Filter(frozenset(["REST.GET.OBJECT"]), range(200, 300), lambda ip: False)
selector = Selector(wanted, ["object_key"])
found = [*selector.select([line, b"no record"]), *selector.finish()]
assert found[-1].rows["object_key"].to_pylist() == ["a b"] == parse(line).records["object_key"].to_pylist()
print(*sorted({{"numba", "pandas"}} & set(sys.modules)))
"""


@pytest.fixture(autouse=True)
def _names_are_asked_for_again():
    compiled._name.cache_clear()
    yield
    compiled._name.cache_clear()


def run(**environment):
    return subprocess.run(
        [sys.executable, "-c", READS_A_LINE],
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_process_that_finds_the_kernels_loads_neither_numba_nor_pandas():
    compiled.kernels()
    assert run().stdout.split() == []


def test_kernels_for_another_processor_are_others_and_work(monkeypatch):
    here = compiled._name()
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    compiled._name.cache_clear()
    assert compiled._name() != here
    run()
    assert run().stdout.split() == []


@pytest.mark.parametrize("change", ["version", "processor", "source", "system", "machine"])
def test_a_change_of_anything_asks_for_other_kernels(change, monkeypatch, tmp_path):
    if change in ("system", "machine"):
        monkeypatch.setenv("NUMBA_CPU_NAME", "generic")  # of whatever kind
    before = compiled._name()
    compiled._name.cache_clear()
    here, told = os.uname(), {}
    if change == "system":
        monkeypatch.setattr("os.uname", lambda: SimpleNamespace(sysname="Another", machine=here.machine))
    elif change == "machine":
        monkeypatch.setattr("os.uname", lambda: SimpleNamespace(sysname=here.sysname, machine="another"))
    elif change == "version":
        told = {"version": lambda _: "0"}
    elif change == "processor":
        monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    else:
        for source in compiled.SOURCES:
            (tmp_path / f"{source}.py").write_bytes((compiled._HERE / f"{source}.py").read_bytes())
        (tmp_path / "scan.py").open("a").write("#")
        told = {"sources": tmp_path}
    assert compiled._name(**told) != before


def kept_code():
    """What was compiled before: in place of compiling it again."""
    compiled.kernels()
    return compiled._kept(compiled._folders())


COMPILING = pytest.mark.parametrize(
    "code", [kept_code, pytest.param(compiled._compiled, marks=pytest.mark.slow)], ids=["kept", "compiled"]
)


@COMPILING
def test_kernels_that_can_be_kept_nowhere_are_built_all_the_same(code, tmp_path, caplog):
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING):
        functions = compiled._loaded([tmp_path / "file"], code)
    assert "cannot be kept in" in caplog.text
    assert "compiled now" in caplog.text
    assert functions.append_numbers(0, 0, 0, 0, 0, 0, 0) == 0


@COMPILING
def test_kernels_are_kept_where_the_user_may_write(code, tmp_path):
    (tmp_path / "file").touch()
    folders = [tmp_path / "file", tmp_path / "cache/s3logs"]
    built = compiled.build(folders, code)
    (kept,) = (tmp_path / "cache/s3logs").iterdir()
    assert kept.read_bytes().startswith(built)
    assert compiled._kept(folders) == built


COMPILES = """
import sys, time
from pathlib import Path
from include.s3logs.parsing.kernel import compiled

folder, name, others = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
code = compiled._kept(compiled._folders())

def slowly():
    (folder / f"{name} compiles").touch()
    while not all((folder / f"{other} began").exists() for other in others):
        time.sleep(0.01)  # a poll interval
    return code

(folder / f"{name} began").touch()
compiled._loaded([folder / "kept"], slowly)
"""


def test_of_fresh_workers_one_compiles_and_the_others_wait_for_it(tmp_path):
    compiled.kernels()
    names = ["one", "two", "three"]
    command = [sys.executable, "-c", COMPILES, str(tmp_path)]
    workers = [subprocess.Popen([*command, name, *names], cwd=PROJECT) for name in names]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert len(list(tmp_path.glob("* compiles"))) == 1
    assert [file.name for file in (tmp_path / "kept").iterdir()] == [compiled._name()]


def test_a_user_without_a_home_finds_the_kernels_beside_the_sources(monkeypatch):
    def unknown(_):
        raise KeyError

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert compiled._folders() == [compiled._HERE / "__pycache__"]


@pytest.mark.parametrize("damage", [lambda _: b"", lambda kept: kept[:-1], lambda kept: bytes(len(kept))])
def test_damaged_kernels_are_not_used(damage, tmp_path, caplog):
    compiled.kernels()
    kept = next(folder / compiled._name() for folder in compiled._folders() if folder.is_dir()).read_bytes()
    folders = [tmp_path / "damaged", tmp_path]
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / compiled._name()).write_bytes(damage(kept))
    assert compiled._kept(folders) is None
    assert "damaged are not whole" in caplog.text
    (tmp_path / compiled._name()).write_bytes(kept)
    assert compiled._kept(folders) == kept[: -compiled._DIGEST]


def test_every_source_of_the_kernels_decides_their_name():
    sources = {path.stem for path in (PROJECT / "include/s3logs/parsing/kernel").glob("*.py")}
    assert sources == {*compiled.SOURCES, "compiled", "__init__", "__main__"}


def test_threads_that_need_the_kernels_first_at_the_same_time_share_them():
    """Others, of which nobody keeps hold, would go away while they are at work."""
    code = (
        "from threading import Barrier, Thread\n"
        "from include.s3logs.parsing.kernel.compiled import kernels\n"
        "start, found = Barrier(8), []\n"
        "def load():\n"
        "    start.wait()\n"
        "    found.append(kernels())\n"
        "threads = [Thread(target=load) for _ in range(8)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "print(len(found), len({id(each) for each in found}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["8", "1"]
