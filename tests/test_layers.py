"""The rooms of ``harness/`` import what the table of docs/architecture.md allows, and what shows results no torch."""

import ast
import subprocess
import sys

import pytest

from benchmarks import arrows
from benchmarks.arrows import ROOT, entry, imports, modules, needs

MOST_ENTRIES, MOST_ARROWS, MOST_LINES = 21, 75, 300
TABLE = arrows.allowed()
HARNESS = modules(ROOT, "harness")
METHODS = modules(ROOT, "methods")
KNOWN = {**HARNESS, **METHODS}
ROOMS = sorted(path.parent.name for path in (ROOT / "harness").glob("*/__init__.py"))
WITHOUT_TORCH = ("spec", "metrics", "store", "ranking", "report")
OF_EVALUATE = "harness.metrics.rouge.rouge"  # a class of its metric, imported when something is scored
COPIED = "harness.gate.selftest.probes."  # into projects, as method files
HEAVY = {"torch", "transformers", "peft", "datasets"}


def test_the_table_has_a_row_for_every_room_and_public_module():
    assert set(TABLE) == {entry(module) for module in HARNESS} | {"methods"}


def test_the_table_names_nothing_else():
    assert set().union(*TABLE.values()) <= set(TABLE)


@pytest.mark.parametrize("module", HARNESS)
def test_a_module_imports_what_the_row_of_its_room_allows(module):
    needed = {entry(f"{name}.") for name in needs(module, KNOWN)} - {entry(module)}
    assert needed - TABLE[entry(module)] == set()


@pytest.mark.parametrize("module", METHODS)
def test_a_method_imports_what_its_row_allows_and_never_another_method(module):
    assert needs(module, KNOWN) <= {f"harness.{name}" for name in TABLE["methods"]}


def test_no_room_needs_itself_by_a_detour():
    assert arrows.in_cycles(arrows.arrows()) == []


def test_rooms_and_arrows_are_few():
    assert len({entry(module) for module in HARNESS}) <= MOST_ENTRIES
    assert len(arrows.arrows()) <= MOST_ARROWS


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_in_one_sentence_what_it_knows_and_holds_nothing_else(room):
    tree = ast.parse((ROOT / "harness" / room / "__init__.py").read_text(encoding="utf-8"))
    sentence = ast.get_docstring(tree)
    assert sentence
    assert sentence.count("\n") == 0
    assert len(tree.body) == 1


def test_the_package_itself_holds_a_docstring_only():
    tree = ast.parse((ROOT / "harness" / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


@pytest.mark.parametrize("module", HARNESS)
def test_a_file_is_not_too_long_to_read(module):
    assert len(HARNESS[module].read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_the_imports_of_a_file_are_found_wherever_they_stand(tmp_path):
    path = tmp_path / "some.py"
    path.write_text(
        "import harness.store\n"
        "from harness import method, spec as s\n"
        "from harness.spec import suite\n"
        "from harness.spec.suite import Budget\n"
        "from json import loads\n"
        "def later():\n    from methods import lora\n"
        "from .meters import Phase\nfrom . import weights\nfrom .. import bench\nfrom ..tasks import data\n"
    )
    found = {"harness.store", "harness.method", "harness.spec", "harness.spec.suite", "methods.lora"}
    near = {"harness.run.meters", "harness.run.weights", "harness.bench", "harness.tasks.data"}
    assert imports(path, KNOWN, "harness.run") == found | near


@pytest.mark.parametrize("module", [module for module in HARNESS if not module.startswith(COPIED)])
def test_the_package_never_calls_itself_by_name_since_it_has_another_where_it_is_installed(module):
    nodes = list(ast.walk(ast.parse(HARNESS[module].read_text(encoding="utf-8"))))
    named = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    named += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    assert [name for name in named if name.partition(".")[0] in ("harness", "tuneoff")] == []


def test_a_forbidden_arrow_and_a_cycle_are_seen():
    found = {("spec", "run"): ["harness.spec.suite"], ("run", "spec"): ["harness.run.runner"]}
    assert arrows.against(found, TABLE) == [("spec", "run")]
    assert arrows.in_cycles(found) == ["run", "spec"]


def test_starting_pytest_and_showing_results_imports_no_torch():
    faces = [name for name in HARNESS if entry(name) in WITHOUT_TORCH and name != OF_EVALUATE]
    faces += ["harness.pytest_plugin", "harness.session.bakeoff"]
    code = f"import sys, {', '.join(faces)}; print(*sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.stdout.strip()) == ("", "")
