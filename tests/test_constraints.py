"""``constraints.txt`` names an exact version of all that the project needs, directly or not."""

import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = {
    canonicalize_name(name): pin
    for name, pin in (line.split("==") for line in LINES if line.strip() and not line.startswith("#"))
}


def needed(lines: list[str]) -> Iterator[Requirement]:
    """What these requirements need here, and in turn what that needs, if it is installed."""
    seen, waiting = set[tuple[str, str]](), [(Requirement(line), "") for line in lines]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        yield requirement
        for each in {"", *requirement.extras}:
            key = (canonicalize_name(requirement.name), each)
            if key not in seen:
                seen.add(key)
                waiting += [(Requirement(line), each) for line in _requires(requirement.name)]


def _requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []


@pytest.mark.parametrize("extra", [None, "test"])
def test_all_that_is_needed_has_an_exact_version(extra):
    lines = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    assert {each.name for each in needed(lines) if canonicalize_name(each.name) not in PINS} == set()


@pytest.mark.parametrize("name", ["sacrebleu", "rouge_score", "transformers", "peft", "torch"])
def test_what_is_tested_has_the_version_that_is_named(name):
    assert version(name).partition("+")[0] == PINS[canonicalize_name(name)]


def test_every_version_named_fits_what_the_project_asks_for():
    for each in needed(PROJECT["dependencies"]):
        assert each.specifier.contains(PINS[canonicalize_name(each.name)]), each
