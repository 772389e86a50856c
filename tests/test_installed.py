"""An installed Tuneoff is one package, ``tuneoff``; a project's own ``harness`` and ``methods`` stay the project's."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.projects import BROKEN, INI, NORMS, ROOT, SUITE
from support.repositories import git

pytestmark = pytest.mark.slow

BUILT_OF = ("harness", "methods", "setup.py", "pyproject.toml", "README.md", "LICENSE")
CONFTEST = """\
import sys

pytest_plugins = ["{name}.pytest_plugin"]


def pytest_unconfigure():
    print("\\nloaded as", *sorted({{one.partition(".")[0] for one in sys.modules}} & {{"harness", "tuneoff"}}))
"""
REFUSES = """\
from harness import method

class Refuses(method.Method):
    def build(self, base):
        import tuneoff.method

        raise tuneoff.method.Unsupported("not on this one")
"""
OF_THE_PROJECT = """\
from harness.method import Model
from harness.ours import Ours

class OfTheProject(Ours):
    def build(self, base: Model) -> Model:
        return base
"""
OURS = """\
from tuneoff.method import Method

class Ours(Method):
    learning_rate = 0.5
"""
MISSES = """\
from harness.nothing import Method

class Misses(Method): ...
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The files that Tuneoff is built of, where a build may leave others."""
    folder = tmp_path_factory.mktemp("source")
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *BUILT_OF).split("\0"):
        if name and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    """``built("wheel")`` or ``built("editable")``: a wheel, by setuptools as pip calls it."""

    def build(kind):
        folder = tmp_path_factory.mktemp(kind)
        call = f"from setuptools import build_meta; build_meta.build_{kind}({str(folder)!r})"
        subprocess.run([sys.executable, "-c", call], cwd=source, check=True, capture_output=True, timeout=120)
        return next(folder.glob("*.whl"))

    return build


@pytest.fixture(scope="module")
def wheel(built):
    """What a user installs."""
    return built("wheel")


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A Python that has the wheel, and beside it what this Python has."""
    return environment(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def editable(built, tmp_path_factory):
    """A Python that has what ``pip install -e`` leaves."""
    return environment(built("editable"), tmp_path_factory.mktemp("editable"))


def environment(wheel, folder):
    """The Python of a new virtual environment that has a wheel, and this one's packages but for Tuneoff."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    packages = next(folder.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as file:
        file.extractall(packages)
    others = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    (packages / "others.pth").write_text("".join(f"{entry}\n" for entry in others))
    return folder / "bin" / "python"


def project(folder, data, model, name="tuneoff", **methods):
    """A project that names Tuneoff's plugin as ``name``, with methods of its own."""
    (folder / "own").mkdir()
    (folder / "conftest.py").write_text(CONFTEST.format(name=name))
    (folder / "pytest.ini").write_text(INI.replace("= methods", "= own"))
    for method, text in methods.items():
        (folder / "own" / f"{method}.py").write_text(text)
    listed = ", ".join(f'"{method}"' for method in methods)
    (folder / "small.toml").write_text(SUITE.format(data=data, model=model, methods=listed))
    return folder


def given(python, folder, *arguments, **variables):
    """What that Python does in a folder, nothing of this session around it: code and output."""
    ours = ("PYTHONPATH", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [python, *arguments],
        cwd=folder,
        env={**kept, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    return done.returncode, done.stdout + done.stderr


def benchmark(python, folder, *arguments, **variables):
    return given(python, folder, "-m", "pytest", "--benchmark", "--suite=small.toml", *arguments, **variables)


def listed(output):
    return [line for line in output.splitlines() if "::" in line]


def statuses(folder):
    """The status of each run, by method."""
    records = [json.loads(path.read_bytes()) for path in (folder / "results" / "local" / "small" / "runs").glob("*")]
    return {record["spec"]["method"]: record["status"] for record in records}


@pytest.fixture
def data(rows, write, tmp_path):
    folder = tmp_path / "data"
    write(folder / "train.jsonl", rows[:16])
    write(folder / "test.jsonl", rows[16:20])
    return folder


@pytest.fixture
def folder(tmp_path):
    """An empty folder."""
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_a_wheel_has_every_file_and_no_name_but_tuneoffs(wheel, source):
    with zipfile.ZipFile(wheel) as file:
        names = [name for name in file.namelist() if ".dist-info/" not in name]
    places = [*source.glob("harness/**/*"), *source.glob("methods/**/*")]
    files = [path.relative_to(source).as_posix() for path in places if path.is_file()]
    assert set(names) == {f"tuneoff/{name.removeprefix('harness/')}" for name in files}
    assert "tuneoff/py.typed" in names  # so that type checkers read the annotations


def test_an_empty_folder_needs_one_line_and_a_method_under_either_name(installed, folder, data, tiny_folder):
    older = NORMS.replace("tuneoff.", "harness.")
    newer = NORMS.replace("harness.", "tuneoff.")
    project(folder, data, tiny_folder, newer=newer, older=older, refuses=REFUSES, broken=BROKEN)
    code, output = benchmark(installed, folder, "--junitxml=junit.xml")
    assert code == pytest.ExitCode.TESTS_FAILED, output
    assert "loaded as tuneoff\n" in output
    ok = dict.fromkeys(("zero_shot", "newer", "older"), "ok")
    assert statuses(folder) == {**ok, "refuses": "unsupported", "broken": "failed"}
    cases = ElementTree.parse(folder / "junit.xml").iter("testcase")
    assert {case.get("classname") for case in cases} == {"tuneoff.bench"}
    failed = "tuneoff/bench.py::test_method[broken-seed0]"
    for arguments in (["--lf"], ["-k", "broken"], [failed]):
        assert listed(benchmark(installed, folder, "--co", "-q", *arguments)[1]) == [failed]


def test_a_projects_own_harness_and_methods_stay_its_own(installed, folder, data, tiny_folder):
    for name in ("harness", "methods"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("")
    (folder / "harness" / "ours.py").write_text(OURS)
    (folder / "methods" / "lora.py").write_text("raise SystemExit\n")
    project(folder, data, tiny_folder, of_the_project=OF_THE_PROJECT, misses=MISSES)
    code, output = benchmark(installed, folder, "-v")
    assert code == pytest.ExitCode.TESTS_FAILED, output
    assert "tuneoff/bench.py::test_method[of_the_project-seed0] PASSED" in output
    assert statuses(folder) == {"zero_shot": "ok", "of_the_project": "ok", "misses": "failed"}
    assert f"harness is {folder / 'harness'} here: to import from Tuneoff, write from tuneoff.method import" in output


def test_an_editable_installation_is_one_copy_under_either_name(editable, folder, source, data, tiny_folder):
    project(folder, data, tiny_folder, norms=NORMS)
    _, output = benchmark(editable, folder, "--co", "-q")
    assert "tuneoff/bench.py::test_method[norms-seed0]" in listed(output)
    assert "loaded as tuneoff\n" in output
    (source / "conftest.py").write_text(CONFTEST.format(name="harness"))
    (source / "tests").mkdir()
    _, output = given(editable, source, "-P", "-m", "pytest", "--benchmark", "--suite=smoke", "--co", "-q")
    assert "harness/bench.py::test_method[lora-seed0]" in listed(output)
    assert "loaded as harness\n" in output


def test_two_copies_in_one_session_are_refused_by_name(installed, folder, data, tiny_folder):
    project(folder, data, tiny_folder, name='tuneoff.pytest_plugin", "harness', norms=NORMS)
    code, output = benchmark(installed, folder, "--co", PYTHONPATH=str(ROOT))
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "two copies of Tuneoff are loaded, tuneoff.pytest_plugin (" in output
    assert f"harness.pytest_plugin ({ROOT / 'harness' / 'pytest_plugin.py'}); name only one of them" in output


def test_the_commands_have_the_installed_name(installed, folder):
    code, output = given(installed, folder, "-m", "tuneoff", "--help")
    assert code == 0
    assert "usage: python -m tuneoff" in output
    code, output = given(installed, folder, "-m", "tuneoff", "render", "smoke")
    assert code == 1
    assert "run the suite, then python -m tuneoff publish" in output
