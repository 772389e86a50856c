"""What a project does for its tests does not reach a session of ``--benchmark``."""

import multiprocessing.forkserver  # noqa: F401 (pytester would forget its server after each session)

import pytest

from harness.session import bakeoff  # noqa: F401 (nor may it import numpy and pandas a second time)
from support.projects import INI, NORMS, ROOT, project

pytest_plugins = ["pytester"]

FOR_TESTS = 'import os\nos.environ["HF_HUB_OFFLINE"] = "1"\nraise RuntimeError("loaded")\n'


@pytest.fixture
def there(pytester, monkeypatch):
    """A project with a ``conftest.py`` in its folder of tests, which cannot be loaded unnoticed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    project(pytester.path, data="nowhere", model="nowhere", norms=NORMS)
    for folder in ("tests", "tests/deep"):
        (pytester.path / folder).mkdir()
        (pytester.path / folder / "conftest.py").write_text(FOR_TESTS)
        (pytester.path / folder / "test_unit.py").write_text("def test_unit():\n    pass\n")
    return pytester


def ini_of(there, line):
    (there.path / "pytest.ini").write_text(f"{INI}{line}\n")


def listed(result):
    return [line for line in result.outlines if "::" in line]


@pytest.mark.parametrize(
    ("ini", "arguments"),
    [
        ("", []),
        ("testpaths = tests", []),
        ("testpaths = te*/deep other", []),
        ("", ["tests"]),
        ("", ["tests/deep/test_unit.py"]),
        ("", ["-k", "zero_shot or norms " + "or norms " * 100]),
        ("addopts = --benchmark -ra", []),
        ("addopts = --benchmark tests/deep", []),
    ],
)
def test_with_the_flag_no_conftest_of_tests_is_loaded(there, ini, arguments):
    ini_of(there, ini)
    flag = [] if "--benchmark" in ini else ["--benchmark"]
    result = there.runpytest_inprocess(*flag, "--suite=small.toml", "--co", "-q", *arguments)
    assert listed(result) == [f"harness/bench.py::test_method[{name}-seed0]" for name in ("zero_shot", "norms")]


def test_nor_is_one_where_the_session_starts_among_the_tests(there, monkeypatch):
    ini_of(there, "")
    monkeypatch.chdir(there.path / "tests")
    result = there.runpytest_inprocess("--benchmark", "--suite=../small.toml", "--co", "-q")
    assert len(listed(result)) == 2


def test_nor_is_one_where_the_environment_asks_for_the_flag(there, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--benchmark --suite=small.toml")
    assert len(listed(there.runpytest_inprocess("--co", "-q"))) == 2


def test_the_folder_of_tests_is_nowhere_on_the_path(there):
    with (there.path / "conftest.py").open("a") as file:
        file.write(
            "import sys\ndef pytest_report_header():\n    return [f'on the path: {each}' for each in sys.path]\n"
        )
    result = there.runpytest_inprocess("--benchmark", "--suite=small.toml", "--co")
    assert f"on the path: {there.path}" in result.outlines
    assert not [line for line in result.outlines if line.startswith(f"on the path: {there.path / 'tests'}")]


def test_a_folder_of_tests_that_brings_the_plugin_itself_is_loaded(there):
    (there.path / "conftest.py").rename(there.path / "tests" / "conftest.py")
    ini_of(there, "testpaths = tests")
    assert len(listed(there.runpytest_inprocess("--benchmark", "--suite=small.toml", "--co", "-q"))) == 2


@pytest.mark.parametrize("ini", ["", "testpaths = tests"])
def test_without_the_flag_it_is_loaded_as_ever(there, ini):
    ini_of(there, ini)
    result = there.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "RuntimeError: loaded" in "\n".join(result.errlines)
