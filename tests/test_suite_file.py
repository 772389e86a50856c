"""A suite that is written down again is the same suite."""

import pytest

from harness.spec import suite, suite_file


@pytest.mark.parametrize("name", suite.built_in())
def test_every_built_in_suite_comes_back_as_it_was(name, tmp_path):
    one = suite.load(name)
    path = suite_file.write(tmp_path / f"{name}.toml", suite_file.tables(one))
    assert suite.load(str(path)) == one


def test_a_suite_with_one_method_keeps_its_settings_and_the_first_seed(tmp_path):
    one = suite_file.only(suite.load("embedded"), "lora")
    again = suite.load(str(suite_file.write(tmp_path / "embedded.toml", one)))
    assert (again.run.methods, again.run.seeds) == (("lora",), (0,))
    assert again.methods == {"lora": suite.load("embedded").methods["lora"]}


def test_a_comparison_keeps_no_models(tmp_path):
    one = suite_file.only(suite.load("embedded", {"run": {"keep": "all"}}), "lora")
    assert suite.load(str(suite_file.write(tmp_path / "embedded.toml", one))).run.keep == "none"


def test_paths_hold_wherever_the_suite_is_read_from(tmp_path, monkeypatch):
    (tmp_path / "rows").mkdir()
    monkeypatch.chdir(tmp_path)
    one = suite.load("smoke", {"task": {"data": "rows"}, "model": {"name": "google/flan-t5-small"}})
    found = suite_file.tables(one)
    assert found["task"]["data"] == str(tmp_path / "rows")
    assert found["model"]["name"] == "google/flan-t5-small"


def test_strings_with_quotes_and_other_alphabets_come_back(tmp_path):
    one = suite.load("smoke", {"task": {"data": 'größer "als" \\ 10\t%'}})
    assert suite.load(str(suite_file.write(tmp_path / "smoke.toml", suite_file.tables(one)))) == one


def test_hyper_parameters_of_any_kind_and_methods_of_any_name_come_back(tmp_path):
    values = {"rate": float("inf"), "roles": ["query", "a\x7fb"], "note": 'é "🙂"\n'}
    one = suite.load("smoke", {"run": {"methods": ["größe 🙂"]}, "methods": {"größe 🙂": values}})
    assert suite.load(str(suite_file.write(tmp_path / "smoke.toml", suite_file.tables(one)))) == one


CODE = """from harness.task import Task

class Echo(Task):
    columns = {{"source": "q", "target": "a"}}
    prompt = "{prompt}: {{source}}"
    metrics = ["exact_match"]
    max_target_tokens = 9
"""
KEYS = """[task]
name = "new.py"
data = "rows.jsonl"
columns = { target = "b" }
[budget]
max_steps = 1
[run]
methods = ["lora"]
"""


def test_another_version_of_a_task_in_python_says_itself_what_it_asks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("new", "old"):
        (tmp_path / f"{name}.py").write_text(CODE.format(prompt=name))
    (tmp_path / "suite.toml").write_text(KEYS)
    one = suite.load("suite.toml")
    assert one.task.prompt == ("new: {source}",)
    other = suite_file.with_task(one, tmp_path / "old.py")
    again = suite.load(str(suite_file.write(tmp_path / "again.toml", suite_file.tables(other)))).task
    assert again.prompt == ("old: {source}",)
    assert again.columns == {"source": ("q",), "target": ("b",)}
    assert (again.name, again.data, again.max_target_tokens) == ("old.py", "rows.jsonl", 9)
