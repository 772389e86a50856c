"""What README promises is what the project does."""

import re
import tomllib
from pathlib import Path

import pytest

from harness.cli import commands
from harness.metrics.built_in import SCORERS
from harness.run import loader
from harness.spec import suite
from harness.spec.registry import Plugin
from harness.tasks import data
from support import contracts
from support.toy import copy_of_base

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "your-model-and-data.md").read_text(encoding="utf-8")
TABLES = {
    "task": suite.TaskTable,
    "model": suite.ModelTable,
    "budget": suite.Budget,
    "evaluation": suite.Evaluation,
    "search": suite.SearchTable,
    "run": suite.RunTable,
}
WORDS_FOR_NONE = ("all", "none", "batch_size", "the task's")  # of a default


def suites(page):
    """The suites that a page shows, as texts."""
    return re.findall(r"```toml\n(.*?)```", page, re.DOTALL)


def test_the_leaderboard_is_the_one_that_the_committed_results_hold():
    shown = README.partition("<!-- leaderboard")[2].partition("-->\n")[2].partition("<!-- end")[0].strip()
    page = (ROOT / "results" / "embedded" / "leaderboard.md").read_text(encoding="utf-8")
    table = next(part for part in page.split("\n\n") if part.startswith("|"))
    assert shown == table.strip()


def test_the_two_commands_are_targets_of_the_makefile():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"benchmark", "test"} <= set(targets)
    assert "make benchmark" in README
    assert "make test" in README


@pytest.mark.parametrize("option", sorted(set(re.findall(r"(?<=[ `])--([a-z][a-z-]+)", README))))
def test_every_option_that_is_shown_exists(option, pytestconfig):
    name = "collectonly" if option == "co" else option.replace("-", "_")
    pytestconfig.getoption(name)  # raises ValueError for an option that nobody added


@pytest.mark.parametrize("name", sorted(set(re.findall(r"python -m harness (\w+) (?!suite)", README))))
def test_every_command_that_is_shown_exists(name):
    with pytest.raises(SystemExit, match="unknown suite 'nothing'"):
        commands.main([name, "nothing"])


def test_the_example_method_keeps_the_contract_in_ten_lines(tmp_path):
    code = README.partition("<!-- example method -->\n```python\n")[2].partition("```")[0]
    path = tmp_path / "norm_tuning.py"
    path.write_text(code)
    assert len([line for line in code.splitlines() if line.strip()]) < 10
    method = contracts.instance(loader.load(Plugin("norm_tuning", path), {}))
    trained = [name for name, each in method.build(copy_of_base()).named_parameters() if each.requires_grad]
    assert trained
    assert all("layer_norm" in name for name in trained)


def test_the_example_suites_load(tmp_path):
    path, loaded = tmp_path / "my_suite.toml", []
    for text in suites(README):
        path.write_text(text)
        loaded.append(suite.load(str(path)))
    assert [(one.search.trials, one.run.seeds) for one in loaded] == [(3, (0, 1, 2))] * 2
    assert loaded[1].methods["lora"]["rank"] == 16


def test_the_suite_with_all_keys_names_each_of_them():
    text = suites(README)[1]
    for table in TABLES.values():
        assert [name for name in table.model_fields if not re.search(rf"\b{name}\b", text)] == []
    options = [name for scorer in SCORERS.values() for name in scorer.options]
    assert [name for name in options if f"\n{name} = " not in text] == []


@pytest.mark.parametrize("name", TABLES)
def test_the_defaults_in_brackets_are_those_of_the_keys(name):
    part = suites(README)[1].partition(f"[{name}]")[2].partition("\n[")[0]
    for key, shown in re.findall(r"^(\w+) = .*?# \((.*?)\)", part, re.MULTILINE):
        field = TABLES[name].model_fields.get(key)
        default = field.default if field else suite.AUTO  # of an option of a metric
        known = None if shown in WORDS_FOR_NONE else tomllib.loads(f"value = {shown}")["value"]
        assert (key, known) == (key, list(default) if isinstance(default, tuple) else default)


def test_the_example_suites_to_copy_set_a_learning_rate_for_every_method_that_trains(tmp_path):
    path = tmp_path / "my_suite.toml"
    for text in (suites(README)[0], *suites(GUIDE)):
        path.write_text(text)
        loaded = suite.load(str(path))
        trained = set(loaded.run.methods) - {suite.ZERO_SHOT}
        assert {name for name, values in loaded.methods.items() if "learning_rate" in values} == trained


@pytest.mark.parametrize("name", ["lab", "dialogsum", "smollm2"])
def test_the_learning_rates_of_the_guide_are_those_of_the_suite(name):
    (row,) = [line for line in GUIDE.splitlines() if line.startswith("|") and f"`{name}`" in line]
    methods = suite.load(name).methods
    rates = [methods[method]["learning_rate"] for method in ("full_finetune", "lora")]
    assert [float(cell) for cell in row.split("|")[2:4]] == rates


def test_the_example_row_is_read(tmp_path):
    path = tmp_path / "my_dialogues.jsonl"
    row = README.partition("```json\n")[2].partition("```")[0]
    path.write_text("".join(row.replace("red", f"red{number}") for number in range(10)))
    splits = data.load(suite.TaskTable(name="dialogsum", data=str(path)))
    assert splits["train"][0].source.splitlines()[1] == "#Person2#: Until Friday."


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)", README))
def test_every_link_leads_to_a_file(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)", GUIDE))
def test_every_link_of_the_guide_leads_to_a_file(link):
    assert (ROOT / "docs" / link).exists()
