"""What ``docs/gate.md`` shows for CI is what the workflow does, and leads somewhere."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "benchmark.yml").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_package_that_is_asked_for_is_pinned_so_that_every_job_has_the_same():
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    asked = chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    names = {re.match(r"[\w.-]+", each).group().lower().replace("_", "-") for each in asked}
    assert names - {*re.findall(r"^([\w.-]+)==", pins, re.MULTILINE)} == set()


def test_the_tests_of_a_job_have_the_packages_without_which_some_are_skipped():
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert re.search(r"extras: test,gguf,quantization,ray\b", workflow)
    assert "make test test-slow EXTRAS=" in workflow
    assert "-e '.[$(EXTRAS)]'" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_workflow_that_is_shown_is_the_workflow():
    assert PAGE.partition("```yaml\n")[2].partition("```")[0] == WORKFLOW


@pytest.mark.parametrize("line", PAGE.partition("## CI")[2].partition("```shell\n")[2].partition("```")[0].splitlines())
def test_the_workflow_runs_each_shell_line_that_is_shown(line):
    assert f"run: {line}\n" in WORKFLOW


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", PAGE))
def test_every_link_leads_to_a_file(link):
    assert (ROOT / "docs" / link).exists()


@pytest.mark.parametrize("script", re.findall(r"<!-- table: python -m (\S+) -->", PAGE))
def test_every_table_has_its_script(script):
    assert (ROOT / script.replace(".", "/")).with_suffix(".py").exists()
