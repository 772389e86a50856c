"""What README promises is what the project does."""

import re

from harness.run import loader
from harness.spec import suite
from harness.spec.registry import Plugin
from harness.tasks import data
from support import contracts, pages
from support.toy import copy_of_base

README = pages.text(pages.README)
MAX_LINES = 150


def test_it_is_short():
    assert len(README.splitlines()) <= MAX_LINES


def test_the_leaderboard_is_the_one_that_the_committed_results_hold():
    shown = README.partition("<!-- leaderboard")[2].partition("-->\n")[2].partition("<!-- end")[0].strip()
    page = pages.text(pages.ROOT / "results" / "embedded" / "leaderboard.md")
    table = next(part for part in page.split("\n\n") if part.startswith("|"))
    assert shown == table.strip()


def test_the_two_commands_are_targets_of_the_makefile():
    targets = re.findall(r"^(\w+):", (pages.ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"benchmark", "test"} <= set(targets)
    assert "make benchmark" in README
    assert "make test" in README


def test_the_example_method_keeps_the_contract_in_ten_lines(tmp_path):
    code = README.partition("<!-- example method -->\n```python\n")[2].partition("```")[0]
    path = tmp_path / "norm_tuning.py"
    path.write_text(code)
    assert len([line for line in code.splitlines() if line.strip()]) < 10
    method = contracts.instance(loader.load(Plugin("norm_tuning", path), {}))
    trained = [name for name, each in method.build(copy_of_base()).named_parameters() if each.requires_grad]
    assert trained
    assert all("layer_norm" in name for name in trained)


def test_the_example_suite_reads_rows_like_the_example(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ((row,), (task,)) = (pages.blocks(pages.README, language) for language in ("json", "toml"))
    (tmp_path / "claims.jsonl").write_text("".join(row.replace("Sundays", f"day {number}") for number in range(10)))
    (tmp_path / "my_suite.toml").write_text(task)
    table = suite.load("my_suite.toml").task
    (example,) = data.load(table)["test"]
    assert table.templates[0].filled(example.texts).startswith("Is this true of the swimming pool? It is open on day ")
    assert example.target == "no"


def test_the_example_metric_is_that_of_the_page_about_metrics():
    example = pages.blocks(pages.README, "python")[1]
    assert example == pages.blocks(pages.ROOT / "docs" / "metrics.md", "python")[0]
