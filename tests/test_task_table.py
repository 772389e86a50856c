"""A ``[task]`` that defines no task is told what is wrong, with file and key, when its suite is read."""

import pytest

from harness.spec import suite, task_files
from harness.spec.errors import SuiteError
from harness.spec.record import RunSpec
from harness.spec.suite import Budget, Evaluation, ModelTable, TaskTable

COLUMNS = 'columns = { source = "q", target = "a" }'
PROMPT = 'prompt = "{source}\\n\\nAnswer: "'
NEW = f'name = "mine"\n{COLUMNS}\n{PROMPT}\n'


@pytest.fixture
def load(tmp_path):
    """``load(lines)``: the suite with these lines in its ``[task]``."""

    def read(lines):
        path = tmp_path / "suite.toml"
        path.write_text(f'[task]\n{lines}\n[budget]\nmax_steps = 1\n[run]\nmethods = ["lora"]\n')
        return suite.load(str(path))

    return read


def test_whole_numbers_are_labels_as_they_are_in_data(load):
    assert load('name = "classify"\nlabels = [0, 1, "two"]').task.labels == ("0", "1", "two")


@pytest.mark.parametrize("name", task_files.built_in())
def test_every_built_in_task_is_a_whole_one(name, load):
    table = load(f'name = "{name}"').task
    assert table.model_dump(exclude_unset=True) == {"name": name}
    assert task_files.completed(table).metrics


def test_a_name_with_columns_and_a_prompt_is_a_new_task(load):
    table = load(NEW).task
    assert (table.columns, table.prompt) == ({"source": ("q",), "target": ("a",)}, ("{source}\n\nAnswer: ",))


def test_keys_of_a_suite_replace_those_of_a_built_in_task_and_columns_one_by_one(load):
    whole = task_files.completed(load('name = "summarize"\ncolumns = { source = "story" }').task)
    assert whole.columns["source"] == ("story",)
    assert whole.columns["target"] == ("highlights", "summary", "abstract")
    assert whole.prompt == task_files.built_in()["summarize"].prompt


def test_a_column_that_no_prompt_names_any_more_goes_with_the_prompt(load):
    whole = task_files.completed(load('name = "answer"\nprompt = "{source}"').task)
    assert set(whole.columns) == {"source", "target", "id"}


def test_a_prompt_may_call_a_column_as_the_data_do(load):
    (template,) = load(f'name = "mine"\n{COLUMNS}\nprompt = "{{hint}}: {{q}}"').task.templates
    assert template.names == ("hint", "source")


@pytest.mark.parametrize(
    ("lines", "key", "said"),
    [
        ('name = "mein"', "task.name", "for a task of your own, set task.columns and task.prompt, or name its file"),
        ('name = "dialogsun"', "task.name", "did you mean 'dialogsum'? Known: answer, classify, "),
        (f'name = "mine"\n{PROMPT}', "task.columns", 'no source; name both, as in { source = "question"'),
        (f'name = "mine"\n{PROMPT}\ncolumns = {{ source = "q" }}', "task.columns", "no target; name both"),
        (f'name = "mine"\n{COLUMNS}', "task.prompt", "task 'mine' has none; write one, such as"),
        (f'name = "mine"\n{COLUMNS}\nprompt = "Answer."', "task.prompt", "names no column; write {source} where"),
        (f'name = "mine"\n{COLUMNS}\nprompt = "{{hint}}"', "task.prompt", "does not name {source}, the column whose"),
        (f'name = "mine"\n{COLUMNS}\nprompt = "{{q}} {{a}}"', "task.prompt", "would give the answer away"),
        (f'name = "mine"\n{COLUMNS}\nprompt = "{{q!r}}"', "task.prompt", "has braces with more or less than a name"),
        (f'name = "mine"\n{COLUMNS}\nprompt = "{{q"', "task.prompt", "has an unpaired brace"),
        (f'name = "mine"\n{COLUMNS}\nprompt = 3', "task.prompt", "(got 3)"),
        (f'name = "mine"\n{COLUMNS}\nprompt = []', "task.prompt", "names no column"),
        ('name = "answer"\ncolumns = { source = "q", target = "q" }', "task.columns", "are the same column, 'q'"),
        ('name = "answer"\ncolumns = { source = " " }', "task.columns", "source names no column of the data"),
        ('name = "answer"\ncolumns = { contxt = "c" }', "task.columns", "{contxt}; did you mean 'context'?"),
        ('name = "answer"\nvalues = { where = "here" }', "task.values", "no prompt names {where}"),
        ('name = "answer"\nvalues = { source = "here" }', "task.values", "source differs from row to row"),
        ('name = "answer"\nlabels = []', "task.labels", "needs two or more; leave out this key to find the labels"),
        ('name = "answer"\nlabels = ["yes", "no", "yes"]', "task.labels", "has 'yes' twice"),
        ('name = "answer"\nlabels = [1, "1"]', "task.labels", "has '1' twice"),
        ('name = "answer"\nlabels = [true, false]', "task.labels.0", "(got True)"),
        ('name = "answer"\nlabels = ["yes", ""]', "task.labels", "'' is empty, or begins or ends with a space"),
        ('name = "answer"\nlabels = ["yes", " yes"]', "task.labels", "' yes' is empty, or begins or ends with a space"),
        ('name = "answer"\nstop = [""]', "task.stop", "has an empty text, which would end every answer"),
        ('name = "answer"\nextract = "(.+"', "task.extract", "is not a regular expression: missing )"),
        ('name = "answer"\nextract = "#.+"', "task.extract", "has no group; put what counts of an answer in paren"),
        ('name = "answer"\nmetrics = []', "task.metrics", "names no metric; name at least one"),
        ('name = "answer"\nanswer = "guess"', "task.answer", "'generate' or 'choose' (got 'guess')"),
        ('name = "classify"\nstop = "."', "task.stop", "is for generated answers, but task.answer is 'choose'"),
        ('name = "classify"\nextract = "(.)"', "task.extract", "is for generated answers, but task.answer is 'choose'"),
        ('name = "instruct"\nprompt = "{source}"', "task.prompt", "a conversation is its own prompt; leave out"),
        ('name = "instruct"\nvalues = { a = "b" }', "task.values", "a conversation is its own prompt; leave out"),
        (
            'name = "instruct"\ncolumns = { topic = "t" }',
            "task.columns",
            "a conversation is its own prompt, which names no topic; leave out this column",
        ),
        (
            'name = "mine"\ncolumns = { messages = "m", source = "q" }',
            "task.columns",
            "messages has both source and target in it; leave out source",
        ),
    ],
)
def test_what_defines_no_task_is_told_with_file_and_key(lines, key, said, load, tmp_path):
    with pytest.raises(SuiteError) as caught:
        load(lines)
    assert str(caught.value).startswith(f"{tmp_path / 'suite.toml'}: {key}")
    assert said in str(caught.value)


def spec(**keys):
    """A run of the task with these keys."""
    return RunSpec(
        suite="small",
        method="lora",
        seed=0,
        task=TaskTable(**{"name": "dialogsum", **keys}),
        model=ModelTable(),
        budget=Budget(max_steps=1),
        evaluation=Evaluation(),
        batch_size=4,
    )


def test_two_tasks_that_ask_otherwise_are_two_questions():
    asked = [{}, {"name": "summarize"}, {"prompt": "{source}"}, {"prompt": "{source}\n"}, {"stop": "."}]
    assert len({spec(**keys).question for keys in asked}) == len(asked)
    assert spec().question == "dialogsum"


def test_neither_limits_nor_metrics_make_another_question():
    assert spec(max_source_tokens=9, test_rows=3, metrics=["rouge"]).question == spec().question


def test_a_spec_comes_back_from_json_with_its_hash():
    run = spec(name="mine", columns={"source": "q", "target": ["a", "b"]}, prompt="{source}", answer="generate")
    again = RunSpec.model_validate_json(run.model_dump_json())
    assert (again, again.hash) == (run, run.hash)
