"""The examples of docs/tasks.md work as they stand there."""

import json
import re
from pathlib import Path

import pytest
from transformers import ByT5Tokenizer

from harness.models.seq2seq import Seq2SeqFamily
from harness.run import answers
from harness.session import checks
from harness.spec import suite, task_files
from harness.spec.suite import TaskTable
from harness.tasks import data, definition, scored_by
from harness.tasks.task import prepare

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
REST = '\n[budget]\nmax_steps = 1\n[run]\nmethods = ["lora"]\n'


def example(name):
    """The block of code after the comment that names it."""
    return re.search(rf"<!-- example {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)[1]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory, with ten rows like the example's."""
    monkeypatch.chdir(tmp_path)
    row = json.loads(example("rows"))
    rows = [{**row, "claim": f"{row['claim']} {number}"} for number in range(10)]
    (tmp_path / "claims.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    return tmp_path


def load(folder, task):
    (folder / "suite.toml").write_text(task + REST)
    return suite.load(str(folder / "suite.toml")).task


def test_a_new_task_takes_five_lines(folder):
    assert len(example("task").splitlines()) == 6  # with the head of the table
    table = load(folder, example("task"))
    row = data.load(table)["test"][0]
    (template,) = table.templates
    expected = "Is this true of the swimming pool? It is open on Sundays. 0\n\nAnswer: "
    assert template.filled(row.texts) == expected
    assert row.target == "no"


def test_the_rest_of_its_suite_is_whole(folder):
    (folder / "claims.toml").write_text(example("task") + example("rest"))
    found = suite.load("claims.toml")
    assert (found.task.data, found.budget.max_examples, len(found.run.methods)) == ("claims.jsonl", 500, 3)
    checks.paths(found)
    scored_by.check(found.task, (), found.evaluation.metric_options)


def test_the_example_of_a_built_in_task_is_whole(folder):
    whole = task_files.completed(load(folder, example("suite")))
    assert whole.templates[0].filled({"source": "Hi."}).startswith("Translate from English to German.\n\nHi.")


def test_a_task_in_a_file_is_the_same_task(folder):
    (folder / "claims_task.toml").write_text(example("file"))
    table = load(folder, '[task]\nname = "claims_task.toml"\ndata = "claims.jsonl"\n')
    inline = load(folder, example("task"))
    assert table.model_copy(update={"name": inline.name}) == inline


def test_the_example_in_python_makes_rows_and_reads_answers(folder):
    (folder / "multiple_choice.py").write_text(example("class"))
    rows = [{"question": f"Which is red? {n}", "choices": ["sky", "rose"], "right": 1} for n in range(10)]
    (folder / "choices.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = load(folder, '[task]\nname = "multiple_choice.py"\ndata = "choices.jsonl"\n')
    row = data.load(table)["test"][0]
    assert table.templates[0].filled(row.texts) == "Which is red? 0\n\nA) sky\nB) rose\n\nAnswer: "
    assert [definition.of(table).read(text) for text in ("(B) rose", "Both", "A")] == ["B", None, "A"]


def test_the_example_in_python_counts_every_letter_as_an_answer(folder):
    (folder / "multiple_choice.py").write_text(example("class"))
    rows = [{"question": f"Which? {n}", "choices": ["sky", "rose", "sea"], "right": n // 10} for n in range(30)]
    (folder / "choices.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = load(folder, '[task]\nname = "multiple_choice.py"\ndata = "choices.jsonl"\n')
    task = prepare(table, data.load(table), Seq2SeqFamily(ByT5Tokenizer()))
    references, scoring = [each.references for each in task.questions], scored_by.scoring_of(table)
    assert references == [("A",), ("B",), ("C",)]
    assert scoring.misfit(task.labels) is None
    assert all(scorer.reads(text, {}) for scorer in scoring.scorers for (text,) in references)
    for texts, value in ((["A", "(B) rose", "C) sea"], 1.0), (["B", "The rose", "C"], 1 / 3)):
        assert scoring.scored(answers.read(task, texts), references, [True] * 3).values["accuracy"] == value


def test_the_example_in_python_reads_lists_in_a_table_as_references(folder):
    (folder / "squad.py").write_text(example("squad"))
    found = [{"text": ["Ann", "Ann B."], "answer_start": [3, 3]}, {"text": [], "answer_start": []}]
    rows = [{"question": f"Who? {n}", "context": "It is Ann B.", "answers": found[n % 2]} for n in range(40)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = load(folder, '[task]\nname = "squad.py"\ndata = "rows.jsonl"\n')
    splits = data.load(table)
    assert [row.target for row in splits["test"]] == ["Ann", "Ann B."] * 2
    assert sum(map(len, splits.values())) == 40
    assert table.templates[0].filled(splits["test"][0].texts) == "It is Ann B.\n\nQuestion: Who? 0\n\nAnswer: "


def test_every_key_that_defines_a_task_is_explained():
    keys = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Built-in tasks")[0], re.MULTILINE)
    assert set(keys) == {"name", *task_files.DEFINING}


def test_the_built_in_tasks_are_listed_with_their_columns():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.partition("## Built-in tasks")[2], re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(task_files.built_in())
    for name, columns in rows:
        known = task_files.built_in()[name].columns
        first = [names[0] for own, names in known.items() if own != "id"]
        assert [each for each in first if f"`{each}`" not in columns] == []


def test_the_columns_of_the_embedded_data_are_those_that_the_page_names():
    for keys in (
        {"name": "answer", "columns": {"context": "dialogue"}},
        {"name": "classify", "columns": {"source": "dialogue", "target": "topic"}},
        {"name": "classify", "columns": {"source": "dialogue", "target": "granted"}},
    ):
        data.check(TaskTable(**keys))


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", PAGE))
def test_every_link_leads_to_a_file(link):
    assert (ROOT / "docs" / link).exists()
