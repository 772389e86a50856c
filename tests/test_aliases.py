"""A file of a user's own may call Tuneoff by either name; reading it changes nothing for others in the process."""

import sys

import pytest

from harness.run import loader
from harness.spec import suite
from harness.spec.aliases import Aliases
from harness.spec.registry import Plugin
from harness.tasks import data, definition

TASK = """
from tuneoff.task import Task

class Mine(Task):
    columns = {"source": "q", "target": "a"}
    prompt = "{source}"
    metrics = ["chrf"]

    def row(self, values):
        from tuneoff.spec.errors import brief
        return {**values, "a": brief(values["a"], 4)}

    def read(self, answer):
        from tuneoff.spec import errors
        return errors.brief(answer, 3)
"""
METHOD = """
from tuneoff.method import Method

class Mine(Method):
    def build(self, base):
        return base
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A process that has not seen the other name yet, in a folder with ten rows."""
    monkeypatch.setattr(sys, "meta_path", [each for each in sys.meta_path if not isinstance(each, Aliases)])
    for name in [name for name in sys.modules if name.partition(".")[0] == "tuneoff"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"q": "Q {n}", "a": "abcdefgh"}}\n' for n in range(10)))


def loaded(tmp_path, source=TASK):
    (tmp_path / "mine.py").write_text(source)
    keys = 'name = "mine.py"\ndata = "rows.jsonl"'
    (tmp_path / "suite.toml").write_text(f'[task]\n{keys}\n[budget]\nmax_steps = 1\n[run]\nmethods = ["lora"]\n')
    return suite.load("suite.toml").task


def others():
    """What code that is not Tuneoff's can import by the other name."""
    return {name for name in sys.modules if name.partition(".")[0] == "tuneoff"}


def test_a_task_in_python_imports_by_the_other_name_and_leaves_none_of_it(tmp_path):
    finders = [*sys.meta_path]
    table = loaded(tmp_path)
    assert data.load(table)["test"][0].target == "abc…"
    assert definition.of(table).read("xyzzy") == "xy…"
    assert (sys.meta_path, others()) == (finders, set())


def test_a_package_of_the_projects_own_with_that_name_keeps_its_modules_and_gets_no_others(tmp_path, monkeypatch):
    (tmp_path / "site" / "tuneoff").mkdir(parents=True)
    (tmp_path / "site" / "tuneoff" / "__init__.py").write_text("")
    (tmp_path / "site" / "tuneoff" / "ours.py").write_text("RATE = 0.5\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert loaded(tmp_path, f"from tuneoff.ours import RATE\n{TASK}").prompt == ("{source}",)
    assert others() == {"tuneoff", "tuneoff.ours"}
    assert {name for name in vars(sys.modules["tuneoff"]) if name[0] != "_"} == {"ours"}


def test_the_process_of_a_run_accepts_the_other_name_from_then_on(tmp_path):
    (tmp_path / "mine.py").write_text(METHOD)
    loader.load(Plugin("mine", tmp_path / "mine.py"), {})
    assert "tuneoff.method" in others()
    assert any(isinstance(finder, Aliases) for finder in sys.meta_path)
