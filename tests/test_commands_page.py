"""``docs/commands.md`` has every option and command, and no page of the first steps shows another one."""

import re
from argparse import SUPPRESS

import pytest

from harness.cli import commands, options
from harness.spec import suite
from support import pages

PAGE = pages.text(pages.COMMANDS)
OF_FIRST_STEPS = (pages.README, pages.COMMANDS, pages.SUITE, pages.GUIDE)


def shown(page):
    """The options that a page names, without those of ``python -m harness``."""
    named = set(re.findall(r"(?<=[ `])--([a-z][a-z-]+)", pages.text(page)))
    return named - {*commands.FOLDERS}


class Recorder(list):
    """What pytest's parser is asked to add, by name, without what is for Tuneoff alone."""

    def getgroup(self, *_):
        return self

    def addoption(self, name, **described):
        if described.get("help") != SUPPRESS:
            self.append(name.removeprefix("--"))

    def addini(self, *_, **__): ...


@pytest.mark.parametrize("option", sorted(set().union(*map(shown, OF_FIRST_STEPS))))
def test_every_option_that_is_shown_exists(option, pytestconfig):
    name = "collectonly" if option == "co" else option.replace("-", "_")
    pytestconfig.getoption(name)  # raises ValueError for an option that nobody added


def test_every_option_is_shown():
    added = Recorder()
    options.add(added)
    assert {"benchmark", "gate"} <= set(added)
    assert set(added) - shown(pages.COMMANDS) == set()


def test_every_command_about_suites_is_shown():
    assert set(re.findall(r"python -m harness (\w+) (?!suite)", PAGE)) == set(commands.PUBLISHING)


@pytest.mark.parametrize("name", commands.PUBLISHING)
def test_every_command_about_suites_that_is_shown_exists(name):
    with pytest.raises(SystemExit, match="unknown suite 'nothing'"):
        commands.main([name, "nothing"])


def test_the_command_that_writes_a_suite_is_called_as_it_is_shown():
    assert "python -m harness new suite my_data.jsonl" in PAGE
    with pytest.raises(SystemExit, match="no such file or folder"):
        commands.main(["new", "suite", "nothing.jsonl"])


def test_the_suites_in_the_commands_exist():
    named = re.findall(r"--suite=(\w+)[ `]", PAGE) + re.findall(r"python -m harness publish (\w+)", PAGE)
    assert set(named) <= set(suite.built_in())
    assert named


def test_the_targets_of_make_exist():
    targets = re.findall(r"^([\w-]+):", (pages.ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make (\w[\w-]*)", PAGE)) <= set(targets)
