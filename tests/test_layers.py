"""Imports go down the table of layers only, and what shows results imports no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (
    "errors hyperparameters paths suite suite_file rouge.words record metrics failure "
    "embedded embedded.corpus embedded.instructions",
    "hub dropout attention shapes base_model generation integrity source_limit data data_files data_folders data_rows "
    "data_text leakage task prepared budget training decoding processor meters method contract soundness reach weights "
    "checkpoint scoring rouge rouge.rouge rouge.scorer embedded.architecture embedded.curriculum embedded.pretrain "
    "probes probes.honest probes.larger probes.shorter probes.slower",
    "registry plan",
    "environment preflight runner processes executor scratch side revision capabilities",
    "on_disk store baseline acceptance baseline_file search",
    "statistics scatter ranking pareto paired leaderboard verdict timing compared gate "
    "report report.advice report.table report.notes report.markdown report.files report.methods",
    "judge resume session session_gate session_search comparison session_against trial drop case session_selftest "
    "bench pytest_options pytest_conftests pytest_others pytest_terminal pytest_runs pytest_against pytest_selftest "
    "pytest_plugin publication __main__",
)
LAYER = {f"harness.{name}": number for number, names in enumerate(LAYERS) for name in names.split()}
FOR_METHODS = {"harness.method", "harness.training", "harness.decoding", "harness.scoring"}


def modules(package):
    """The modules of a package with their files, but for the package itself."""
    files = {path: path.relative_to(ROOT).with_suffix("") for path in sorted((ROOT / package).rglob("*.py"))}
    names = {".".join(name.parts).removesuffix(".__init__"): path for path, name in files.items()}
    return {name: path for name, path in names.items() if name != package}


MODULES = {**modules("harness"), **modules("methods")}


def imports(path):
    """The modules of this repository that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in inner}
    return {name for name in found if name.split(".")[0] in ("harness", "methods")}


def test_every_module_has_a_layer():
    assert set(modules("harness")) - set(LAYER) == set()


@pytest.mark.parametrize("module", modules("harness"))
def test_a_module_imports_from_its_own_layer_or_from_below(module):
    upwards = {name for name in imports(MODULES[module]) if LAYER.get(name, 99) > LAYER[module]}
    assert upwards == set()


@pytest.mark.parametrize("module", modules("methods"))
def test_a_method_imports_the_contract_and_never_another_method(module):
    assert imports(MODULES[module]) - FOR_METHODS == set()


def test_the_imports_of_a_file_are_found_wherever_they_stand(tmp_path):
    path = tmp_path / "some.py"
    path.write_text(
        "import harness.store\n"
        "from harness import data, record as r\n"
        "from harness.suite import Budget\n"
        "from json import loads\n"
        "def later():\n    from methods import lora\n"
    )
    assert imports(path) == {"harness.store", "harness.data", "harness.record", "harness.suite", "methods.lora"}


def test_the_package_itself_holds_a_docstring_only():
    tree = ast.parse((ROOT / "harness" / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


def test_starting_pytest_and_showing_results_imports_no_torch():
    faces = "harness.pytest_plugin, harness.session, harness.leaderboard, harness.store"
    code = f"import sys, {faces}; print(*sorted(set(sys.modules) & {{'torch', 'transformers', 'peft', 'datasets'}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.stdout.strip()) == ("", "")
