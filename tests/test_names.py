"""One word and one place for one thing, and functions short enough to be read at once."""

import ast
from collections import defaultdict
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
FILES = [path for folder in ("harness", "methods", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]

MAX_LINES, MAX_MEDIAN_LINES = 60, 8  # of a function of harness/ or methods/, from def to its end, docstring included
ONE_PLACE = {  # what is done in one place alone
    "hexdigest()[:12]": "harness/spec/hashing.py",
    "GIT_WORK_TREE": "harness/spec/git.py",
}
NAME_ROUGE = {  # why, of files other than ROUGE's own and the scripts that measure it
    "harness/metrics/built_in.py": "the list of all metrics",
    "harness/method.py": "a method that looks for the best answer may ask for the score, and imports from here alone",
    "harness/store/schema1.py": "what was stored under schema 1 was scored by nothing else, and did not say so",
    "methods/oracle.py": "the bound that raises ROUGE-1 as far as it goes",
}


def test_no_two_classes_have_one_name():
    places = defaultdict(list)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_rouge_is_named_in_its_own_files_and_where_it_must_be():
    found = {str(path.relative_to(ROOT)) for path in FILES if "rouge" in path.read_text(encoding="utf-8").lower()}
    found = {place for place in found if not place.startswith(("harness/metrics/rouge/", "benchmarks/"))}
    assert found == set(NAME_ROUGE)


@pytest.mark.parametrize("text", ONE_PLACE)
def test_what_has_a_place_of_its_own_is_done_nowhere_else(text):
    found = [str(path.relative_to(ROOT)) for path in FILES if text in path.read_text(encoding="utf-8")]
    assert found == [ONE_PLACE[text]]


def test_no_object_looks_into_itself_for_what_it_has_made():
    found = [path for path in FILES if "__dict__" in path.read_text(encoding="utf-8")]
    assert found == []


def test_what_a_process_must_do_is_an_order_and_never_any():
    orders = [
        (f"{path.relative_to(ROOT)}: {node.arg}", ast.unparse(node.annotation) if node.annotation else "")
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.arg) and node.arg == "order" and path.parent.name in ("execute", "run", "session")
    ]
    assert {annotation for _, annotation in orders} == {"Order"}, orders


def test_a_reason_why_not_is_none_where_there_is_none():
    reasons = [
        (f"{path.relative_to(ROOT)}: {node.name}", {ast.unparse(each) for each in ast.walk(node)})
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (ast.get_docstring(node) or "").startswith("Why")
    ]
    assert len(reasons) > 20
    assert [name for name, texts in reasons if "return ''" in texts] == []


def test_no_function_is_long_and_most_are_short():
    functions = [
        (f"{path.relative_to(ROOT)}: {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for path in FILES
        if path.relative_to(ROOT).parts[0] != "benchmarks"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    assert [(name, lines) for name, lines in functions if lines > MAX_LINES] == []
    assert median(lines for _, lines in functions) <= MAX_MEDIAN_LINES
