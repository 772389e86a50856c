"""What README promises is what the project does."""

import re
from pathlib import Path

import pytest

from harness.cli import commands
from harness.run import loader
from harness.spec import suite
from harness.spec.registry import Plugin
from harness.tasks import data

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
    assert loader.load(Plugin("norm_tuning", path), {}).learning_rate == 3e-3


def test_the_example_suites_load(tmp_path):
    path, loaded = tmp_path / "my_suite.toml", []
    for text in re.findall(r"```toml\n(.*?)```", README, re.DOTALL):
        path.write_text(text)
        loaded.append(suite.load(str(path)))
    assert [(one.search.trials, one.run.seeds) for one in loaded] == [(3, (0, 1, 2))] * 2
    assert loaded[1].methods["lora"]["rank"] == 16


def test_the_suite_with_all_keys_names_each_of_them():
    text = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[1]
    for table in (suite.TaskTable, suite.ModelTable, suite.Budget, suite.Evaluation, suite.SearchTable, suite.RunTable):
        assert [name for name in table.model_fields if not re.search(rf"\b{name}\b", text)] == []


def test_the_example_row_is_read(tmp_path):
    path = tmp_path / "my_dialogues.jsonl"
    row = README.partition("```json\n")[2].partition("```")[0]
    path.write_text("".join(row.replace("red", f"red{number}") for number in range(10)))
    splits = data.load(suite.TaskTable(name="dialogsum", data=str(path)))
    assert splits["train"][0].source.splitlines()[1] == "#Person2#: Until Friday."


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_to_a_file(link):
    assert (ROOT / link).exists()
